"""A card is known by the application it answers to."""

from __future__ import annotations

import pytest

from bridged.cards import registry
from bridged.cards.jpki import JpkiDriver
from bridged.cards.piv import PivDriver
from bridged.errors import CardUnsupported

SELECT_PIV, SELECT_JPKI = "00A40400 05 A000000308 00", "00A4040C 0A D392F000260100000001"

TOKEN_INFO = ("00B0860020", b"JPKIAPICCTOKEN2".ljust(32).hex() + "9000")


def test_piv_is_asked_for_first(script) -> None:
    assert type(registry.detect(script((SELECT_PIV, "9000")))) is PivDriver


def test_jpki_is_asked_for_next(script) -> None:
    channel = script((SELECT_PIV, "6A82"), (SELECT_JPKI, "9000"), TOKEN_INFO)
    assert type(registry.detect(channel)) is JpkiDriver


def test_a_card_that_was_here_before_is_asked_for_what_it_was(script) -> None:
    atr = b"an ATR of its own"
    first = script((SELECT_PIV, "6A82"), (SELECT_JPKI, "9000"), TOKEN_INFO)
    first.atr = atr
    again = script((SELECT_JPKI, "9000"), TOKEN_INFO)
    again.atr = atr
    assert type(registry.detect(first)) is type(registry.detect(again)) is JpkiDriver


def test_a_card_that_has_changed_is_asked_for_everything(script) -> None:
    atr = b"an ATR of another"
    first, again = (
        script((SELECT_PIV, "9000")),
        script((SELECT_PIV, "6A82"), (SELECT_JPKI, "9000"), TOKEN_INFO),
    )
    first.atr = again.atr = atr
    assert type(registry.detect(first)) is PivDriver
    assert type(registry.detect(again)) is JpkiDriver


def test_what_cards_were_is_forgotten_in_time(monkeypatch) -> None:
    monkeypatch.setattr(registry, "_by_atr", {})
    for n in range(registry.MAX_REMEMBERED + 1):
        registry._remember(bytes([n]), PivDriver)
    registry._remember(b"", PivDriver)
    assert list(registry._by_atr) == [bytes([n]) for n in range(1, registry.MAX_REMEMBERED + 1)]


@pytest.mark.parametrize("answer", ["6A82", "6D00", "6E00", "6283", "0000"])
def test_a_card_that_knows_no_application_is_unsupported(script, answer: str) -> None:
    with pytest.raises(CardUnsupported):
        registry.detect(script((SELECT_PIV, answer), (SELECT_JPKI, answer)))
