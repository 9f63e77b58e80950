"""What a card driver is: keys with certificates, PINs, signatures; synchronous, no network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar, Protocol, Self, final

from bridged.errors import (
    CardFault,
    PinBlocked,
    PinIncorrect,
    PinLastTry,
    PinRequired,
    PinUnblockUnsupported,
    WhichSecret,
    about,
)
from bridged.model import CardType, PinRules, PinStatus, Usage
from bridged.pcsc.apdu import SW, Command, Response
from bridged.pcsc.channel import Channel
from bridged.secret import Pin


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


class Driver(ABC):
    """A card from its insertion to its removal; used on its reader's thread.

    Methods about a PIN are for keys that have one. Raises `CardFault` for what no specification
    allows, and what the connection raises.
    """

    card_type: ClassVar[CardType]
    label: str
    """What people call the card."""

    @property
    @abstractmethod
    def epoch(self) -> int:
        """The card's present epoch: while it stays the same, a verified PIN stays verified."""

    @abstractmethod
    def keys(self, usage: Usage | None = None) -> list[Key]:
        """Return the keys of a usage, or all; certificates are read once for each insertion."""

    def chain(self, key: Key) -> tuple[bytes, ...]:
        """Return the certificates above a key's that the card carries, nearest first (here: none).

        Each is read once for each insertion, and not before somebody wants it.
        """
        del key
        return ()

    @abstractmethod
    def enter(self) -> None:
        """Select the application in this transaction, so that no other one can see a PIN."""

    @abstractmethod
    def pin_status(self, key: Key) -> PinStatus:
        """Return the state of the PIN of a key; uses no try."""

    @abstractmethod
    def verify_pin(self, key: Key, pin: Pin) -> None:
        """Verify, after `enter`; raises `PinIncorrect` (a try is used) or `PinBlocked`."""

    def just_verified(self, key: Key) -> bool:
        """Whether the last command of this transaction was the VERIFY of this key's PIN."""
        return False

    def verify_pin_guarded(self, key: Key, pin: Pin, *, accept_last_try: bool) -> None:
        """Verify unless that could be the last try and nobody agreed to it.

        Raises `PinLastTry` and `PinBlocked`, using no try, or as `verify_pin`.
        """
        self.guard(key, accept_last_try=accept_last_try)
        self.verify_pin(key, pin)

    @abstractmethod
    def verify_on_keypad(self, key: Key, keypad: Keypad) -> None:
        """Verify a PIN that is typed on the reader, after `guard`; raises as `verify_pin`."""

    def verify_protected(self, key: Key) -> None:
        """Have the card's own software ask for a `protected` PIN, after `guard`.

        Raises as `verify_pin`, `UserCancelled`, `UserTimeout`, and `PinRequired` where there is no
        such software (as here).
        """
        del key
        raise PinRequired

    @abstractmethod
    def change_pin(self, key: Key, pin: Pin, new: Pin) -> None:
        """Change, after `enter`; raises `PinIncorrect` (a try is used) or `PinBlocked`."""

    def change_on_keypad(self, key: Key, keypad: Keypad) -> None:
        """Change a PIN by what is typed on the reader, after `guard`; raises as `change_pin`.

        Raises `EntriesDiffer`, and `PinRequired` where this card's PIN is not typed there (as here).
        """
        del key, keypad
        raise PinRequired

    @final
    def change_pin_guarded(self, key: Key, pin: Pin, new: Pin, *, accept_last_try: bool) -> None:
        """Change unless that could be the last try and nobody agreed to it; raises as above."""
        self.guard(key, accept_last_try=accept_last_try)
        self.change_pin(key, pin, new)

    def unblock_pin(self, key: Key, puk: Pin, new: Pin) -> None:
        """Give a blocked PIN a new value, after `enter`.

        Raises `PinIncorrect` and `PinBlocked` for the PUK, and `PinUnblockUnsupported` where the
        card has none (as here).
        """
        del key, puk, new
        raise PinUnblockUnsupported

    @final
    def unblock_pin_guarded(self, key: Key, puk: Pin, new: Pin, *, accept_last_try: bool) -> None:
        """Unblock unless that could be the PUK's last try and nobody agreed to it.

        Raises `PinLastTry` and `PinBlocked`, using no try, or as `unblock_pin`.
        """
        with about(WhichSecret.PUK):
            self._guard_puk(key, accept_last_try=accept_last_try)
            self.unblock_pin(key, puk, new)

    def puk_tries_left(self, key: Key) -> int | None:
        """Return the tries left of the PUK; uses none. None while that is unknown (as here)."""
        del key
        return None

    def change_puk(self, key: Key, puk: Pin, new: Pin) -> None:
        """Change the PUK of a PIN, after `enter`; raises as `unblock_pin`."""
        del key, puk, new
        raise PinUnblockUnsupported

    @final
    def change_puk_guarded(self, key: Key, puk: Pin, new: Pin, *, accept_last_try: bool) -> None:
        """Change the PUK, guarded as `unblock_pin_guarded`; raises the same."""
        with about(WhichSecret.PUK):
            self._guard_puk(key, accept_last_try=accept_last_try)
            self.change_puk(key, puk, new)

    def guard(self, key: Key, *, accept_last_try: bool) -> None:
        """Enter, and raise `PinBlocked`, or `PinLastTry` where nobody agreed to use that one."""
        self.enter()
        _require_try(self.pin_status(key).tries_left, accept_last_try=accept_last_try)

    def _guard_puk(self, key: Key, *, accept_last_try: bool) -> None:
        self.enter()
        _require_try(self.puk_tries_left(key), accept_last_try=accept_last_try)

    @abstractmethod
    def sign(self, key: Key, form: Input, data: bytes) -> bytes:
        """Sign `data` of a form in `key.inputs`; raises `SecurityStatus` where the PIN is missing."""


