"""Which drivers there are, and which of them a card answers to."""

from __future__ import annotations

from collections.abc import Sequence

from bridged.cards.base import CardDriver
from bridged.cards.jpki import JpkiDriver
from bridged.cards.piv import PivDriver
from bridged.cards.pkcs11.driver import Pkcs11Driver
from bridged.cards.pkcs11.module import Module
from bridged.errors import CardUnsupported
from bridged.pcsc.channel import Channel

DRIVERS: tuple[type[CardDriver], ...] = (PivDriver, JpkiDriver)


def detect(channel: Channel) -> CardDriver:
    """Return the driver of the first application that is found; raises `CardUnsupported`."""
    for kind in DRIVERS:
        driver = kind.detect(channel)
        if driver is not None:
            return driver
    raise CardUnsupported


def find_by_module(modules: Sequence[Module], reader: str) -> Pkcs11Driver:
    """Return the driver over the first module that knows the card in a reader.

    Called apart from any transaction. Raises `CardUnsupported`, and `ModuleFault` where a module
    that might know it could not be asked.
    """
    driver = Pkcs11Driver.find(modules, reader)
    if driver is None:
        raise CardUnsupported
    return driver
