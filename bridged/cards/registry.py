"""Which drivers there are, and which of them a card answers to."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from bridged.cards.base import CardDriver
from bridged.cards.jpki import JpkiDriver
from bridged.cards.piv import PivDriver
from bridged.cards.pkcs11.driver import Pkcs11Driver
from bridged.cards.pkcs11.module import Module
from bridged.errors import CardUnsupported
from bridged.pcsc.channel import Channel

DRIVERS: tuple[type[CardDriver], ...] = (PivDriver, JpkiDriver)

MAX_REMEMBERED = 64
_lock = threading.Lock()
_by_atr: dict[bytes, type[CardDriver]] = {}
"""What cards with an ATR were the last time: asked first, so that they pay for no other's SELECT."""


def detect(channel: Channel) -> CardDriver:
    """Return the driver of the first application that is found; raises `CardUnsupported`."""
    likely = _by_atr.get(channel.atr)
    for kind in sorted(DRIVERS, key=lambda kind: kind is not likely):
        driver = kind.detect(channel)
        if driver is not None:
            _remember(channel.atr, kind)
            return driver
    raise CardUnsupported


def _remember(atr: bytes, kind: type[CardDriver]) -> None:
    """Note a card's kind; the ATR not seen for longest is forgotten."""
    if not atr:
        return
    with _lock:
        _by_atr.pop(atr, None)
        _by_atr[atr] = kind
        if len(_by_atr) > MAX_REMEMBERED:
            del _by_atr[next(iter(_by_atr))]


def find_by_module(modules: Sequence[Module], reader: str) -> Pkcs11Driver:
    """Return the driver over the first module that knows the card in a reader.

    Called apart from any transaction. Raises `CardUnsupported`, and `ModuleFault` where a module
    that might know it could not be asked.
    """
    driver = Pkcs11Driver.find(modules, reader)
    if driver is None:
        raise CardUnsupported
    return driver
