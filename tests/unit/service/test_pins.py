"""A PIN that no card was sent does not stay in memory until the interpreter cleans up."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from bridged.errors import CardLeased, CardRemoved
from bridged.model import Certificate, Usage
from bridged.secret import Pin
from bridged.service.hub import Hub
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN, EBID_PUK

from .conftest import OpenPage, Page


@pytest.fixture
async def certificate(bus: InProcessBus, ebid: VirtualCard, page: Page) -> Certificate:
    bus.insert(0, ebid)
    await page.event("card.inserted")
    return await page.certificate(Usage.AUTHENTICATION)


@pytest.fixture
def _no_clean_up() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def pins_in_memory() -> list[Pin]:
    return [each for each in gc.get_objects() if isinstance(each, Pin) and len(each)]


@pytest.mark.usefixtures("_no_clean_up")
@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("pin.verify", {"pin": EBID_PIN}),
        ("pin.change", {"pin": EBID_PIN, "new_pin": "654321"}),
        ("pin.unblock", {"puk": EBID_PUK, "new_pin": "654321"}),
    ],
)
async def test_a_card_that_was_changed_leaves_no_pin_behind(
    hub: Hub, page: Page, certificate: Certificate, method: str, given: dict[str, str]
) -> None:
    hub.readers.card(certificate.card)._generation -= 1
    before = len(pins_in_memory())
    assert isinstance(await page.fails(method, key=certificate.id, **given), CardRemoved)
    assert len(pins_in_memory()) == before


@pytest.mark.usefixtures("_no_clean_up")
async def test_a_card_that_another_page_has_leaves_no_pin_behind(
    page: Page, open_page: OpenPage, certificate: Certificate
) -> None:
    await open_page("https://other.example").call("pin.verify", key=certificate.id, pin=EBID_PIN)
    before = len(pins_in_memory())
    error = await page.fails("pin.verify", key=certificate.id, pin=EBID_PIN)
    assert isinstance(error, CardLeased)
    assert len(pins_in_memory()) == before