def _require_try(left: int | None, *, accept_last_try: bool) -> None:
    if left == 0:
        raise PinBlocked
    if left == 1 and not accept_last_try:
        raise PinLastTry(tries_left=1)


class CardDriver(Driver):
    """A card as one of its applications sees it; every method runs inside one transaction."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def epoch(self) -> int:
        """That of the channel."""
        return self._channel.epoch

    def change_on_keypad(self, key: Key, keypad: Keypad) -> None:
        """Change by CHANGE REFERENCE DATA with both PINs, each filled up to its block."""
        if key.pin is None or key.pin.block.length is None:
            raise PinRequired
        check_verified(keypad.modify(key.pin.block.change(), key.pin, old=True))

    @classmethod
    @abstractmethod
    def detect(cls, channel: Channel) -> Self | None:
        """Select the application; return None where the card has none of this kind."""


class SecurityStatus(Exception):
    """The card wants the PIN before it does this (6982)."""


def check(response: Response) -> bytes:
    """Return the data of a good answer; raises `CardFault`."""
    if not response.ok:
        raise CardFault(sw=f"{response.sw:04X}")
    return response.data


def check_permitted(response: Response) -> bytes:
    """Return the data of a good answer where a PIN may be wanted first; raises `SecurityStatus`."""
    if response.sw == SW.SECURITY_STATUS:
        raise SecurityStatus
    return check(response)


def check_verified(response: Response) -> None:
    """Raise what the answer to a VERIFY with a PIN means."""
    if response.ok:
        return
    if response.tries_left == 0:
        raise PinBlocked
    if response.tries_left is not None or response.sw == SW.NO_INFORMATION:
        raise PinIncorrect(tries_left=response.tries_left)
    check(response)


def tries_left(response: Response) -> tuple[int | None, bool]:
    """Return tries left and "is verified", from the answer to a VERIFY without data."""
    if response.ok:
        return None, True
    if response.tries_left is None and response.sw != SW.NO_INFORMATION:
        raise CardFault(sw=f"{response.sw:04X}")
    return response.tries_left, False
