"""Keys of a card, and their PINs: what a driver tells of them, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from bridged.model import PinRules, PinStatus, Usage
from bridged.pcsc.apdu import Command, Response


class Input(Enum):
    """What a card's signing command takes; `signing.algorithms` makes JWA's algorithms of it."""

    RSA_BLOCK = auto()
    """The whole padded block, as long as the modulus."""
    RSA_DIGEST_INFO = auto()
    """The DigestInfo of PKCS#1 v1.5; the card pads."""
    RSA_PSS = auto()
    """The digest; the card makes PSS of it with its hash, MGF1 of that, and a salt as long."""
    EC_DIGEST = auto()
    """The digest; the answer is DER r, s."""
    ED_MESSAGE = auto()
    """The message itself (Ed25519); the answer is R || S."""


@dataclass(frozen=True, slots=True)
class PinBlock:
    """How VERIFY carries a PIN: ASCII from the left, filled up with `pad` to `length` bytes.

    `reference` is its P2. Where `length` is None the PIN goes as it is.
    """

    reference: int = 0x80
    length: int | None = None
    pad: int = 0xFF

    def of(self, pin: bytes) -> bytes:
        """Return the block of a PIN; that of the empty PIN is what a keypad fills in."""
        return pin.ljust(self.length or 0, bytes((self.pad,)))

    def verify(self, pin: bytes = b"") -> Command:
        """Return the VERIFY of a PIN."""
        return Command(0x00, 0x20, 0x00, self.reference, self.of(pin))

    def change(self, pin: bytes = b"", new: bytes = b"") -> Command:
        """Return the CHANGE REFERENCE DATA of both, one after the other (ISO/IEC 7816-4, 11.5.7)."""
        return Command(0x00, 0x24, 0x00, self.reference, self.of(pin) + self.of(new))


@dataclass(frozen=True, slots=True)
class PinObject:
    """A PIN of the card: how people call it, its shape for them and in VERIFY, its PUK's if any."""

    ref: str
    label: str
    rules: PinRules
    puk: PinRules | None = None
    block: PinBlock = PinBlock()
    protected: bool = False
    """The card's own software has the person type it; see `Driver.verify_protected`."""

    def status(self, *, tries_left: int | None, verified: bool) -> PinStatus:
        """Return the state of this PIN."""
        return PinStatus(
            label=self.label,
            rules=self.rules,
            tries_left=tries_left,
            blocked=tries_left == 0,
            verified=verified,
        )


class Keypad(Protocol):
    """A reader's own keys, where a PIN is typed that never reaches the computer."""

    def verify(self, command: Command, pin: PinObject) -> Response:
        """Let the person type the PIN into the block of a VERIFY; return the card's answer."""

    def modify(self, command: Command, pin: PinObject, *, old: bool) -> Response:
        """Let the person type the PIN where `old`, and the new one twice; return the card's answer.

        Raises `EntriesDiffer`.
        """


@dataclass(frozen=True, slots=True)
class Key:
    """A private key on the card and the certificate that goes with it.

    `pin` is None for a key that signs without one. `inputs` is what the card can be given to sign.
    `certificate` is DER that `certificate.load` takes, or None where the card shows it only after
    the PIN. `certificate_private` says that it may be shown only to who gave that PIN.
    """

    ref: str
    usage: Usage
    label: str
    pin: PinObject | None
    pin_always: bool
    inputs: frozenset[Input]
    certificate: bytes | None
    certificate_private: bool = False
