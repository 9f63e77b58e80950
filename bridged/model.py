"""The values that travel through every layer and, unchanged, over the wire.

Frozen msgspec structs; members are camelCase on the wire (`docs/protocol.md`), bytes are
standard padded base64 there and plain `bytes` here.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

DEFAULT_PORT = 24781
"""Where the daemon listens on loopback unless told otherwise (TCP)."""


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of everything that is sent: immutable; members of a later daemon are passed over."""


class OpenEnum(StrEnum):
    """A set that may grow inside `bridged.v1`: a later daemon's value is kept as it came."""

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if not isinstance(value, str):
            return None
        later = str.__new__(cls, value)
        later._name_ = later._value_ = value
        return later


class ReaderState(StrEnum):
    """What a reader can be seen to be without talking to its card."""

    EMPTY = "empty"
    PRESENT = "present"
    MUTE = "mute"
    UNAVAILABLE = "unavailable"
    IN_USE = "in-use"


class CardType(OpenEnum):
    """The application a driver found on the card."""

    PIV = "piv"
    JPKI = "jpki"
    PKCS11 = "pkcs11"


class Usage(StrEnum):
    """What a key may be used for; each key has exactly one."""

    AUTHENTICATION = "authentication"
    SIGNATURE = "signature"


class Algorithm(StrEnum):
    """Signature algorithms by their JWA names (RFC 7518, 3.1; EdDSA, by Ed25519: RFC 8037, 3.1)."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EdDSA = "EdDSA"


class KeyUsage(StrEnum):
    """The bits of a certificate's keyUsage that can be asked for (RFC 5280, 4.2.1.3)."""

    DIGITAL_SIGNATURE = "digitalSignature"
    NON_REPUDIATION = "nonRepudiation"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"
    KEY_CERT_SIGN = "keyCertSign"
    CRL_SIGN = "cRLSign"


class DocumentFormat(StrEnum):
    """How a signature is put to a document (ETSI EN 319 122, 319 132 and 319 142)."""

    CADES = "cades"
    XADES = "xades"
    PADES = "pades"


class SignatureLevel(StrEnum):
    """Baseline levels: `B-B`, or `B-T` with a time-stamp of an authority beside it."""

    B_B = "B-B"
    B_T = "B-T"


class Grant(StrEnum):
    """What a site may do; a site holds any set of these."""

    CERTIFICATES = "certificates"
    SIGN = "sign"
    PAGE_PIN = "page-pin"


class PinAlphabet(StrEnum):
    """Which characters a card accepts in a PIN."""

    DIGITS = "digits"
    UPPER_ALNUM = "upper-alphanumeric"
    ASCII = "ascii"


class PinRules(Wire, frozen=True):
    """The shape of a PIN; lengths count characters."""

    min_length: int
    max_length: int
    alphabet: PinAlphabet


class PinStatus(Wire, frozen=True):
    """One PIN of a card; `tries_left` is None where the card does not tell."""

    label: str
    rules: PinRules
    tries_left: int | None
    blocked: bool
    verified: bool


class Card(Wire, frozen=True):
    """A card as inserted now; `id` is opaque and new with each insertion."""

    id: str
    type: CardType
    label: str


class Reader(Wire, frozen=True):
    """A reader; `id` is opaque and lasts as long as the reader is connected."""

    id: str
    name: str
    state: ReaderState
    pinpad: bool
    card: Card | None


class Name(Wire, frozen=True):
    """A distinguished name made readable; `rfc4514` is the whole of it."""

    common_name: str | None
    organization: str | None
    organizational_unit: str | None
    rfc4514: str


class Holder(Wire, frozen=True):
    """Whom the certificate names, kanji where it carries them, else as in the subject."""

    name: str | None
    organization: str | None
    address: str | None
    corporate_number: str | None


class X509(Wire, frozen=True):
    """A certificate and what it says (RFC 5280).

    `issuer_family` is the service its issuer goes by; a name for people, proof of nothing.
    """

    der: bytes
    sha256: str
    subject: Name
    issuer: Name
    issuer_family: str | None
    holder: Holder
    serial_number: str
    not_before: datetime
    not_after: datetime
    expires_in_days: int
    key_type: str
    key_usage: tuple[str, ...]
    policies: tuple[str, ...]


class Certificate(Wire, frozen=True):
    """A key on an inserted card with its certificate.

    `id` names both and is valid while the card stays inserted. `x509` is None while
    `locked`: the card shows the certificate only after its PIN.
    """

    id: str
    reader: str
    card: str
    usage: Usage
    label: str
    locked: bool
    algorithms: tuple[Algorithm, ...]
    pin: PinStatus | None
    x509: X509 | None
    chain: tuple[bytes, ...]


class AuthenticationToken(Wire, frozen=True):
    """A Web eID authentication token, format `web-eid:1.0`."""

    unverified_certificate: bytes
    algorithm: Algorithm
    signature: bytes
    format: str
    app_version: str
