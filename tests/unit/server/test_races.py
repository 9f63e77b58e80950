"""Two connections that want the same card at the same moment."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from bridged.server import traffic
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN

from .conftest import ALLOWED, Daemon

RACES = 1000


def open_socket(daemon: Daemon) -> connect:
    return connect(daemon.ws, origin=Origin(ALLOWED), subprotocols=[Subprotocol("bridged.v1")])


async def ask(ws: ClientConnection, method: str, **params: Any) -> dict[str, Any]:
    await ws.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    return json.loads(await ws.recv())  # type: ignore[no-any-return]


async def test_of_two_connections_just_one_gets_the_lease_a_thousand_times(
    daemon: Daemon, bus: InProcessBus, ebid: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So many messages are a flood, of all connections of a site together.
    monkeypatch.setattr(traffic, "BURST", 10 * RACES)
    wins = [0, 0]
    async with open_socket(daemon) as ws:
        bus.insert(0, ebid)
        assert json.loads(await ws.recv())["method"] == "card.inserted"
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(open_socket(daemon)) for _ in wins]
        found = await ask(pages[0], "certificate.list", usage="authentication")
        key = found["result"]["certificates"][0]["id"]
        for race in range(RACES):
            order = (0, 1) if race % 2 else (1, 0)
            verifying = [ask(pages[n], "pin.verify", key=key, pin=EBID_PIN) for n in order]
            answers = await asyncio.gather(*verifying)
            (winner,) = (n for n, answer in zip(order, answers, strict=True) if "result" in answer)
            (refusal,) = (answer["error"] for answer in answers if "error" in answer)
            assert refusal["data"]["reason"] == "card-leased"
            wins[winner] += 1
            lease = answers[order.index(winner)]["result"]["id"]
            assert await ask(pages[winner], "lease.release", lease=lease) == {
                "jsonrpc": "2.0",
                "id": 1,
                "result": {},
            }
    assert sum(wins) == RACES
    assert all(wins)
