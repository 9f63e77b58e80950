"""Requests that do not come to their end cost a socket for a while and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridged.pin.prompt import Prompts
from bridged.server import app, guard
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.virtual.inprocess import InProcessBus

from .conftest import ALLOWED, TOKEN, Daemon
from .test_app import ask, open_socket

HASTE_S = 0.05


@pytest.fixture
async def hasty(bus: InProcessBus, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Daemon]:
    """A daemon that waits for nobody."""
    assert app.REQUEST_S == guard.REQUEST_S <= 60
    for module in (app, guard):
        monkeypatch.setattr(module, "REQUEST_S", HASTE_S)
    hub = Hub(bus, Prompts(), SitePolicy({ALLOWED: frozenset()}))
    async with app.listening(app.create_app(hub, TOKEN), 0) as port:
        yield Daemon(port, hub)


async def answer_to(daemon: Daemon, start: str, *, trickle: str = "") -> bytes:
    """Return all that comes for a request that begins so and goes on with drops."""
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
    writer.write(start.format(port=daemon.port).encode())
    answer = asyncio.create_task(reader.read())
    try:
        async with asyncio.timeout(20):
            while trickle and not answer.done():
                writer.write(trickle.encode())
                await asyncio.sleep(HASTE_S / 5)
            return await answer
    except ConnectionError:
        return b""
    finally:
        answer.cancel()
        writer.close()


@pytest.mark.parametrize(
    ("start", "trickle"),
    [
        ("G", ""),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n", ""),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Drop: ", "x"),
        ("GET /v1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: web", ""),
    ],
)
async def test_a_head_that_does_not_end_costs_a_socket_for_a_while(
    hasty: Daemon, start: str, trickle: str
) -> None:
    assert await answer_to(hasty, start, trickle=trickle) == b""


async def test_a_body_that_does_not_come_is_told(hasty: Daemon) -> None:
    answer = await answer_to(
        hasty,
        "POST /sites/forget HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        "Content-Length: 9\r\nContent-Type: application/json\r\nX-Bridged: status-page\r\n"
        "Origin: http://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n\r\nhalf",
    )
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_socket_is_not_kept_long_for_a_next_request(hasty: Daemon) -> None:
    answer = await answer_to(hasty, "GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_page_that_is_connected_may_be_silent_for_longer(hasty: Daemon) -> None:
    async with open_socket(hasty) as ws:
        await asyncio.sleep(4 * HASTE_S)
        assert "result" in await ask(ws, "bridge.info")
