"""Every method and notification of `bridged.v1` with its types: the one source of the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated, Any

from msgspec import Meta

from bridged.model import (
    Algorithm,
    AuthenticationToken,
    Certificate,
    DocumentFormat,
    Grant,
    KeyUsage,
    OpenEnum,
    PinStatus,
    Reader,
    SignatureLevel,
    Usage,
    Wire,
)

SUBPROTOCOL = "bridged.v1"
MAX_LEASE_S = 300
MAX_DIGESTS = 1000
MAX_DOCUMENT = 768_000
"""Bytes of a document to sign: in base64 it just fits a message of 1 MiB."""

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Digest = Annotated[bytes, Meta(min_length=1, max_length=2048)]
"""A digest of the algorithm's hash; for EdDSA, which hashes by itself, a message."""


class CloseCode(IntEnum):
    """Why the daemon closed the socket; a page can read it."""

    GOING_AWAY = 1001
    BAD_SUBPROTOCOL = 4400
    SITE_NOT_ALLOWED = 4403
    TOO_SLOW = 4408
    TOO_MANY_CONNECTIONS = 4409
    FLOOD = 4429
    MISCONFIGURED = 4500


class Params(Wire, frozen=True, forbid_unknown_fields=True):
    """Base of what is asked for: an unknown member is refused, lest a wish be passed over."""


class NoParams(Params, frozen=True):
    """No parameters."""


class Empty(Wire, frozen=True):
    """Nothing to report but success."""


class BridgeInfo(Wire, frozen=True):
    """What answers, and what the asking site may do.

    `origin` is None for a program that came with the token. `pin_entry` lists the ways a PIN
    can be given here, best first.
    """

    version: str
    protocols: tuple[str, ...]
    methods: tuple[str, ...]
    origin: str | None
    grants: tuple[Grant, ...]
    pin_entry: tuple[str, ...]


class SiteStatusParams(Params, frozen=True):
    """What the page would like to do; left out: `certificates` and `sign`."""

    grants: tuple[Grant, ...] | None = None


class SiteRequestParams(Params, frozen=True):
    """What the person is asked for; what the site holds already is not asked again."""

    grants: Annotated[tuple[Grant, ...], Meta(min_length=1, max_length=8)]


class SiteStatus(Wire, frozen=True):
    """What the site may do, what it lacks of what it wants, and whether asking would ask anybody."""

    held: tuple[Grant, ...]
    missing: tuple[Grant, ...]
    can_ask: bool


class ReaderList(Wire, frozen=True):
    """All readers; an empty list means that none is connected."""

    readers: tuple[Reader, ...]


DistinguishedName = Annotated[str, Meta(min_length=1, max_length=1200)]
Oid = Annotated[str, Meta(max_length=200, pattern=r"^[0-2](\.(0|[1-9][0-9]*))+$")]


class CertificateListParams(Params, frozen=True):
    """Which certificates: of one reader (its id) or all, of one usage or both, and what they say.

    One of `issuers` (RFC 4514) must have issued the certificate or one of its chain, every bit of
    `key_usage` be set, one of `policies` be named; with `valid_only` it must be valid now.
    """

    reader: Id | None = None
    usage: Usage | None = None
    issuers: Annotated[tuple[DistinguishedName, ...], Meta(max_length=32)] = ()
    key_usage: Annotated[tuple[KeyUsage, ...], Meta(max_length=7)] = ()
    policies: Annotated[tuple[Oid, ...], Meta(max_length=32)] = ()
    valid_only: bool = False


class CertificateList(Wire, frozen=True):
    """The certificates found, readers in order of name, authentication first."""

    certificates: tuple[Certificate, ...]


class KeyParams(Params, frozen=True):
    """A key, by the id of its certificate."""

    key: Id


Secret = Annotated[str, Meta(max_length=256)]


class PinParams(Params, frozen=True):
    """Parameters that may carry PINs: they never show in a log or a traceback."""

    key: Id

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key={self.key!r}, ***)"


class PinVerifyParams(PinParams, frozen=True):
    """Verify the PIN of a key and keep it usable for `lease_seconds`.

    Without `pin` the person is asked; a `pin` needs the grant `page-pin`. `accept_last_try` is the
    person's own yes to using the last try, for a `pin` alone.
    """

    lease_seconds: Annotated[int, Meta(ge=1, le=MAX_LEASE_S)] = 60
    pin: Secret | None = None
    accept_last_try: bool = False


class PinChangeParams(PinParams, frozen=True):
    """Change the PIN of a key; a PIN left out is asked for, one given needs the grant `page-pin`."""

    pin: Secret | None = None
    new_pin: Secret | None = None
    accept_last_try: bool = False


class PinUnblockParams(PinParams, frozen=True):
    """Give the blocked PIN of a key a new value with the PUK; both asked for or given, as above."""

    puk: Secret | None = None
    new_pin: Secret | None = None
    accept_last_try: bool = False


class PukChangeParams(PinParams, frozen=True):
    """Change the PUK of a key's PIN; one left out is asked for, one given needs `page-pin`."""

    puk: Secret | None = None
    new_puk: Secret | None = None
    accept_last_try: bool = False


class Lease(Wire, frozen=True):
    """The right of this connection to use one key without the PIN being asked again."""

    id: str
    key: str
    expires_in_seconds: int


class LeaseEnd(OpenEnum):
    """Why a lease ended without being released."""

    EXPIRED = "expired"
    REPLACED = "replaced"
    CARD_REMOVED = "card-removed"
    CARD_RESET = "card-reset"


