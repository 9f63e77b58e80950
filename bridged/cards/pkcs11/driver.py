"""Any card, through the PKCS#11 module of who made it (PKCS#11 2.40)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bridged.cards.answers import SecurityStatus
from bridged.cards.base import Driver
from bridged.cards.key import Input, Key, Keypad
from bridged.cards.pkcs11 import calls as c
from bridged.cards.pkcs11 import objects
from bridged.cards.pkcs11.module import Module
from bridged.cards.pkcs11.process import CALL_S, PERSON_S, CallFailed, ModuleProcess
from bridged.cards.pkcs11.shown import Shown
from bridged.errors import (
    BridgedError,
    CardFault,
    CardRemoved,
    ModuleFault,
    PinBlocked,
    PinFormat,
    PinIncorrect,
    PinRequired,
    UserCancelled,
    UserTimeout,
)
from bridged.model import CardType, PinStatus, Usage
from bridged.secret import Pin

log = logging.getLogger(__name__)

T = TypeVar("T")


class Pkcs11Driver(Driver):
    """A card that a module knows. The module talks to it alone, in a process of its own.

    That process ends with `end`, and with it every login; the next call starts another. What the
    card showed once is not asked for again.
    """

    card_type = CardType.PKCS11

    def __init__(
        self, process: ModuleProcess, reader: str | None, places: Sequence[c.Place]
    ) -> None:
        self._process = process
        self._reader = reader
        self._places = list(places)
        self._found_in = process.starts
        tokens = [self._call(c.Read(place.slot), c.Token) for place in places]
        self._shown = Shown(places, tokens)
        self._flags = [token.flags for token in tokens]
        self._verified: dict[int, Pin | None] = {}
        self._forgotten = 0
        self.label = self._places[0].label or process.module.name

    @classmethod
    def find(cls, modules: Sequence[Module], reader: str) -> Pkcs11Driver | None:
        """Return the card in a reader by the first module that finds a key on it.

        Raises `ModuleFault` where none does, and one could not be asked.
        """
        fault: ModuleFault | None = None
        for module in modules:
            try:
                driver = cls._found(module, reader)
            except ModuleFault as error:
                log.warning("%s", error)
                fault = error
            else:
                if driver is not None:
                    return driver
        if fault is not None:
            raise fault
        return None

    @classmethod
    def _found(cls, module: Module, reader: str) -> Pkcs11Driver | None:
        process = ModuleProcess(module)
        name = None if module.any_slot else reader
        found: Pkcs11Driver | None = None
        try:
            places = process.call(c.Find(name), list[c.Place])
            driver = cls(process, name, places) if places else None
            if driver is not None and driver.keys():
                found = driver
        except CallFailed as error:
            raise module.fault(error.what) from None
        finally:
            if found is None:
                process.end()
        return found

    @property
    def epoch(self) -> int:
        """Changes with each process and each login that is over."""
        return self._process.starts + self._forgotten

    def end(self) -> None:
        """Log out and end the module's process; never raises."""
        self._process.end()
        for index in list(self._verified):
            self._forget(index)

    def abort(self) -> None:
        """Kill the module's process for good; the one method for other threads."""
        self._process.abort()

    def keys(self, usage: Usage | None = None) -> list[Key]:
        """Return the keys; what hides until the login is looked for again after the first one."""
        for index in list(self._verified):
            self._look_again(index)
        return self._shown.keys(usage)

    def chain(self, key: Key) -> tuple[bytes, ...]:
        """Return the issuers among all certificates of the card's tokens."""
        return self._shown.chain(key)

    def enter(self) -> None:
        """Find the card anew where the module's process is another one."""
        self._slot(0)

    def pin_status(self, key: Key) -> PinStatus:
        """Return what the token's flags tell: blocked, one try left, or nothing.

        Where the module's process has ended, and no login is, that is what it told last.
        """
        index, _ = self._shown.where(key)
        if self._process.running:
            self._flags[index] = self._call(c.Status(self._slot(index)), int)
        flags = self._flags[index]
        left = None
        if flags & c.TokenFlag.USER_PIN_LOCKED:
            left = 0
        elif flags & c.TokenFlag.USER_PIN_FINAL_TRY:
            left = 1
        return self._shown.pins[index].status(tries_left=left, verified=self._is_verified(index))

    def verify_pin(self, key: Key, pin: Pin) -> None:
        """Log in anew. The PIN is kept until the login ends where a key wants it each time."""
        index, _ = self._shown.where(key)
        self._login(key, bytearray(pin.reveal()), CALL_S)
        self._verified[index] = pin.copy()

    def verify_on_keypad(self, key: Key, keypad: Keypad) -> None:
        """Raise `PinRequired`: the module has the card to itself, and its own way to a keypad."""
        del key, keypad
        raise PinRequired

    def verify_protected(self, key: Key) -> None:
        """Log in without a PIN (CKF_PROTECTED_AUTHENTICATION_PATH)."""
        index, _ = self._shown.where(key)
        try:
            self._login(key, None, PERSON_S)
        except ModuleFault as error:
            if error.cause == "hung":
                raise UserTimeout from None
            raise
        self._verified[index] = None

    def change_pin(self, key: Key, pin: Pin, new: Pin) -> None:
        """Change by C_SetPIN, which checks the old PIN itself."""
        index, _ = self._shown.where(key)
        slot = self._slot(index)
        self._forget(index)
        old, other = bytearray(pin.reveal()), bytearray(new.reveal())
        try:
            self._with_pin(key, c.ChangePin(slot, old, other), CALL_S)
        finally:
            c.wipe(old, other)

    def sign(self, key: Key, form: Input, data: bytes) -> bytes:
        """Sign with the mechanism of a form; ECDSA's r||s is made DER, as other cards have it.

        A key with CKA_ALWAYS_AUTHENTICATE gets the PIN of the login each time, or has the person
        type it (`PinObject.protected`). Once the card refuses that PIN, it is never sent again.
        """
        index, key_id = self._shown.where(key)
        if key.pin is not None and not self._is_verified(index):
            raise SecurityStatus
        self._look_again(index)
        kept = self._verified.get(index)
        wanted = key_id in self._shown.wanting(index)
        pin = None if not wanted else bytearray(kept.reveal() if kept is not None else b"")
        call = c.Sign(
            slot=self._slot(index),
            key=key_id,
            mechanism=objects.MECHANISMS[form],
            data=data,
            pss=len(data) if form is Input.RSA_PSS else None,
            pin=pin,
        )
        timeout_s = PERSON_S if wanted and kept is None else CALL_S
        try:
            signature = self._with_pin(key, call, timeout_s, bytes)
        finally:
            c.wipe(pin)
        return _der(signature) if form is Input.EC_DIGEST else signature

    # ---- logins ----

    def _login(self, key: Key, pin: bytearray | None, timeout_s: float) -> None:
        index, _ = self._shown.where(key)
        slot = self._slot(index)
        self._forget(index)
        try:
            self._with_pin(key, c.Login(slot, pin), timeout_s)
        finally:
            c.wipe(pin)

    def _is_verified(self, index: int) -> bool:
        here = self._process.running and self._found_in == self._process.starts
        return here and index in self._verified

    def _look_again(self, index: int) -> None:
        """Read a token once while logged in, when private keys show; drop a PIN nobody wants."""
        if not self._is_verified(index):
            return
        if not self._shown.is_private(index):
            self._shown.show_private(index, self._call(c.Read(self._slot(index)), c.Token))
        kept = self._verified[index]
        if kept is not None and not self._shown.wanting(index):
            kept.wipe()
            self._verified[index] = None

    def _forget(self, index: int) -> None:
        self._forgotten += 1
        known = self._verified.pop(index, None)
        if known is not None:
            known.wipe()

    # ---- calls ----

    def _with_pin(self, key: Key, call: c.Call, timeout_s: float, kind: type[T] | None = None) -> T:
        """Make a call that may hang on a PIN; raises what its failure means for the PIN."""
        index, _ = self._shown.where(key)
        try:
            return self._process.call(call, kind, timeout_s)
        except CallFailed as error:
            what = error.what
        if what in {c.Failure.PIN_INCORRECT, c.Failure.PIN_LOCKED, c.Failure.NOT_LOGGED_IN}:
            self._forget(index)
        if what == c.Failure.PIN_INCORRECT:
            status = self.pin_status(key)
            raise PinBlocked if status.blocked else PinIncorrect(tries_left=status.tries_left)
        if what == c.Failure.PIN_REFUSED:
            rules = self._shown.pins[index].rules
            raise PinFormat(rules.min_length, rules.max_length, rules.alphabet)
        meanings: dict[str, type[BridgedError] | type[SecurityStatus]] = {
            c.Failure.PIN_LOCKED: PinBlocked,
            c.Failure.NOT_LOGGED_IN: SecurityStatus,
            c.Failure.GONE: CardRemoved,
            c.Failure.CANCELLED: UserCancelled,
        }
        if what in meanings:
            raise meanings[what]()
        # OpenSC says no more than GeneralError of a blocked JPKI PIN.
        blocked = not isinstance(call, c.Sign) and self.pin_status(key).blocked
        # It keeps the card from all other programs after a signature that it cannot make.
        self.end()
        raise PinBlocked if blocked else self._process.module.fault(what)

    def _call(self, call: c.Call, kind: type[T]) -> T:
        try:
            return self._process.call(call, kind)
        except CallFailed as error:
            if error.what == c.Failure.GONE:
                raise CardRemoved from None
            raise self._process.module.fault(error.what) from None

    def _slot(self, index: int) -> int:
        """Return the slot of a token, found anew in another process; raises `CardRemoved`."""
        if not self._process.running or self._found_in != self._process.starts:
            places = self._call(c.Find(self._reader), list[c.Place])
            known = [(place.label, place.serial) for place in self._places]
            if [(place.label, place.serial) for place in places] != known:
                raise CardRemoved
            self._places, self._found_in = places, self._process.starts
        return self._places[index].slot


def _der(raw: bytes) -> bytes:
    half = len(raw) // 2
    if not raw or len(raw) % 2:
        raise CardFault(sw="")
    return encode_dss_signature(
        int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
    )
