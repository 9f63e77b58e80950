"""What a virtual card is made from: a TOML file, ours or a person's own."""

from __future__ import annotations

import tomllib
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cryptography import x509
from msgspec import Meta

from bridged.errors import ConfigError
from bridged.virtual.certificates import Cardholder
from bridged.virtual.keystore import KeyAlgorithm
from bridged.virtual.misbehaviour import Misbehaviour

Tries = Annotated[int, Meta(ge=1, le=15)]
Milliseconds = Annotated[float, Meta(ge=0, le=60_000)]
Hex = Annotated[str, Meta(pattern="^([0-9A-Fa-f]{2} ?)*$")]
Slot = Annotated[str, Meta(pattern="^(9[acde]|8[2-9a-f]|9[0-5])$")]
"""A PIV key reference in hexadecimal (SP 800-73-4, part 1, table 4b)."""
Days = Annotated[int, Meta(ge=-7300, le=7300)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file; a key it does not know is an error."""


class Usage(Enum):
    """A bit of keyUsage (RFC 5280, 4.2.1.3)."""

    DIGITAL_SIGNATURE = "digital_signature"
    CONTENT_COMMITMENT = "content_commitment"
    KEY_ENCIPHERMENT = "key_encipherment"
    DATA_ENCIPHERMENT = "data_encipherment"
    KEY_AGREEMENT = "key_agreement"


class Secret(_Table, frozen=True):
    """A PIN as it is issued; without `left` no try is used, with 0 it is blocked."""

    value: str
    tries: Tries = 3
    left: Annotated[int, Meta(ge=0, le=15)] | None = None

    def __post_init__(self) -> None:
        if self.left is not None and self.left > self.tries:
            raise ValueError(f"`left` is more than the {self.tries} `tries`")


class PivPin(Secret, frozen=True):
    """Six to eight digits."""

    value: Annotated[str, Meta(pattern="^[0-9]{6,8}$")] = "123456"


class Puk(Secret, frozen=True):
    """Eight characters."""

    value: Annotated[str, Meta(pattern="^[ -~]{8}$")] = "12345678"


class JpkiAuthenticationPin(Secret, frozen=True):
    """Four digits."""

    value: Annotated[str, Meta(pattern="^[0-9]{4}$")] = "1234"


class JpkiSignaturePin(Secret, frozen=True):
    """Six to sixteen capital letters and digits."""

    value: Annotated[str, Meta(pattern="^[0-9A-Z]{6,16}$")] = "ABC123"
    tries: Tries = 5


class Validity(_Table, frozen=True):
    """When certificates are valid, in days from the moment the card is made."""

    begins_in_days: Days = -1
    ends_in_days: Days = 730

    def __post_init__(self) -> None:
        if self.begins_in_days >= self.ends_in_days:
            raise ValueError("it ends before it begins")


class CertificateSpec(_Table, frozen=True):
    """A certificate; its names are the holder's unless `subject` (RFC 4514) says otherwise."""

    unit: str = ""
    subject: str | None = None
    kanji: bool = True
    usage: tuple[Usage, ...] = (Usage.DIGITAL_SIGNATURE, Usage.CONTENT_COMMITMENT)
    client_authentication: bool = False
    compressed: bool = False
    validity: Validity | None = None

    def __post_init__(self) -> None:
        if self.subject is not None:
            x509.Name.from_rfc4514_string(self.subject)


class PivKeySpec(_Table, frozen=True):
    """A key; PIN before each signature in 9C, once in the others, unless `pin` says otherwise.

    9E never asks for it.
    """

    slot: Slot
    algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048
    pin: Literal["once", "always"] | None = None
    certificate: CertificateSpec = CertificateSpec()

    @property
    def reference(self) -> int:
        """The slot as commands carry it."""
        return int(self.slot, 16)

    @property
    def pin_always(self) -> bool:
        """Whether each signature asks for the PIN."""
        return self.slot == "9c" if self.pin is None else self.pin == "always"


class PivSpec(_Table, frozen=True):
    """A PIV application."""

    keys: tuple[PivKeySpec, ...]
    pin: PivPin = PivPin()
    puk: Puk = Puk()

    def __post_init__(self) -> None:
        if len({key.slot for key in self.keys}) < len(self.keys):
            raise ValueError("two keys have one slot")


class JpkiAuthenticationSpec(_Table, frozen=True):
    """The key for log-ins (利用者証明用)."""

    pin: JpkiAuthenticationPin = JpkiAuthenticationPin()
    validity: Validity | None = None


class JpkiSignatureSpec(_Table, frozen=True):
    """The key for signatures (署名用)."""

    pin: JpkiSignaturePin = JpkiSignaturePin()
    usage: tuple[Usage, ...] = (Usage.DIGITAL_SIGNATURE, Usage.CONTENT_COMMITMENT)
    validity: Validity | None = None


class JpkiSpec(_Table, frozen=True):
    """A JPKI application."""

    authentication: JpkiAuthenticationSpec = JpkiAuthenticationSpec()
    signature: JpkiSignatureSpec = JpkiSignatureSpec()


class AtrSpec(_Table, frozen=True):
    """What the card says at power-up: a label, or historical bytes, or the whole ATR (hex)."""

    label: Annotated[str, Meta(pattern="^[ -~]{1,9}$")] = "bridged"
    extended_length: bool = True
    historical: Annotated[Hex, Meta(max_length=45)] | None = None
    whole: Annotated[Hex, Meta(min_length=4, max_length=99)] | None = None
    mute: bool = False


class Latency(_Table, frozen=True):
    """How long the card takes for a command, and for a signature on top."""

    apdu_ms: Milliseconds = 0
    signature_ms: Milliseconds = 0


class Profile(_Table, frozen=True):
    """A card; with neither `piv` nor `jpki` it is one that no driver knows.

    `revoked` lets a CA that is kept in a directory revoke its certificates at once.
    """

    ja: str = ""
    en: str = ""
    name: Annotated[str, Meta(pattern="^[^/]*$")] = ""
    holder: Cardholder = Cardholder()
    atr: AtrSpec = AtrSpec()
    latency: Latency = Latency()
    validity: Validity = Validity()
    piv: PivSpec | None = None
    jpki: JpkiSpec | None = None
    revoked: bool = False
    misbehaviour: tuple[Misbehaviour, ...] = ()


_SHIPPED = {
    file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
    for file in resources.files("bridged.virtual").joinpath("shipped").iterdir()
}


def shipped() -> tuple[str, ...]:
    """Return the names of the profiles that come with bridged."""
    return tuple(sorted(_SHIPPED))


def load(name: str) -> Profile:
    """Read one of ours by its name, or a file by its path; raises `ConfigError` with the place."""
    try:
        return msgspec.convert({"name": Path(name).stem, **_tables(name)}, Profile)
    except msgspec.ValidationError as error:
        raise ConfigError(file=name, detail=str(error)) from None


def _tables(name: str) -> dict[str, Any]:
    """Return the tables of a profile, over those of the profile that it `extends`."""
    try:
        tables = tomllib.loads(_text(name))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(file=name, detail=str(error)) from None
    base = tables.pop("extends", None)
    if base is None:
        return tables
    if base not in _SHIPPED:
        raise ConfigError(
            file=name, detail=f"there are {', '.join(shipped())} - at `$.extends`"
        ) from None
    return _merged(_tables(base), tables)


def _text(name: str) -> str:
    if name in _SHIPPED:
        return _SHIPPED[name]
    file = Path(name)
    if not file.exists():
        raise ConfigError(file=name, detail=f"no such profile; there are {', '.join(shipped())}")
    return file.read_text(encoding="utf-8")


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`, tables merged and everything else replaced."""
    both = {
        key: _merged(base[key], value)
        for key, value in over.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return {**base, **over, **both}
