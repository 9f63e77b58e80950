"""The transcripts of `tests/protocol`, played to a whole daemon over a bare WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from bridged.model import Wire
from bridged.protocol.messages import METHODS
from bridged.protocol.session import Request
from bridged.service.calls import Peer

from .conftest import ALLOWED, Daemon

TRANSCRIPTS = Path(__file__).parents[2] / "protocol"
SESSIONS = json.loads((TRANSCRIPTS / "session.json").read_text("utf-8"))
REQUESTS = json.loads((TRANSCRIPTS / "requests.json").read_text("utf-8"))


class Gate:
    """Holds requests back before the daemon's hub until they may be answered."""

    def __init__(self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrived: asyncio.Queue[Request] = asyncio.Queue()
        self._open: defaultdict[int | str, asyncio.Event] = defaultdict(asyncio.Event)
        self._handle = daemon.hub.handle
        monkeypatch.setattr(daemon.hub, "handle", self._wait)

    async def _wait(self, peer: Peer, request: Request) -> Wire:
        self.arrived.put_nowait(request)
        await self._open[request.id].wait()
        del self._open[request.id]
        return await self._handle(peer, request)

    def open(self, request_id: int | str) -> None:
        self._open[request_id].set()


@pytest.fixture
def gate(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(daemon, monkeypatch)


@pytest.fixture
async def ws(daemon: Daemon) -> AsyncIterator[ClientConnection]:
    async with connect(
        daemon.ws,
        origin=Origin(ALLOWED),
        subprotocols=[Subprotocol("bridged.v1")],
        compression=None,
    ) as ws:
        yield ws


def text_of(parts: str | list[Any]) -> str:
    if isinstance(parts, str):
        return parts
    return "".join(p if isinstance(p, str) else p["repeat"] * p["times"] for p in parts)


async def answer(ws: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        reply = json.loads(await ws.recv())
    assert reply.pop("jsonrpc") == "2.0"
    return reply  # type: ignore[no-any-return]


async def refused(ws: ClientConnection, expected: dict[str, Any]) -> None:
    """Check the next frame against the error of a transcript, by the rules of its README."""
    reply = await answer(ws)
    error = reply.pop("error")
    messages = error["data"].pop("messages")
    assert messages.keys() == {"ja", "en"}
    assert error.pop("message") == messages["en"]
    if "detail" not in expected["data"] and "detail" in error["data"]:
        assert error["data"].pop("detail")
    assert {**reply, **error} == expected


@pytest.mark.parametrize("transcript", SESSIONS, ids=lambda t: t["name"].replace(" ", "-"))
async def test_a_transcript_is_followed(
    ws: ClientConnection, gate: Gate, transcript: dict[str, Any]
) -> None:
    waiting: set[int | str] = set()
    for step in transcript["steps"]:
        if "finish" in step:
            waiting.remove(step["finish"])
            gate.open(step["finish"])
            assert (await answer(ws))["id"] == step["finish"]
            continue
        for n in range(1, step.get("times", 1) + 1):
            await ws.send(text_of(step["receive"]).replace("%N", str(n)))
            if "reply" in step:
                await refused(ws, step["reply"])
            else:
                async with asyncio.timeout(10):
                    waiting.add((await gate.arrived.get()).id)
    for request_id in waiting:
        gate.open(request_id)
    assert {(await answer(ws))["id"] for _ in waiting} == waiting
    assert gate.arrived.empty()


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: r["method"])
async def test_a_good_request_is_understood_and_answered_once(
    ws: ClientConnection, gate: Gate, request_: dict[str, Any]
) -> None:
    await ws.send(request_["text"])
    async with asyncio.timeout(10):
        request = await gate.arrived.get()
    assert request.method == request_["method"]
    assert json.loads(msgspec.json.encode(request.params)) == request_["params"]
    gate.open(request.id)
    reply = await answer(ws)
    assert reply.pop("id") == json.loads(request_["text"])["id"]
    assert reply.keys() in ({"result"}, {"error"})
    await ws.send('{"jsonrpc":"2.0","id":"last","method":"bridge.info"}')
    gate.open("last")
    assert (await answer(ws))["id"] == "last"


async def test_what_reads_the_daemon_alone_succeeds(ws: ClientConnection, gate: Gate) -> None:
    for method in ("bridge.info", "reader.list", "rpc.discover"):
        gate.open(method)
        await ws.send(json.dumps({"jsonrpc": "2.0", "id": method, "method": method}))
        result = msgspec.convert((await answer(ws))["result"], METHODS[method].result)
        assert isinstance(result, METHODS[method].result)
