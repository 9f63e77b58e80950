"""A daemon as the examples of the documentation have it: one reader, one card in a hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from bridged.config import DEFAULT_GRANTS, PinWay
from bridged.pin.prompt import Asker, Dialog, Prompts
from bridged.pin.question import Answer, Question
from bridged.secret import Pin
from bridged.server.app import create_app, listening
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.misbehaviour import INS_GENERAL_AUTHENTICATE
from bridged.virtual.profiles import make_card

ORIGIN = "https://portal.example"


@dataclass(frozen=True)
class Desk:
    """Where the daemon listens, and what lies beside the computer."""

    url: str
    hub: Hub
    bus: InProcessBus
    card: VirtualCard
    signing: asyncio.Queue[None]
    """Holds one item for each signature that the card has begun."""


class Agrees:
    """A dialog, and a person in front of it who says yes."""

    name: ClassVar[PinWay] = PinWay.PINENTRY
    url = None

    def is_open(self, asker: Asker) -> bool:
        return asker.origin == ORIGIN

    async def start(self, asker: Asker) -> Dialog:
        return self

    async def confirm(self, question: Question) -> Answer:
        return Answer.YES

    async def pin(self, question: Question) -> Pin:
        raise NotImplementedError

    async def close(self) -> None:
        pass


@pytest.fixture(scope="session")
def _issued_once() -> VirtualCard:
    """A card that is valid for 729 days whenever the tests run."""
    now = datetime.now(UTC).replace(microsecond=0)
    validity = (now - timedelta(days=1), now + timedelta(days=729, hours=12))
    return make_card("ebid", DemoCa.create(), validity=validity)


@pytest.fixture
async def desk(_issued_once: VirtualCard, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    bus = InProcessBus(readers=1)
    hub = Hub(bus, Prompts([Agrees()]), SitePolicy({ORIGIN: DEFAULT_GRANTS}))
    _issued_once.restore()
    _issued_once.signature_latency_s = 0.0
    loop, signing = asyncio.get_running_loop(), asyncio.Queue[None]()
    transmit = _issued_once.transmit

    def transmit_and_tell(apdu: bytes) -> bytes:
        if apdu[:2] == bytes([0, INS_GENERAL_AUTHENTICATE]):
            loop.call_soon_threadsafe(signing.put_nowait, None)
        return transmit(apdu)

    monkeypatch.setattr(_issued_once, "transmit", transmit_and_tell)
    await hub.start()
    async with listening(create_app(hub, "token"), 0) as port:
        yield Desk(f"ws://127.0.0.1:{port}/v1", hub, bus, _issued_once, signing)
    await hub.stop()
