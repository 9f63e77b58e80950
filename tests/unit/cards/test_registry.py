"""A card is known by the application it answers to."""

from __future__ import annotations

import pytest

from bridged.cards import registry
from bridged.cards.jpki import JpkiDriver
from bridged.cards.piv import PivDriver
from bridged.errors import CardUnsupported

SELECT_PIV, SELECT_JPKI = "00A40400 05 A000000308 00", "00A4040C 0A D392F000260100000001"


def test_piv_is_asked_for_first(script) -> None:
    assert type(registry.detect(script((SELECT_PIV, "9000")))) is PivDriver


def test_jpki_is_asked_for_next(script) -> None:
    channel = script((SELECT_PIV, "6A82"), (SELECT_JPKI, "9000"))
    assert type(registry.detect(channel)) is JpkiDriver


@pytest.mark.parametrize("answer", ["6A82", "6D00", "6E00", "6283", "0000"])
def test_a_card_that_knows_no_application_is_unsupported(script, answer: str) -> None:
    with pytest.raises(CardUnsupported):
        registry.detect(script((SELECT_PIV, answer), (SELECT_JPKI, answer)))
