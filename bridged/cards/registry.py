"""Which drivers there are, and which of them a card answers to."""

from __future__ import annotations

from bridged.cards.base import Driver
from bridged.cards.jpki import JpkiDriver
from bridged.cards.piv import PivDriver
from bridged.errors import CardUnsupported
from bridged.pcsc.channel import Channel

DRIVERS: tuple[type[Driver], ...] = (PivDriver, JpkiDriver)


def detect(channel: Channel) -> Driver:
    """Return the driver of the first application that is found; raises `CardUnsupported`."""
    for kind in DRIVERS:
        driver = kind.detect(channel)
        if driver is not None:
            return driver
    raise CardUnsupported
