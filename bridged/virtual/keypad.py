"""The keypad of a virtual reader: a test types on it what a person would."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from bridged.errors import CardFault
from bridged.pcsc.pinpad import GET_FEATURE_REQUEST, Feature, KeypadSW, control_code

VERIFY, MODIFY = control_code(2042), control_code(2043)
FEATURES = {VERIFY: Feature.VERIFY_PIN_DIRECT, MODIFY: Feature.MODIFY_PIN_DIRECT}


class VirtualKeypad:
    """Fills what is typed into the APDU as the structures say (PC/SC part 10, 2.5.2 and 2.6.2).

    Many readers verify PINs and change none: `modifies`.
    """

    def __init__(self, *, modifies: bool = True) -> None:
        self._modifies = modifies
        self.waits_for_keys = 0
        self.asked = threading.Semaphore(0)
        """Released each time the keypad begins to wait for keys."""
        self._typed: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def type(self, digits: str) -> None:
        """Type a PIN and press OK; once for each entry."""
        self._typed.put(digits)

    def cancel(self) -> None:
        """Press the cancel key."""
        self._typed.put(None)

    def control(self, code: int, data: bytes, transmit: Callable[[bytes], bytes]) -> bytes:
        """Answer a control command, as a reader that can verify a PIN, and change it."""
        codes = (
            {VERIFY: self._verify, MODIFY: self._modify}
            if self._modifies
            else {VERIFY: self._verify}
        )
        if code == GET_FEATURE_REQUEST:
            return b"".join(bytes((FEATURES[each], 4)) + each.to_bytes(4, "big") for each in codes)
        if code not in codes:
            raise CardFault(sw="")
        try:
            return codes[code](data, transmit)
        except _Gives as answer:
            return answer.sw.to_bytes(2, "big")

    def _verify(self, data: bytes, transmit: Callable[[bytes], bytes]) -> bytes:
        shape = _Shape(data, lengths=5, apdu=19)
        pin = self._entry(shape)
        return transmit(shape.filled((0, pin)))

    def _modify(self, data: bytes, transmit: Callable[[bytes], bytes]) -> bytes:
        shape = _Shape(data, lengths=7, apdu=24)
        at_old, at_new, asked = data[5], data[6], data[9]
        entries = [(at_old, self._entry(shape))] if asked & 2 else []
        new = self._entry(shape)
        if asked & 1 and self._entry(shape) != new:
            raise _Gives(KeypadSW.ENTRIES_DIFFER)
        return transmit(shape.filled(*entries, (at_new, new)))

    def _entry(self, shape: _Shape) -> bytes:
        self.waits_for_keys += 1
        self.asked.release()
        try:
            digits = self._typed.get(timeout=shape.seconds)
        except queue.Empty:
            raise _Gives(KeypadSW.TIMEOUT) from None
        if digits is None:
            raise _Gives(KeypadSW.CANCELLED)
        if not shape.shortest <= len(digits) <= shape.longest:
            raise _Gives(KeypadSW.WRONG_LENGTH)
        return digits.encode()


class _Gives(Exception):
    """The keypad answers by itself; the card sees nothing."""

    def __init__(self, sw: KeypadSW) -> None:
        super().__init__()
        self.sw = sw


class _Shape:
    """What both structures say of the PIN, and the APDU it goes into."""

    def __init__(self, data: bytes, *, lengths: int, apdu: int) -> None:
        self.seconds, self._block = data[0], data[3] & 0x0F
        self.longest, self.shortest = data[lengths], data[lengths + 1]
        self._apdu = data[apdu:]
        if data[2] != 0x82 or int.from_bytes(data[apdu - 4 : apdu], "little") != len(self._apdu):
            raise CardFault(sw="")

    def filled(self, *entries: tuple[int, bytes]) -> bytes:
        """Return the APDU with each PIN at its offset in the data; without a block it is the data."""
        body = bytearray(self._apdu[5:])
        for offset, pin in entries:
            body[offset : offset + (len(pin) if self._block else len(body))] = pin
        return self._apdu[:4] + bytes((len(body),)) + bytes(body)
