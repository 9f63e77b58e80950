"""A reader's own keypad (PC/SC part 10): the PIN goes from its keys to the card and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from bridged.errors import BridgedError, CardFault, PinFormat, UserCancelled, UserTimeout
from bridged.model import PinRules
from bridged.pcsc.apdu import ApduError, Command, Response

ENTRY_S = 30
"""How long the keypad waits for a key (seconds; one byte in the structure)."""

Control = Callable[[int, bytes], bytes]


def control_code(number: int) -> int:
    """Return a control code as pcsc-lite numbers them (SCARD_CTL_CODE)."""
    return 0x42000000 + number


GET_FEATURE_REQUEST = control_code(3400)


class Feature(IntEnum):
    """Tags of features (part 10, 2.2)."""

    VERIFY_PIN_DIRECT = 0x06
    MODIFY_PIN_DIRECT = 0x07


class KeypadSW(IntEnum):
    """Status words of the reader itself (part 10, 2.5.3 and 2.6.5)."""

    TIMEOUT = 0x6400
    CANCELLED = 0x6401
    ENTRIES_DIFFER = 0x6402
    WRONG_LENGTH = 0x6403


class EntriesDiffer(Exception):
    """The new PIN was typed in two ways; the card saw neither."""


class Block(Protocol):
    """How VERIFY carries the PIN: filled up to `length` bytes, or as it is."""

    @property
    def length(self) -> int | None:
        """The bytes of the block."""


class Shape(Protocol):
    """What a keypad has to know of a PIN."""

    @property
    def rules(self) -> PinRules:
        """The shortest and the longest."""

    @property
    def block(self) -> Block:
        """How it is carried."""


def features(answer: bytes) -> dict[int, int]:
    """Return the control code of each feature; raises `ValueError` for what is no list of them."""
    if len(answer) % 6:
        raise ValueError("not a list of features")
    entries = [answer[i : i + 6] for i in range(0, len(answer), 6)]
    if any(entry[1] != 4 for entry in entries):
        raise ValueError("not a list of features")
    return {entry[0]: int.from_bytes(entry[2:], "big") for entry in entries}


def find(control: Control) -> Pinpad | None:
    """Return the reader's keypad, None without one that verifies a PIN."""
    try:
        codes = features(control(GET_FEATURE_REQUEST, b""))
    except (BridgedError, ValueError):
        # Most readers answer with an error. If the card is gone, the next command tells.
        return None
    verify = codes.get(Feature.VERIFY_PIN_DIRECT)
    return None if verify is None else Pinpad(control, verify, codes.get(Feature.MODIFY_PIN_DIRECT))


def pin_verify(command: Command, pin: Shape) -> bytes:
    """Return PIN_VERIFY_STRUCTURE (part 10, 2.5.2): ASCII, left-justified, ended by the OK key."""
    return b"".join(
        (
            _format(pin),
            _lengths(pin),
            b"\x01",  # bNumberMessage
            _JAPANESE,
            b"\x00\x00\x00\x00",  # bMsgIndex, bTeoPrologue
            _apdu(command),
        )
    )


def pin_modify(command: Command, pin: Shape, *, old: bool) -> bytes:
    """Return PIN_MODIFY_STRUCTURE (part 10, 2.6.2): the PIN that is, where `old`, and the new one twice."""
    offset = (pin.block.length or 0) if old else 0
    messages = (
        b"\x03" + _JAPANESE + b"\x00\x01\x02" if old else b"\x02" + _JAPANESE + b"\x01\x02\x00"
    )
    return b"".join(
        (
            _format(pin),
            bytes((0, offset)),  # bInsertionOffsetOld, bInsertionOffsetNew
            _lengths(pin, b"\x03" if old else b"\x01"),  # bConfirmPIN
            messages,  # bNumberMessage, wLangId, bMsgIndex1 to 3
            b"\x00\x00\x00",  # bTeoPrologue
            _apdu(command),
        )
    )


_JAPANESE = (0x0411).to_bytes(2, "little")
"""The language of the reader's own words (wLangId)."""


def _format(pin: Shape) -> bytes:
    return bytes(
        (
            *(ENTRY_S, ENTRY_S),
            0x82,  # bmFormatString: bytes, ASCII, from the left
            pin.block.length or 0,  # bmPINBlockString
            0x00,  # bmPINLengthFormat: the PIN's length is not carried
        )
    )


def _lengths(pin: Shape, confirm: bytes = b"") -> bytes:
    limits = bytes((pin.rules.max_length, pin.rules.min_length))  # wPINMaxExtraDigit
    return limits + confirm + b"\x02"  # bEntryValidationCondition: the OK key


def _apdu(command: Command) -> bytes:
    apdu = command.encode() if command.data else command.encode() + b"\0"
    return len(apdu).to_bytes(4, "little") + apdu


class Pinpad:
    """The keypad of a reader, within a transaction; `can_modify` where it changes PINs too."""

    def __init__(self, control: Control, verify: int, modify: int | None = None) -> None:
        self._control, self._verify, self._modify = control, verify, modify

    @property
    def can_modify(self) -> bool:
        """Whether a PIN can be changed on it."""
        return self._modify is not None

    def verify(self, command: Command, pin: Shape) -> Response:
        """Let the person type the PIN; return the card's answer.

        Raises `UserCancelled`, `UserTimeout` and `PinFormat`, where the card saw nothing.
        """
        return self._ask(self._verify, pin_verify(command, pin), pin)

    def modify(self, command: Command, pin: Shape, *, old: bool) -> Response:
        """Let the person type the PIN where `old`, and the new one twice; return the card's answer.

        Raises as `verify`, and `EntriesDiffer`.
        """
        assert self._modify is not None
        return self._ask(self._modify, pin_modify(command, pin, old=old), pin)

    def _ask(self, code: int, structure: bytes, pin: Shape) -> Response:
        try:
            response = Response.decode(self._control(code, structure))
        except ApduError:
            raise CardFault(sw="") from None
        if response.sw == KeypadSW.TIMEOUT:
            raise UserTimeout
        if response.sw == KeypadSW.CANCELLED:
            raise UserCancelled
        if response.sw == KeypadSW.ENTRIES_DIFFER:
            raise EntriesDiffer
        if response.sw == KeypadSW.WRONG_LENGTH:
            rules = pin.rules
            raise PinFormat(
                min_length=rules.min_length, max_length=rules.max_length, alphabet=rules.alphabet
            )
        return response
