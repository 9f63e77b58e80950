"""Both ends of the protocol follow `tests/protocol/client.json`: session, daemon, Python client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_bare
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Origin, Subprotocol

from bridged.client.client import Bridge, connect
from bridged.errors import BridgedError, Cancelled, SiteNotAllowed
from bridged.model import Grant, Wire
from bridged.pin.prompt import Prompts
from bridged.protocol import codec
from bridged.protocol.messages import METHODS, NOTIFICATIONS, CloseCode
from bridged.protocol.session import Request, Session, notification
from bridged.server.app import create_app, listening
from bridged.service.calls import Peer
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.virtual.inprocess import InProcessBus

Step = dict[str, Any]
ORIGIN = "https://portal.example"
ALL = json.loads((Path(__file__).parents[2] / "protocol" / "client.json").read_text("utf-8"))
OF_NOW = [each for each in ALL if not each.get("later")]


def named(transcript: dict[str, Any]) -> str:
    return transcript["name"].replace(" ", "-")  # type: ignore[no-any-return]


def error_of(told: dict[str, Any]) -> codec.ErrorObject:
    """Return the error of a `send` step as a daemon sends it."""
    kind = codec.REASONS.get(told["reason"])
    if kind is None:
        data = {**told, "messages": {"ja": "日食", "en": "eclipse"}}
        return codec.ErrorObject(data.pop("code"), "eclipse", data)
    members = {f.name: told[codec.wire_name(f.name)] for f in fields(kind)}  # type: ignore[arg-type]
    if "supported" in members:
        members["supported"] = tuple(members["supported"])
    error = kind(**members)
    error.made = msgspec.convert(told.get("signatures", ()), tuple[bytes, ...])
    found = codec.error_object(error)
    assert {"reason", "messages", *told} == found.data.keys()
    return found


def frame_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return a `send` step as a frame."""
    if "error" in told:
        error = json.loads(codec.encode(error_of(told["error"])))
        return {"jsonrpc": "2.0", "id": told["id"], "error": error}
    return {"jsonrpc": "2.0", **told}


def typed(value: dict[str, Any], kind: type[Wire]) -> Wire:
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)


def test_everything_stands_in_the_transcripts() -> None:
    steps = [step for each in OF_NOW for step in each["steps"]]
    received = {step["receive"]["method"] for step in steps if "receive" in step}
    sent = [step["send"] for step in steps if "send" in step]
    failed = {frame["error"]["reason"] for frame in sent if "error" in frame}
    assert received == METHODS.keys()
    assert {frame["method"] for frame in sent if "method" in frame} == NOTIFICATIONS.keys()
    assert {step["close"] for step in steps if "close" in step} == {
        code.value for code in CloseCode
    }
    with_fields = {reason for reason, kind in codec.REASONS.items() if fields(kind)}  # type: ignore[arg-type]
    assert with_fields <= failed <= codec.REASONS.keys()


# ---- the session and the codec ----


@pytest.mark.parametrize("transcript", OF_NOW, ids=named)
def test_the_session_takes_and_gives_every_frame(transcript: dict[str, Any]) -> None:
    session, under_way = Session(), dict[int, Request]()
    for step in transcript["steps"]:
        if "receive" in step:
            request = session.receive(json.dumps({"jsonrpc": "2.0", **step["receive"]}))
            assert isinstance(request, Request)
            assert request.params == typed(
                step["receive"]["params"], METHODS[request.method].params
            )
            under_way[step["receive"]["id"]] = request
        elif "send" in step:
            assert json.loads(given(session, under_way, step["send"])) == frame_of(step["send"])


def given(session: Session, under_way: dict[int, Request], told: dict[str, Any]) -> str:
    """Return the text of a frame, made out of the types."""
    if "method" in told:
        return notification(told["method"], typed(told["params"], NOTIFICATIONS[told["method"]]))
    request = under_way.pop(told["id"])
    if "error" in told:
        return session.fail(request, codec.error_from(error_of(told["error"])))
    return session.succeed(request, typed(told["result"], METHODS[request.method].result))


# ---- the whole daemon ----


