"""How a person gives a PIN, and what is refused before a card sees it."""

from __future__ import annotations

import pytest

from bridged.errors import PinFormat, SiteNotAllowed
from bridged.model import Grant, PinAlphabet, PinRules
from bridged.pin.entry import check_rules, from_page
from bridged.secret import Pin
from bridged.sites.policy import Site

DIGITS = PinRules(min_length=4, max_length=8, alphabet=PinAlphabet.DIGITS)
UPPER = PinRules(min_length=6, max_length=16, alphabet=PinAlphabet.UPPER_ALNUM)
ASCII = PinRules(min_length=1, max_length=8, alphabet=PinAlphabet.ASCII)
SITE = "https://portal.example"


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (DIGITS, "1234"),
        (DIGITS, "12345678"),
        (UPPER, "ABC123"),
        (UPPER, "ZZZZZZZZ99999999"),
        (ASCII, "~"),
        (ASCII, " a!\"'\\{}"),
    ],
)
def test_what_the_rules_allow_is_left_as_it_is(rules: PinRules, text: str) -> None:
    pin = Pin(text)
    check_rules(pin, rules)
    assert pin.reveal() == text.encode()


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (DIGITS, ""),
        (DIGITS, "123"),
        (DIGITS, "123456789"),
        (DIGITS, "12a4"),
        (DIGITS, "1234 "),
        (DIGITS, "1234\n"),
        (DIGITS, "１２３４"),
        (DIGITS, "٤٤٤٤"),
        (DIGITS, "1234\0"),
        (UPPER, "ABC12"),
        (UPPER, "A" * 17),
        (UPPER, "abc123"),
        (UPPER, "ABC-123"),
        (UPPER, "ÀBC123"),
        (UPPER, "ＡＢＣ１２３"),
        (ASCII, "あ"),
        (ASCII, "a\x7f"),
        (ASCII, "a\tb"),
        (ASCII, "\ud800"),
    ],
    ids=ascii,
)
def test_what_breaks_the_rules_is_wiped_and_not_sent(rules: PinRules, text: str) -> None:
    pin = Pin(text)
    with pytest.raises(PinFormat) as caught:
        check_rules(pin, rules)
    assert (caught.value.min_length, caught.value.max_length, caught.value.alphabet) == (
        rules.min_length,
        rules.max_length,
        rules.alphabet,
    )
    assert len(pin) == 0


def test_a_pin_of_the_page_needs_the_grant() -> None:
    with pytest.raises(SiteNotAllowed) as caught:
        from_page(Site(SITE, frozenset(Grant) - {Grant.PAGE_PIN}), "1234", DIGITS)
    assert (caught.value.origin, caught.value.grant) == (SITE, Grant.PAGE_PIN)


def test_a_pin_of_the_page_is_taken_with_the_grant() -> None:
    pin = from_page(Site(SITE, frozenset({Grant.PAGE_PIN})), "1234", DIGITS)
    assert pin.reveal() == b"1234"


def test_an_empty_pin_of_the_page_is_a_pin_that_breaks_the_rules() -> None:
    with pytest.raises(PinFormat):
        from_page(Site(SITE, frozenset(Grant)), "", DIGITS)
