"""A whole daemon on an ephemeral port, over in-process readers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from blockbuster import BlockBuster

from bridged.model import Grant
from bridged.pin.prompt import Prompts
from bridged.server.app import DAEMON, create_app, listening
from bridged.server.traffic import Traffic
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.virtual.inprocess import InProcessBus

ALLOWED = "https://portal.example"
TOKEN = "token-of-the-test"


@dataclass(frozen=True)
class Daemon:
    port: int
    hub: Hub
    traffic: Traffic = field(default_factory=Traffic)

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1"


@pytest.fixture
async def daemon(bus: InProcessBus, no_blocking: BlockBuster) -> AsyncIterator[Daemon]:
    policy = SitePolicy({ALLOWED: frozenset(Grant)})
    hub = Hub(bus, Prompts(), policy)
    await hub.start()
    app = create_app(hub, TOKEN)
    async with listening(app, 0) as port:
        yield Daemon(port, hub, app[DAEMON].traffic)
    await hub.stop()