class Book:
    """Answers the daemon's requests as the transcript says."""

    def __init__(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrived: asyncio.Queue[tuple[Peer, Request, asyncio.Future[Wire]]] = asyncio.Queue()
        monkeypatch.setattr(hub, "handle", self._handle)

    async def _handle(self, peer: Peer, request: Request) -> Wire:
        answer: asyncio.Future[Wire] = asyncio.get_running_loop().create_future()
        self.arrived.put_nowait((peer, request, answer))
        return await answer


@pytest.fixture
async def hub(bus: InProcessBus) -> AsyncIterator[Hub]:
    hub = Hub(bus, Prompts(), SitePolicy({ORIGIN: frozenset(Grant)}))
    await hub.start()
    yield hub
    await hub.stop()


@pytest.fixture
async def ws(hub: Hub) -> AsyncIterator[ClientConnection]:
    async with (
        listening(create_app(hub, "token"), 0) as port,
        connect_bare(
            f"ws://127.0.0.1:{port}/v1",
            origin=Origin(ORIGIN),
            subprotocols=[Subprotocol("bridged.v1")],
        ) as ws,
    ):
        yield ws


@pytest.mark.parametrize(
    "transcript", [each for each in OF_NOW if "closed" not in each["name"]], ids=named
)
async def test_the_daemon_sends_every_frame(
    transcript: dict[str, Any], hub: Hub, ws: ClientConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(hub, monkeypatch)
    await ws.send('{"jsonrpc":"2.0","id":"hello","method":"bridge.info"}')
    peer, hello, _ = await book.arrived.get()
    under_way = dict[int, tuple[Request, asyncio.Future[Wire]]]()
    async with asyncio.timeout(10):
        for step in transcript["steps"]:
            if "receive" in step:
                await ws.send(json.dumps({"jsonrpc": "2.0", **step["receive"]}))
                _, request, answer = await book.arrived.get()
                under_way[step["receive"]["id"]] = request, answer
            elif "send" in step:
                answer_by_the_book(peer, under_way, step["send"])
                assert json.loads(await ws.recv()) == frame_of(step["send"])
    assert hello.id == "hello"


def answer_by_the_book(
    peer: Peer,
    under_way: dict[int, tuple[Request, asyncio.Future[Wire]]],
    told: dict[str, Any],
) -> None:
    if "method" in told:
        peer.notify(told["method"], typed(told["params"], NOTIFICATIONS[told["method"]]))
        return
    request, answer = under_way.pop(told["id"])
    if "error" in told:
        answer.set_exception(codec.error_from(error_of(told["error"])))
    else:
        answer.set_result(typed(told["result"], METHODS[request.method].result))


# ---- the Python client ----


@pytest.mark.parametrize("transcript", ALL, ids=named)
async def test_the_python_client_follows(transcript: dict[str, Any]) -> None:
    played: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    accepted: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def hold(ws: ServerConnection) -> None:
        accepted.put_nowait(ws)
        await played

    subprotocols = [Subprotocol("bridged.v1")]
    async with serve(hold, "127.0.0.1", 0, subprotocols=subprotocols) as server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(10), connect(f"ws://127.0.0.1:{port}/v1") as bridge:
            try:
                await play(transcript["steps"], bridge, await accepted.get())
            finally:
                played.set_result(None)


async def play(steps: list[Step], bridge: Bridge, ws: ServerConnection) -> None:
    calls = dict[int, asyncio.Task[Wire]]()
    for step in steps:
        if "call" in step:
            method = METHODS[step["call"]]
            params = typed(step["params"], method.params)
            calls[step["id"]] = asyncio.create_task(
                bridge.call(step["call"], params, method.result)
            )
        elif "receive" in step:
            got, told = json.loads(await ws.recv()), step["receive"]
            kind = METHODS[told["method"]].params
            assert (got["jsonrpc"], got["id"], got["method"]) == ("2.0", told["id"], told["method"])
            assert typed(got["params"], kind) == typed(told["params"], kind)
        elif "send" in step:
            await ws.send(json.dumps(frame_of(step["send"])))
        elif "close" in step:
            await ws.close(step["close"])
        elif "abort" in step:
            calls[step["abort"]].cancel()
            with pytest.raises(asyncio.CancelledError):
                await calls[step["abort"]]
        else:
            await check(step, bridge, calls)


async def check(step: Step, bridge: Bridge, calls: dict[int, asyncio.Task[Wire]]) -> None:
    """Check what the client made of it."""
    if "result" in step:
        result = await calls[step["id"]]
        assert json.loads(msgspec.json.encode(result)) == step["result"]
    elif "failure" in step:
        with pytest.raises(BridgedError) as caught:
            await calls[step["id"]]
        error, told = caught.value, step["failure"]
        assert error.reason == told["reason"]
        data = {codec.wire_name(name): value for name, value in error.data().items()}
        assert json.loads(msgspec.json.encode(data)) == told["data"]
        assert json.loads(msgspec.json.encode(error.made)) == told.get("signatures", [])
        assert error.messages().keys() == {"ja", "en"}
    elif "lost" in step:
        with pytest.raises((Cancelled, SiteNotAllowed)):
            await calls[step["lost"]]
    else:
        told = step.get("event") or {
            "method": "request.progress",
            "params": {"id": step["id"], **step["progress"]},
        }
        event = await bridge.next_event()
        assert event is not None
        assert event.name == told["method"]
        assert json.loads(msgspec.json.encode(event.params)) == told["params"]
