"""A whole daemon on an ephemeral port, over in-process readers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from blockbuster import BlockBuster

from bridged.model import Grant
from bridged.pin.prompt import Prompts
from bridged.server.app import create_app, listening
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.virtual.inprocess import InProcessBus

ALLOWED = "https://portal.example"
TOKEN = "token-of-the-test"


@dataclass(frozen=True)
class Daemon:
    port: int
    hub: Hub

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
    async with listening(create_app(hub, TOKEN), 0) as port:
        yield Daemon(port, hub)
    await hub.stop()
