"""Every APDU that a listing and a signature cost, in order: the fewest that are safe.

`docs/architecture.md` says what each is for. Cards here take extended length; over short APDUs an
answer or a block longer than 255 bytes is fetched and sent in parts, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridged.model import Algorithm, Usage
from bridged.pcsc.apdu import Command
from bridged.service.hub import Hub
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN, JPKI_AUTHENTICATION_PIN, JPKI_SIGNATURE_PIN

from .conftest import Page

DIGEST = bytes(32)
CHALLENGE = "c" * 44

PIV, JPKI = "select A000000308", "select D392F000260100000001"
TRIES, PIN, SIGN = "tries left?", "verify PIN", "sign"


def in_words(command: Command) -> str:
    match command.ins, command.p1:
        case 0xA4, 0x04:
            return f"select {command.data.hex().upper()}"
        case 0xA4, _:
            return f"select file {command.data.hex().upper()}"
        case 0xCB, _:
            return f"get {command.data[2:].hex().upper()}"
        case 0xB0, p1 if p1 & 0x80:
            return f"read file {p1 & 0x1F:02X}"
        case 0xB0, _:
            return "read on"
        case 0x20, _:
            return PIN if command.data else TRIES
        case ((0x87 | 0x2A), _):
            return SIGN
    raise AssertionError(command)


@pytest.fixture(autouse=True)
def _each_in_a_transaction_of_its_own(page: Page, hub: Hub) -> None:
    """Leave nothing to how fast the next job comes."""
    linger(hub, 0.0)


def linger(hub: Hub, seconds: float) -> None:
    for slot in hub.readers.all():
        slot.worker._linger_s = seconds


@pytest.fixture
def inserted(bus: InProcessBus, page: Page) -> Callable[[VirtualCard], list[str]]:
    """Return a function that puts a card in, and the list in which its APDUs appear."""

    def insert(card: VirtualCard) -> list[str]:
        seen: list[str] = []
        card.witness = lambda command, _, __: seen.append(in_words(Command.decode(command)))
        bus.insert(0, card)
        return seen

    return insert


def taken(seen: list[str]) -> list[str]:
    """Return what was seen and forget it."""
    now, seen[:] = [*seen], []
    return now


@pytest.fixture(autouse=True)
def _no_witness_afterwards(cards: dict[str, VirtualCard]):
    yield
    for card in cards.values():
        card.witness = None


async def test_piv(page: Page, inserted, ebid: VirtualCard) -> None:
    seen = inserted(ebid)
    await page.event("card.inserted")
    key = await page.certificate(Usage.AUTHENTICATION)
    assert taken(seen) == [PIV, "get 5FC105", "get 7E", TRIES]
    await page.certificate(Usage.AUTHENTICATION)
    assert taken(seen) == []
    await page.call("pin.verify", key=key.id, pin=EBID_PIN)
    assert taken(seen) == [PIV, TRIES, PIN]
    await page.certificate(Usage.AUTHENTICATION)
    assert taken(seen) == []
    for _ in range(2):
        await page.call("authentication.create", certificate=key.id, challenge=CHALLENGE)
        assert taken(seen) == [SIGN]


async def test_piv_with_a_key_that_always_wants_its_pin(
    page: Page, inserted, ebid: VirtualCard, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = inserted(ebid)
    await page.event("card.inserted")
    key = await page.certificate(Usage.SIGNATURE)
    assert taken(seen) == [PIV, "get 5FC10A", "get 7E", TRIES]
    await page.call("pin.verify", key=key.id, pin=EBID_PIN)
    assert taken(seen) == [PIV, TRIES, PIN]
    request = {"certificate": key.id, "algorithm": key.algorithms[0]}
    await page.call("signature.create", **request, digests=(DIGEST,))
    assert taken(seen) == [PIV, PIN, SIGN]
    # A page that goes on at once goes on in the same transaction.
    linger(hub, 60.0)
    monkeypatch.setattr("bridged.pcsc.worker.HOLD_S", 60.0)
    await page.call("pin.verify", key=key.id, pin=EBID_PIN)
    await page.call("signature.create", **request, digests=(DIGEST,) * 3)
    assert taken(seen)[-7:] == [TRIES, PIN, SIGN, PIN, SIGN, PIN, SIGN]


async def test_piv_in_full(page: Page, inserted, ebid: VirtualCard) -> None:
    seen = inserted(ebid)
    await page.event("card.inserted")
    await page.call("certificate.list")
    places = ["get 5FC105", "get 7E", "get 5FC10A", "get 5FC101", "get 5FC10B", "get 5FC10C"]
    assert taken(seen) == [PIV, *places, TRIES]
    await page.call("certificate.list")
    await page.certificate(Usage.AUTHENTICATION)
    assert taken(seen) == []


async def test_jpki_authentication(page: Page, inserted, jpki: VirtualCard, hub: Hub) -> None:
    seen = inserted(jpki)
    await page.event("card.inserted")
    key = await page.certificate(Usage.AUTHENTICATION)
    listing = [JPKI, "read file 06", "read file 0A", "read file 0B", "select file 0018", TRIES]
    # The first card of its kind is asked for PIV before.
    assert taken(seen)[-len(listing) :] == listing
    await page.certificate(Usage.AUTHENTICATION)
    assert taken(seen) == []
    await page.call("pin.verify", key=key.id, pin=JPKI_AUTHENTICATION_PIN)
    assert taken(seen) == [JPKI, "select file 0018", TRIES, PIN]
    for _ in range(2):
        await page.call("authentication.create", certificate=key.id, challenge=CHALLENGE)
        assert taken(seen) == [SIGN]


async def test_jpki_signature(
    page: Page, inserted, bus: InProcessBus, jpki: VirtualCard, hub: Hub
) -> None:
    seen = inserted(jpki)
    await page.event("card.inserted")
    await page.certificate(Usage.SIGNATURE)
    bus.remove(0)
    await page.event("card.removed")
    bus.insert(0, jpki)
    await page.event("card.inserted")
    taken(seen)

    locked = await page.certificate(Usage.SIGNATURE)
    # A card whose ATR was here before is known: nothing is asked of PIV.
    assert taken(seen) == [JPKI, "read file 06", "select file 001B", TRIES]
    await page.call("pin.verify", key=locked.id, pin=JPKI_SIGNATURE_PIN)
    assert taken(seen) == [JPKI, "select file 001B", TRIES, PIN]
    request = {"certificate": locked.id, "algorithm": Algorithm.RS256}
    await page.call("signature.create", **request, digests=(DIGEST, DIGEST))
    assert taken(seen) == ["read file 01", SIGN, SIGN]
    # Whoever signs need not see the CA's certificate.
    key = await page.certificate(Usage.SIGNATURE)
    assert (taken(seen), len(key.chain)) == (["read file 02"], 1)
    await page.certificate(Usage.SIGNATURE)
    assert taken(seen) == []


async def test_jpki_in_full(page: Page, inserted, jpki: VirtualCard) -> None:
    seen = inserted(jpki)
    await page.event("card.inserted")
    await page.call("certificate.list")
    pins = ["select file 0018", TRIES, "select file 001B", TRIES]
    assert taken(seen)[-8:] == [JPKI, "read file 06", "read file 0A", "read file 0B", *pins]
    await page.call("certificate.list")
    assert taken(seen) == []
