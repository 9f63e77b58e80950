"""A PIN in memory: copied, wiped, never shown."""

from __future__ import annotations

import copy
import pickle

import pytest

from bridged.secret import Pin


def test_it_gives_its_bytes_for_the_card() -> None:
    assert Pin("ABC123").reveal() == b"ABC123"
    assert len(Pin("ABC123")) == 6


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{0!r}".format, lambda pin: f"{[pin]}"])
def test_it_is_never_shown(show) -> None:
    assert "271828" not in show(Pin("271828"))


def test_wiping_overwrites_the_buffer_and_forgets_its_length() -> None:
    pin = Pin("271828")
    seen: list[bytes] = []

    class Watched(bytearray):
        def clear(self) -> None:
            seen.append(bytes(self))
            super().clear()

    pin._buffer = Watched(pin._buffer)
    pin.wipe()
    assert seen == [bytes(6)]
    assert len(pin) == 0


def test_a_wiped_pin_cannot_be_mistaken_for_one() -> None:
    pin = Pin("271828")
    pin.wipe()
    pin.wipe()
    with pytest.raises(ValueError, match="wiped"):
        pin.reveal()


def test_leaving_the_block_wipes_it_whatever_happened() -> None:
    pin = Pin("271828")
    with pytest.raises(RuntimeError), pin:
        raise RuntimeError
    assert len(pin) == 0


def test_letting_go_wipes_the_buffer() -> None:
    pin = Pin("271828")
    buffer = pin._buffer
    del pin
    assert buffer == b""


def test_a_copy_outlives_the_original() -> None:
    pin = Pin("271828")
    other = pin.copy()
    pin.wipe()
    assert other.reveal() == b"271828"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Pin("271828"), protocol)


def test_only_its_own_copy_copies_it() -> None:
    for copied in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copied(Pin("271828"))


def test_text_that_is_no_unicode_is_still_a_pin_to_refuse() -> None:
    assert len(Pin("\ud800")) == 3


def test_a_pin_is_folded_to_what_cards_take() -> None:
    pin = Pin("１２ａＺ～ab漢")
    pin.fold(upper=False)
    assert pin.reveal() == "12aZ~ab漢".encode()
    pin.fold(upper=True)
    assert pin.reveal() == "12AZ~AB漢".encode()


def test_a_pin_grows_by_what_comes_later() -> None:
    pin = Pin("12")
    pin.append(b"34")
    assert pin.reveal() == b"1234"
