"""The process that holds a PKCS#11 module: takes a call, makes it, answers; nothing at a time else.

Started as `python -I -m bridged.cards.pkcs11.child`, with pipes to the daemon as its standard
input and output. The only importer of `pkcs11`. What the module itself prints goes nowhere: it
may be anything, a PIN too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from io import FileIO
from itertools import islice
from typing import Any

import msgspec
import pkcs11
from pkcs11 import Attribute, CertificateType, Mechanism, ObjectClass
from pkcs11.exceptions import PKCS11Error
from pkcs11.mechanisms import MGF

from bridged.cards.pkcs11 import calls as c
from bridged.cards.pkcs11.token_info import pin_lengths

PR_SET_PDEATHSIG, SIGKILL = 1, 9
MAX_DATA = 1 << 30
"""A module that wants more memory than this is refused it (bytes)."""
NAME_LENGTH = 64
"""CK_SLOT_INFO cuts the name of a reader to this (bytes)."""

FAILURES: dict[type[Exception], c.Failure] = {
    pkcs11.exceptions.PinIncorrect: c.Failure.PIN_INCORRECT,
    pkcs11.exceptions.PinLocked: c.Failure.PIN_LOCKED,
    pkcs11.exceptions.PinInvalid: c.Failure.PIN_REFUSED,
    pkcs11.exceptions.PinLenRange: c.Failure.PIN_REFUSED,
    pkcs11.exceptions.PinTooWeak: c.Failure.PIN_REFUSED,
    pkcs11.exceptions.UserNotLoggedIn: c.Failure.NOT_LOGGED_IN,
    pkcs11.exceptions.SessionHandleInvalid: c.Failure.NOT_LOGGED_IN,
    pkcs11.exceptions.SessionClosed: c.Failure.NOT_LOGGED_IN,
    pkcs11.exceptions.DeviceRemoved: c.Failure.GONE,
    pkcs11.exceptions.TokenNotPresent: c.Failure.GONE,
    pkcs11.exceptions.FunctionCancelled: c.Failure.CANCELLED,
    pkcs11.exceptions.FunctionRejected: c.Failure.CANCELLED,
}
PSS = {
    32: (Mechanism.SHA256, MGF.SHA256, 32),
    48: (Mechanism.SHA384, MGF.SHA384, 48),
    64: (Mechanism.SHA512, MGF.SHA512, 64),
}


class WipedPin(bytearray):
    """A PIN that `pkcs11` hands to the module as it is, where it would encode a text into a copy."""

    def encode(self, _: str) -> WipedPin:
        """Return the bytes themselves."""
        return self


class Served:
    """A loaded module and its sessions that are logged in, by slot."""

    def __init__(self) -> None:
        self._lib: Any = None
        self._library: Any = None
        self._sessions: dict[int, Any] = {}
        self._slots: dict[int, Any] = {}

    def answer(self, call: c.AnyCall) -> object:
        """Do what a call asks for; raises what `pkcs11` raises."""
        match call:
            case c.Load(path):
                self._lib, self._library = pkcs11.lib(path), ctypes.CDLL(path)
            case c.Find(reader):
                return self._find(reader)
            case c.Read(slot):
                return self._read(slot)
            case c.Status(slot):
                return int(self._token(slot).flags)
            case c.Login(slot, pin):
                self._login(slot, pin)
            case c.ChangePin(slot, pin, new):
                self._change(slot, WipedPin(pin), WipedPin(new))
            case c.Sign():
                return self._sign(call)
            case c.End():
                self._end()
        return None

    def _find(self, reader: str | None) -> list[c.Place]:
        places = []
        for slot in self._lib.get_slots(token_present=True):
            if reader is not None and slot.slot_description != _cut(reader):
                continue
            with contextlib.suppress(pkcs11.exceptions.TokenNotRecognised):
                token = slot.get_token()
                if token.flags & c.TokenFlag.TOKEN_INITIALIZED:
                    self._slots[slot.slot_id] = slot
                    places.append(c.Place(slot.slot_id, token.label[: c.MAX_LABEL], token.serial))
            if len(places) == c.MAX_TOKENS:
                break
        return places

    def _read(self, slot: int) -> c.Token:
        token = self._token(slot)
        with self._session(slot) as session:
            certificates, keys = _certificates(session), _keys(session)
        shortest, longest = pin_lengths(self._library, slot)
        return c.Token(
            flags=int(token.flags),
            min_pin=shortest,
            max_pin=longest,
            mechanisms=frozenset(int(each) for each in self._slots[slot].get_mechanisms()),
            certificates=certificates,
            keys=keys,
        )

    def _token(self, slot: int) -> Any:
        return self._slots[slot].get_token()

    @contextlib.contextmanager
    def _session(self, slot: int) -> Iterator[Any]:
        """Lend the session that is logged in, else one for the moment."""
        if slot in self._sessions:
            yield self._sessions[slot]
            return
        with self._token(slot).open() as session:
            yield session

    def _login(self, slot: int, pin: bytearray | None) -> None:
        self._logout(slot)
        given: Any = pkcs11.types.PROTECTED_AUTH if pin is None else WipedPin(pin)
        try:
            self._sessions[slot] = self._token(slot).open(user_pin=given)
        finally:
            if pin is not None:
                c.wipe(given)

    def _logout(self, slot: int) -> None:
        if (session := self._sessions.pop(slot, None)) is not None:
            with contextlib.suppress(PKCS11Error):
                session.close()

    def _change(self, slot: int, pin: WipedPin, new: WipedPin) -> None:
        self._logout(slot)
        try:
            # A session without a login: C_SetPIN checks the old PIN itself.
            with self._token(slot).open(rw=True) as session:
                session.set_pin(pin, new)
        finally:
            c.wipe(pin, new)

    def _sign(self, call: c.Sign) -> bytes:
        options: dict[str, Any] = {"mechanism": Mechanism(call.mechanism)}
        if call.pss is not None:
            options["mechanism_param"] = PSS[call.pss]
        if call.pin is not None:
            options["pin"] = WipedPin(call.pin)
        try:
            with self._session(call.slot) as session:
                return bytes(_private_key(session, call.key).sign(call.data, **options))
        finally:
            c.wipe(options.get("pin"))

    def _end(self) -> None:
        for slot in list(self._sessions):
            self._logout(slot)
        if self._lib is not None:
            self._lib.finalize()


def _cut(reader: str) -> str:
    return reader.encode()[:NAME_LENGTH].rstrip(b"\0").decode(errors="replace").rstrip()


def _private_key(session: Any, key_id: bytes) -> Any:
    template = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: key_id}
    with contextlib.closing(session.get_objects(template)) as found:
        for key in found:
            if hasattr(key, "sign"):
                return key
    # It was there when it was listed, so it is hidden now.
    raise pkcs11.exceptions.UserNotLoggedIn


def _certificates(session: Any) -> tuple[c.CertificateObject, ...]:
    found = _objects(session, ObjectClass.CERTIFICATE)
    certificates = []
    for each in found:
        value = _attribute(each, Attribute.VALUE, b"")
        kind = _attribute(each, Attribute.CERTIFICATE_TYPE, CertificateType.X_509)
        if kind == CertificateType.X_509 and 0 < len(value) <= c.MAX_VALUE:
            certificates.append(
                c.CertificateObject(_attribute(each, Attribute.ID, b""), _label(each), value)
            )
    return tuple(certificates)


def _keys(session: Any) -> tuple[c.KeyObject, ...]:
    return tuple(
        c.KeyObject(
            id=_attribute(each, Attribute.ID, b""),
            label=_label(each),
            sign=bool(_attribute(each, Attribute.SIGN, False)),  # noqa: FBT003
            always_authenticate=bool(_attribute(each, Attribute.ALWAYS_AUTHENTICATE, False)),  # noqa: FBT003
        )
        for each in _objects(session, ObjectClass.PRIVATE_KEY)
    )


def _objects(session: Any, kind: ObjectClass) -> list[Any]:
    with contextlib.closing(session.get_objects({Attribute.CLASS: kind})) as found:
        return list(islice(found, c.MAX_OBJECTS))


def _attribute(each: Any, name: Attribute, absent: Any) -> Any:
    try:
        return each[name]
    except (PKCS11Error, ValueError, TypeError, MemoryError):
        return absent


def _label(each: Any) -> str:
    return str(_attribute(each, Attribute.LABEL, ""))[: c.MAX_LABEL]


def _answer(served: Served, call: c.AnyCall) -> c.Done | c.Failed:
    try:
        return c.Done(served.answer(call))
    except Exception as error:  # noqa: BLE001 - a module may lie in any way; the daemon is told
        return c.Failed(FAILURES.get(type(error)) or type(error).__name__)


def _harden() -> None:
    """Leave no memory image with a PIN in it, end with the daemon's thread, and stay small."""
    if sys.platform == "linux":
        import resource  # noqa: PLC0415 - Unix alone has it

        from bridged.hardening import forbid_dumps  # noqa: PLC0415

        forbid_dumps()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (MAX_DATA, MAX_DATA))


def main() -> None:
    """Serve until `End`, or until the daemon is gone."""
    requests, answers = FileIO(os.dup(0)), FileIO(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    _harden()
    served = Served()
    decoder = msgspec.msgpack.Decoder(c.AnyCall)
    while (frame := c.read(requests)) is not None:
        call = decoder.decode(frame)
        c.wipe(frame)
        c.write(answers, _answer(served, call))
        c.wipe(getattr(call, "pin", None), getattr(call, "new", None))
        if isinstance(call, c.End):
            break
    # Without the module's own clean-up at exit, which may hang or crash.
    os._exit(0)


if __name__ == "__main__":
    main()
