"""The keypad of a virtual reader: a test types on it what a person would."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from bridged.errors import CardFault
from bridged.pcsc.pinpad import GET_FEATURE_REQUEST, Feature, KeypadSW, control_code

VERIFY = control_code(2042)
_HEAD = 19
"""Bytes of PIN_VERIFY_STRUCTURE before the APDU."""


class VirtualKeypad:
    """Fills what is typed into the APDU as PIN_VERIFY_STRUCTURE says (PC/SC part 10, 2.5.2)."""

    def __init__(self) -> None:
        self.waits_for_keys = 0
        self.asked = threading.Semaphore(0)
        """Released each time the keypad begins to wait for keys."""
        self._typed: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def type(self, digits: str) -> None:
        """Type a PIN and press OK."""
        self._typed.put(digits)

    def cancel(self) -> None:
        """Press the cancel key."""
        self._typed.put(None)

    def control(self, code: int, data: bytes, transmit: Callable[[bytes], bytes]) -> bytes:
        """Answer a control command, as a reader that can verify a PIN."""
        if code == GET_FEATURE_REQUEST:
            return bytes((Feature.VERIFY_PIN_DIRECT, 4)) + VERIFY.to_bytes(4, "big")
        if code != VERIFY:
            raise CardFault(sw="")
        return self._verify(data, transmit)

    def _verify(self, data: bytes, transmit: Callable[[bytes], bytes]) -> bytes:
        seconds, block, longest, shortest = data[0], data[3] & 0x0F, data[5], data[6]
        apdu = data[_HEAD:]
        if data[2] != 0x82 or int.from_bytes(data[15:19], "little") != len(apdu):
            raise CardFault(sw="")
        self.waits_for_keys += 1
        self.asked.release()
        try:
            digits = self._typed.get(timeout=seconds)
        except queue.Empty:
            return KeypadSW.TIMEOUT.to_bytes(2, "big")
        if digits is None:
            return KeypadSW.CANCELLED.to_bytes(2, "big")
        if not shortest <= len(digits) <= longest:
            return KeypadSW.WRONG_LENGTH.to_bytes(2, "big")
        pin = digits.encode()
        body = pin + apdu[5 + len(pin) : 5 + block] if block else pin
        return transmit(apdu[:4] + bytes((len(body),)) + body)
