"""How a person gives a PIN, and what is refused before a card sees it."""

from __future__ import annotations

import pytest

from bridged.errors import PinFormat, PinRequired, SiteNotAllowed
from bridged.model import Grant, PinAlphabet, PinRules
from bridged.pin.entry import PagePin, PinRequest, check_rules, obtain
from bridged.secret import Pin
from bridged.sites.policy import Site

DIGITS = PinRules(min_length=4, max_length=8, alphabet=PinAlphabet.DIGITS)
UPPER = PinRules(min_length=6, max_length=16, alphabet=PinAlphabet.UPPER_ALNUM)
ASCII = PinRules(min_length=1, max_length=8, alphabet=PinAlphabet.ASCII)
SITE = "https://portal.example"


def request(given: str | None, *grants: Grant, rules: PinRules = DIGITS) -> PinRequest:
    return PinRequest(Site(SITE, frozenset(grants)), "PIN", rules, given)


class Way:
    """A way that gives what it was made with, and knows whether it was asked."""

    way = "test"

    def __init__(self, pin: str | None) -> None:
        self.given = Pin(pin) if pin is not None else None
        self.asked = False

    async def obtain(self, _: PinRequest) -> Pin | None:
        self.asked = True
        return self.given


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


async def test_a_pin_of_the_page_needs_the_grant() -> None:
    with pytest.raises(SiteNotAllowed) as caught:
        await PagePin().obtain(request("1234", Grant.CERTIFICATES, Grant.SIGN))
    assert (caught.value.origin, caught.value.grant) == (SITE, Grant.PAGE_PIN)


async def test_a_pin_of_the_page_is_taken_with_the_grant() -> None:
    pin = await PagePin().obtain(request("1234", Grant.PAGE_PIN))
    assert pin is not None
    assert pin.reveal() == b"1234"


async def test_no_pin_of_the_page_leaves_it_to_the_next_way() -> None:
    assert await PagePin().obtain(request(None)) is None


async def test_an_empty_pin_of_the_page_is_a_pin_that_breaks_the_rules() -> None:
    with pytest.raises(PinFormat):
        await obtain([PagePin()], request("", Grant.PAGE_PIN))


async def test_the_first_way_that_is_open_is_taken() -> None:
    closed, open_, last = Way(None), Way("1234"), Way("9999")
    assert await obtain([closed, open_, last], request(None)) is open_.given
    assert (closed.asked, last.asked) == (True, False)


async def test_a_pin_from_any_way_is_checked_and_wiped_where_it_breaks_the_rules() -> None:
    way = Way("12")
    with pytest.raises(PinFormat):
        await obtain([way], request(None))
    assert way.given is not None
    assert len(way.given) == 0


@pytest.mark.parametrize("ways", [[], [Way(None)], [PagePin(), Way(None)]])
async def test_the_pin_is_required_where_no_way_is_open(ways: list[Way]) -> None:
    with pytest.raises(PinRequired):
        await obtain(ways, request(None))


def test_a_request_never_shows_the_pin() -> None:
    asked = request("271828", Grant.PAGE_PIN)
    for text in (repr(asked), str(asked), f"{asked}", f"{[asked]}"):
        assert "271828" not in text
        assert SITE in text
