"""Any card, through the PKCS#11 module of who made it (PKCS#11 2.40)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bridged.cards.answers import SecurityStatus
from bridged.cards.base import Driver
from bridged.cards.key import Input, Key, Keypad, PinObject
from bridged.cards.pkcs11 import calls as c
from bridged.cards.pkcs11 import objects
from bridged.cards.pkcs11.module import Module
from bridged.cards.pkcs11.process import CALL_S, PERSON_S, CallFailed, ModuleProcess
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
from bridged.model import CardType, PinAlphabet, PinRules, PinStatus, Usage
from bridged.secret import Pin

log = logging.getLogger(__name__)

LONGEST_PIN = 255
"""Where the token says nothing believable (characters)."""

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
        self._public = [self._call(c.Read(place.slot), c.Token) for place in places]
        self._tokens = list(self._public)
        self._seen_private: set[int] = set()
        self._flags = [token.flags for token in self._tokens]
        self._verified: dict[int, Pin | None] = {}
        self._forgotten = 0
        self._refs: dict[tuple[int, Usage], list[bytes]] = {}
        self._where: dict[str, tuple[int, bytes]] = {}
        self._pins = [self._pin_object(index) for index in range(len(places))]
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
        found = [
            each
            for index, token in enumerate(self._tokens)
            for each in objects.found_in(
                index, token, self._public[index], logged_in=index in self._seen_private
            )
        ]
        return [
            self._key(each, each_usage)
            for each, each_usage in objects.usages(found)
            if usage in {None, each_usage}
        ]

    def chain(self, key: Key) -> tuple[bytes, ...]:
        """Return the issuers among all certificates of the card's tokens."""
        carried = [each for token in self._tokens for each in token.certificates]
        return objects.chain(key.certificate, carried)

    def enter(self) -> None:
        """Find the card anew where the module's process is another one."""
        self._slot(0)

    def pin_status(self, key: Key) -> PinStatus:
        """Return what the token's flags tell: blocked, one try left, or nothing.

        Where the module's process has ended, and no login is, that is what it told last.
        """
        index, _ = self._where[key.ref]
        if self._process.running:
            self._flags[index] = self._call(c.Status(self._slot(index)), int)
        flags = self._flags[index]
        left = None
        if flags & c.TokenFlag.USER_PIN_LOCKED:
            left = 0
        elif flags & c.TokenFlag.USER_PIN_FINAL_TRY:
            left = 1
        return self._pins[index].status(tries_left=left, verified=self._is_verified(index))

    def verify_pin(self, key: Key, pin: Pin) -> None:
        """Log in anew. The PIN is kept until the login ends where a key wants it each time."""
        index, _ = self._where[key.ref]
        self._login(key, bytearray(pin.reveal()), CALL_S)
        self._verified[index] = pin.copy()

    def verify_on_keypad(self, key: Key, keypad: Keypad) -> None:
        """Raise `PinRequired`: the module has the card to itself, and its own way to a keypad."""
        del key, keypad
        raise PinRequired

    def verify_protected(self, key: Key) -> None:
        """Log in without a PIN (CKF_PROTECTED_AUTHENTICATION_PATH)."""
        index, _ = self._where[key.ref]
        try:
            self._login(key, None, PERSON_S)
        except ModuleFault as error:
            if error.cause == "hung":
                raise UserTimeout from None
            raise
        self._verified[index] = None

    def change_pin(self, key: Key, pin: Pin, new: Pin) -> None:
        """Change by C_SetPIN, which checks the old PIN itself."""
        index, _ = self._where[key.ref]
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
        index, key_id = self._where[key.ref]
        if key.pin is not None and not self._is_verified(index):
            raise SecurityStatus
        self._look_again(index)
        kept = self._verified.get(index)
        wanted = key_id in self._wanting(index)
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

    def _key(self, found: objects.Found, usage: Usage) -> Key:
        token = self._tokens[found.token]
        needs_login = token.flags & c.TokenFlag.LOGIN_REQUIRED
        return Key(
            ref=self._ref(found, usage),
            usage=usage,
            label=found.label or self._places[found.token].label,
            pin=self._pins[found.token] if needs_login else None,
            pin_always=False,
            inputs=objects.inputs(found.certificate, token.mechanisms),
            certificate=found.certificate,
            certificate_private=found.private,
        )

    def _ref(self, found: objects.Found, usage: Usage) -> str:
        """Return a name that stays: a key that was still to be seen keeps the one it had."""
        seen = self._refs.setdefault((found.token, usage), [])
        if found.id not in seen:
            if b"" in seen:
                seen[seen.index(b"")] = found.id
            else:
                seen.append(found.id)
        ref = f"{found.token}{usage[0]}{seen.index(found.id)}"
        self._where[ref] = (found.token, found.id)
        return ref

    def _pin_object(self, index: int) -> PinObject:
        token = self._tokens[index]
        most = token.max_pin if 0 < token.max_pin <= LONGEST_PIN else LONGEST_PIN
        least = token.min_pin if 0 < token.min_pin <= most else 1
        return PinObject(
            ref=str(index),
            label=self._places[index].label if len(self._places) > 1 else "PIN",
            rules=PinRules(min_length=least, max_length=most, alphabet=PinAlphabet.ASCII),
            protected=bool(token.flags & c.TokenFlag.PROTECTED_AUTHENTICATION_PATH),
        )

    # ---- logins ----

    def _login(self, key: Key, pin: bytearray | None, timeout_s: float) -> None:
        index, _ = self._where[key.ref]
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
        if index not in self._seen_private:
            self._tokens[index] = self._call(c.Read(self._slot(index)), c.Token)
            self._seen_private.add(index)
        kept = self._verified[index]
        if kept is not None and not self._wanting(index):
            kept.wipe()
            self._verified[index] = None

    def _wanting(self, index: int) -> set[bytes]:
        """Return the ids of the keys that want the PIN before each signature."""
        return {key.id for key in self._tokens[index].keys if key.always_authenticate}

    def _forget(self, index: int) -> None:
        self._forgotten += 1
        known = self._verified.pop(index, None)
        if known is not None:
            known.wipe()

    # ---- calls ----

    def _with_pin(self, key: Key, call: c.Call, timeout_s: float, kind: type[T] | None = None) -> T:
        """Make a call that may hang on a PIN; raises what its failure means for the PIN."""
        index, _ = self._where[key.ref]
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
            rules = self._pins[index].rules
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
