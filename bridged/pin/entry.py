"""The check of a PIN's shape before a card sees it, and the PIN that a portal's page brings."""

from __future__ import annotations

from bridged.errors import PinFormat
from bridged.model import Grant, PinAlphabet, PinRules
from bridged.secret import Pin
from bridged.sites.policy import Site

_ALPHABETS = {
    PinAlphabet.DIGITS: frozenset(b"0123456789"),
    PinAlphabet.UPPER_ALNUM: frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    PinAlphabet.ASCII: frozenset(range(0x20, 0x7F)),
}


def from_page(site: Site, text: str, rules: PinRules) -> Pin:
    """Return the PIN or PUK that was typed in the portal's own page.

    Raises `SiteNotAllowed` without the grant `page-pin`, and `PinFormat`.
    """
    site.require(Grant.PAGE_PIN)
    pin = Pin(text)
    check_rules(pin, rules)
    return pin


def check_rules(pin: Pin, rules: PinRules) -> None:
    """Raise `PinFormat`, and wipe the PIN, unless the card could accept it."""
    alphabet = _ALPHABETS[rules.alphabet]
    fits = rules.min_length <= len(pin) <= rules.max_length
    if not fits or not all(byte in alphabet for byte in pin.reveal()):
        pin.wipe()
        raise PinFormat(
            min_length=rules.min_length, max_length=rules.max_length, alphabet=rules.alphabet
        )
