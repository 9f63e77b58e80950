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
    """Status words of the reader itself (part 10, 2.5.3)."""

    TIMEOUT = 0x6400
    CANCELLED = 0x6401
    WRONG_LENGTH = 0x6403


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


def find(control: Control) -> int | None:
    """Return the control code that verifies a PIN on this reader's keypad, None without one."""
    try:
        return features(control(GET_FEATURE_REQUEST, b"")).get(Feature.VERIFY_PIN_DIRECT)
    except (BridgedError, ValueError):
        # Most readers answer with an error. If the card is gone, the next command tells.
        return None


def pin_verify(command: Command, pin: Shape) -> bytes:
    """Return PIN_VERIFY_STRUCTURE (part 10, 2.5.2): ASCII, left-justified, ended by the OK key."""
    apdu = command.encode() if command.data else command.encode() + b"\0"
    return b"".join(
        (
            bytes((ENTRY_S, ENTRY_S)),
            b"\x82",  # bmFormatString: bytes, ASCII, from the left
            bytes((pin.block.length or 0,)),  # bmPINBlockString
            b"\x00",  # bmPINLengthFormat: the PIN's length is not carried
            bytes((pin.rules.max_length, pin.rules.min_length)),  # wPINMaxExtraDigit
            b"\x02",  # bEntryValidationCondition: the OK key
            b"\x01",  # bNumberMessage
            (0x0411).to_bytes(2, "little"),  # wLangId: Japanese
            b"\x00\x00\x00\x00",  # bMsgIndex, bTeoPrologue
            len(apdu).to_bytes(4, "little"),
            apdu,
        )
    )


class Pinpad:
    """The keypad of a reader, within a transaction."""

    def __init__(self, control: Control, code: int) -> None:
        self._control, self._code = control, code

    def verify(self, command: Command, pin: Shape) -> Response:
        """Let the person type the PIN; return the card's answer.

        Raises `UserCancelled`, `UserTimeout` and `PinFormat`, where the card saw nothing.
        """
        try:
            response = Response.decode(self._control(self._code, pin_verify(command, pin)))
        except ApduError:
            raise CardFault(sw="") from None
        if response.sw == KeypadSW.TIMEOUT:
            raise UserTimeout
        if response.sw == KeypadSW.CANCELLED:
            raise UserCancelled
        if response.sw == KeypadSW.WRONG_LENGTH:
            rules = pin.rules
            raise PinFormat(
                min_length=rules.min_length, max_length=rules.max_length, alphabet=rules.alphabet
            )
        return response
