"""Ways for a person to give a PIN, and the check of its shape before a card sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from bridged.errors import PinFormat, PinRequired
from bridged.model import Grant, PinAlphabet, PinRules
from bridged.secret import Pin
from bridged.sites.policy import Site

_ALPHABETS = {
    PinAlphabet.DIGITS: frozenset(b"0123456789"),
    PinAlphabet.UPPER_ALNUM: frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    PinAlphabet.ASCII: frozenset(range(0x20, 0x7F)),
}


@dataclass(frozen=True, slots=True)
class PinRequest:
    """What the person is asked for; `given` is the PIN where the page brought one."""

    site: Site
    label: str
    rules: PinRules
    given: str | None

    def __repr__(self) -> str:
        return f"PinRequest({self.site.origin!r}, {self.label!r})"


class PinEntry(Protocol):
    """One way to give a PIN."""

    way: ClassVar[str]

    async def obtain(self, request: PinRequest) -> Pin | None:
        """Return the PIN, or None where this way is not open for the request.

        Raises what ends the request: the person cancelled, the site may not.
        """


class PagePin:
    """Typed in the portal's own page, which needs the grant `page-pin`."""

    way: ClassVar[str] = "page"

    async def obtain(self, request: PinRequest) -> Pin | None:
        """Return the PIN that came with the request; raises `SiteNotAllowed`."""
        if request.given is None:
            return None
        request.site.require(Grant.PAGE_PIN)
        return Pin(request.given)


async def obtain(entries: Sequence[PinEntry], request: PinRequest) -> Pin:
    """Return the PIN by the first way that is open; raises `PinRequired` and `PinFormat`."""
    for entry in entries:
        pin = await entry.obtain(request)
        if pin is not None:
            check_rules(pin, request.rules)
            return pin
    raise PinRequired


def check_rules(pin: Pin, rules: PinRules) -> None:
    """Raise `PinFormat`, and wipe the PIN, unless the card could accept it."""
    alphabet = _ALPHABETS[rules.alphabet]
    fits = rules.min_length <= len(pin) <= rules.max_length
    if not fits or not all(byte in alphabet for byte in pin.reveal()):
        pin.wipe()
        raise PinFormat(
            min_length=rules.min_length, max_length=rules.max_length, alphabet=rules.alphabet
        )
