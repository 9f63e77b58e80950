"""Which drivers there are, and which of them a card answers to."""

from __future__ import annotations

import threading

from bridged.cards.base import Driver
from bridged.cards.jpki import JpkiDriver
from bridged.cards.piv import PivDriver
from bridged.errors import CardUnsupported
from bridged.pcsc.channel import Channel

DRIVERS: tuple[type[Driver], ...] = (PivDriver, JpkiDriver)

MAX_REMEMBERED = 64
_lock = threading.Lock()
_by_atr: dict[bytes, type[Driver]] = {}
"""What cards with an ATR were the last time: asked first, so that they pay for no other's SELECT."""


def detect(channel: Channel) -> Driver:
    """Return the driver of the first application that is found; raises `CardUnsupported`."""
    likely = _by_atr.get(channel.atr)
    for kind in sorted(DRIVERS, key=lambda kind: kind is not likely):
        driver = kind.detect(channel)
        if driver is not None:
            _remember(channel.atr, kind)
            return driver
    raise CardUnsupported


def _remember(atr: bytes, kind: type[Driver]) -> None:
    """Note a card's kind; the ATR not seen for longest is forgotten."""
    if not atr:
        return
    with _lock:
        _by_atr.pop(atr, None)
        _by_atr[atr] = kind
        if len(_by_atr) > MAX_REMEMBERED:
            del _by_atr[next(iter(_by_atr))]
