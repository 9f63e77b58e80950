"""What a card driver does: keys, PINs, signatures; synchronous, no network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self, final

from bridged.cards.answers import check_verified
from bridged.cards.key import Input, Key, Keypad
from bridged.errors import (
    PinBlocked,
    PinLastTry,
    PinRequired,
    PinUnblockUnsupported,
    WhichSecret,
    about,
)
from bridged.model import CardType, PinStatus, Usage
from bridged.pcsc.channel import Channel
from bridged.secret import Pin


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