class LeaseParams(Params, frozen=True):
    """A lease, by its id."""

    lease: Id


class AuthenticationParams(Params, frozen=True):
    """The portal's one-use challenge (Web eID: 44 to 128 characters) and the key."""

    certificate: Id
    challenge: Annotated[str, Meta(min_length=44, max_length=128)]


class OnError(StrEnum):
    """What a batch does when one of its signatures fails."""

    STOP = "stop"
    CONTINUE = "continue"


class SignatureParams(Params, frozen=True):
    """Digests to sign with one key, and what they stand for in the person's words."""

    certificate: Id
    algorithm: Algorithm
    digests: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=MAX_DIGESTS)]
    title: Annotated[str, Meta(max_length=200)] = ""
    on_error: OnError = OnError.STOP


class SignatureFailure(Wire, frozen=True):
    """Why one digest of a batch has no signature."""

    index: int
    reason: str
    messages: dict[str, str]


class SignatureList(Wire, frozen=True):
    """One signature per digest, in order; ECDSA as raw r||s (RFC 7518, section 3.4).

    With `on_error` `continue` a signature may be None; `failures` then says why.
    """

    signatures: tuple[bytes | None, ...]
    failures: tuple[SignatureFailure, ...]


Line = Annotated[str, Meta(max_length=200)]
"""Text that goes into a signature."""


class DocumentParams(Params, frozen=True):
    """A document to sign, and how.

    With `detached` the result is the signature alone; a PDF holds its own. `file_name` is what a
    detached XAdES signature calls the document. `reason` and `location` go into a PDF's signature.
    """

    certificate: Id
    format: DocumentFormat
    content: Annotated[bytes, Meta(min_length=1, max_length=MAX_DOCUMENT)]
    level: SignatureLevel = SignatureLevel.B_B
    detached: bool = False
    title: Annotated[str, Meta(max_length=200)] = ""
    file_name: Line | None = None
    reason: Line | None = None
    location: Line | None = None


class SignedDocument(Wire, frozen=True):
    """The signed document, or the signature alone where it is detached."""

    document: bytes


class CancelParams(Params, frozen=True):
    """A request of this connection, by its JSON-RPC id."""

    id: int | Id


class CancelResult(Wire, frozen=True):
    """Whether the request was still under way; it then ends with `cancelled`."""

    cancelled: bool


class SiteEvent(Wire, frozen=True):
    """What the site may do from now on."""

    held: tuple[Grant, ...]


class ReaderEvent(Wire, frozen=True):
    """The reader as it is after the event."""

    reader: Reader


class ProgressEvent(Wire, frozen=True):
    """How many signatures of a batch are made; `id` is the request's."""

    id: int | str
    done: int
    total: int


class PromptingEvent(Wire, frozen=True):
    """Where the person is asked something for a request; `id` is the request's.

    `url` is the address that the page opens in a window of its own where `way` is `window`.
    `reader` is None where the question is not about a card.
    """

    id: int | str
    way: str
    reader: str | None
    url: str | None


class PromptedEvent(Wire, frozen=True):
    """The person is not asked any more, whatever the answer; `id` is the request's."""

    id: int | str


class LeaseEndedEvent(Wire, frozen=True):
    """A lease is over before it was released."""

    lease: str
    cause: LeaseEnd


class OpenRpc(Wire, frozen=True):
    """The OpenRPC document of this protocol (OpenRPC 1.3)."""

    openrpc: str
    info: dict[str, Any]
    methods: list[dict[str, Any]]
    components: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Method:
    """A request: what goes in, what comes out, the grant it needs, and whether it may be long."""

    params: type[Params]
    result: type[Wire]
    grant: Grant | None
    large: bool = False


METHODS: dict[str, Method] = {
    "bridge.info": Method(NoParams, BridgeInfo, None),
    "site.status": Method(SiteStatusParams, SiteStatus, None),
    "site.request": Method(SiteRequestParams, SiteStatus, None),
    "reader.list": Method(NoParams, ReaderList, Grant.CERTIFICATES),
    "certificate.list": Method(CertificateListParams, CertificateList, Grant.CERTIFICATES),
    "pin.status": Method(KeyParams, PinStatus, Grant.CERTIFICATES),
    "pin.verify": Method(PinVerifyParams, Lease, Grant.SIGN),
    "pin.change": Method(PinChangeParams, Empty, Grant.SIGN),
    "pin.unblock": Method(PinUnblockParams, Empty, Grant.SIGN),
    "puk.change": Method(PukChangeParams, Empty, Grant.SIGN),
    "lease.release": Method(LeaseParams, Empty, Grant.SIGN),
    "authentication.create": Method(AuthenticationParams, AuthenticationToken, Grant.SIGN),
    "signature.create": Method(SignatureParams, SignatureList, Grant.SIGN, large=True),
    "document.sign": Method(DocumentParams, SignedDocument, Grant.SIGN, large=True),
    "request.cancel": Method(CancelParams, CancelResult, None),
    "rpc.discover": Method(NoParams, OpenRpc, None),
}

NOTIFICATIONS: dict[str, type[Wire]] = {
    "reader.added": ReaderEvent,
    "reader.removed": ReaderEvent,
    "card.inserted": ReaderEvent,
    "card.removed": ReaderEvent,
    "lease.ended": LeaseEndedEvent,
    "request.progress": ProgressEvent,
    "site.granted": SiteEvent,
    "site.revoked": SiteEvent,
    "pin.prompting": PromptingEvent,
    "pin.prompted": PromptedEvent,
}
