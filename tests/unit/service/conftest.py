"""A hub over in-process readers, and pages that call it as a connection would."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

import pytest
from blockbuster import BlockBuster

from bridged.errors import BridgedError
from bridged.model import Algorithm, Certificate, Grant, Usage, Wire
from bridged.pin.prompt import Prompts
from bridged.protocol.messages import METHODS, CertificateList
from bridged.protocol.session import Request
from bridged.service.hub import Hub
from bridged.sites.policy import Site
from bridged.virtual.inprocess import InProcessBus

from ..pin.conftest import Person

SAFE = frozenset({Grant.CERTIFICATES, Grant.SIGN})
CHALLENGE = "c" * 44
DIGESTS = tuple(hashlib.sha256(bytes((i,))).digest() for i in range(3))


def params(key: str) -> dict[str, object]:
    """Return what a page asks to have signed."""
    return {
        "certificate": key,
        "algorithm": Algorithm.RS256,
        "digests": DIGESTS,
        "title": "申請書",
    }


class Page:
    """A connection whose notifications can be awaited."""

    def __init__(self, hub: Hub, origin: str | None, grants: frozenset[Grant]) -> None:
        self.site = Site(origin, grants)
        self.turned_away = False
        self.events: asyncio.Queue[tuple[str, Wire]] = asyncio.Queue()
        self._hub = hub

    def notify(self, method: str, params: Wire) -> None:
        self.events.put_nowait((method, params))

    def turn_away(self) -> None:
        self.turned_away = True

    async def event(self, name: str) -> Wire:
        """Return the parameters of the next event of a name, passing over others."""
        while True:
            async with asyncio.timeout(5):
                method, params = await self.events.get()
            if method == name:
                return params

    async def call(self, method: str, *, as_id: int = 1, **params: object) -> Wire:
        kind = METHODS[method]
        request = Request(as_id, method, kind.params(**params), kind.grant)
        return await self._hub.handle(self, request)

    async def fails(self, method: str, **params: object) -> BridgedError:
        with pytest.raises(BridgedError) as caught:
            await self.call(method, **params)
        return caught.value

    async def certificate(self, usage: Usage) -> Certificate:
        found = await self.call("certificate.list", usage=usage)
        assert isinstance(found, CertificateList)
        return found.certificates[0]


OpenPage = Callable[..., Page]


@pytest.fixture
def person() -> Person:
    """Nobody can be asked, unless a test has another person, or opens the dialogs of this one."""
    return Person(is_open=False)


@pytest.fixture
def prompts(person: Person) -> Prompts:
    return Prompts([person])


@pytest.fixture
async def hub(bus: InProcessBus, prompts: Prompts, no_blocking: BlockBuster) -> AsyncIterator[Hub]:
    hub = Hub(bus, prompts)
    await hub.start()
    yield hub
    await hub.stop()


@pytest.fixture
def open_page(hub: Hub) -> OpenPage:
    def open_(
        origin: str | None = "https://portal.example", grants: frozenset[Grant] = frozenset(Grant)
    ) -> Page:
        page = Page(hub, origin, grants)
        hub.join(page)
        return page

    return open_


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()
