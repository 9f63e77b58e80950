"""What a reader's keypad is told, by PC/SC part 10, and what its answers mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridged.cards.key import PinBlock, PinObject
from bridged.errors import (
    BridgedError,
    CardFault,
    CardRemoved,
    PinFormat,
    UserCancelled,
    UserTimeout,
)
from bridged.model import PinAlphabet, PinRules
from bridged.pcsc.apdu import Command
from bridged.pcsc.pinpad import (
    GET_FEATURE_REQUEST,
    EntriesDiffer,
    Pinpad,
    features,
    find,
    pin_modify,
    pin_verify,
)

PIV = PinObject(
    "80",
    "PIN",
    PinRules(min_length=6, max_length=8, alphabet=PinAlphabet.DIGITS),
    block=PinBlock(length=8),
)
JPKI = PinObject("18", "PIN", PinRules(min_length=4, max_length=4, alphabet=PinAlphabet.DIGITS))


def test_the_structure_of_a_padded_pin() -> None:
    head = "1e1e82080008060201110400000000"
    apdu = "0020008008ffffffffffffffff"
    assert pin_verify(PIV.block.verify(), PIV).hex() == f"{head}0d000000{apdu}"


def test_the_structure_of_a_pin_as_it_is() -> None:
    head = "1e1e82000004040201110400000000"
    assert pin_verify(JPKI.block.verify(), JPKI).hex() == f"{head}050000000020008000"


def test_features_are_read() -> None:
    assert features(bytes.fromhex("060442330006070442330007")) == {
        6: 0x42330006,
        7: 0x42330007,
    }


def test_the_structure_of_a_change_with_both_pins() -> None:
    head = "1e1e820800000808060302031104000102000000"
    apdu = "0024008010" + "ff" * 16
    assert pin_modify(PIV.block.change(), PIV, old=True).hex() == f"{head}15000000{apdu}"


def test_the_structure_of_a_change_with_the_new_pin_alone() -> None:
    head = "1e1e820000000004040102021104010200000000"
    command = Command(0x00, 0x24, 0x01, 0x80)
    assert pin_modify(command, JPKI, old=False).hex() == f"{head}050000000024018000"


@given(st.binary(max_size=40))
def test_what_a_reader_says_of_its_features_is_a_list_or_nothing(answer: bytes) -> None:
    keypad = find(lambda *_: answer)
    assert keypad is None or keypad.can_modify in {True, False}


@pytest.mark.parametrize(
    ("answer", "modifies"), [("060442330006", False), ("060442330006070442330007", True)]
)
def test_a_keypad_that_verifies_may_change_pins_too(answer: str, *, modifies: bool) -> None:
    keypad = find(lambda *_: bytes.fromhex(answer))
    assert keypad is not None
    assert keypad.can_modify is modifies


def test_a_keypad_that_cannot_verify_is_none() -> None:
    assert find(lambda *_: bytes.fromhex("070442330007")) is None


@pytest.mark.parametrize("error", [CardFault(sw="8010001F"), CardRemoved()])
def test_a_reader_without_keypad_answers_with_an_error(error: BridgedError) -> None:
    def control(code: int, data: bytes) -> bytes:
        assert (code, data) == (GET_FEATURE_REQUEST, b"")
        raise error

    assert find(control) is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("6400", UserTimeout),
        ("6401", UserCancelled),
        ("6402", EntriesDiffer),
        ("6403", PinFormat),
        ("", CardFault),
        ("90", CardFault),
    ],
)
def test_what_the_reader_itself_answers_is_no_answer_of_the_card(
    answer: str, error: type[Exception]
) -> None:
    pinpad = Pinpad(lambda *_: bytes.fromhex(answer), 1, 2)
    with pytest.raises(error):
        pinpad.verify(PIV.block.verify(), PIV)
    with pytest.raises(error):
        pinpad.modify(PIV.block.change(), PIV, old=True)


@pytest.mark.parametrize("sw", [0x9000, 0x63C2, 0x6983])
def test_what_the_card_answers_is_handed_on(sw: int) -> None:
    pinpad = Pinpad(lambda *_: sw.to_bytes(2, "big"), 1)
    assert pinpad.verify(PIV.block.verify(), PIV).sw == sw
