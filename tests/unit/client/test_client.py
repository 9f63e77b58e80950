"""The Python client against a whole daemon."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from bridged.client.client import Bridge, connect
from bridged.client.rpc import Event
from bridged.errors import (
    Cancelled,
    ConsentUnavailable,
    InternalError,
    ParseError,
    PinIncorrect,
    SiteNotAllowed,
)
from bridged.model import Grant, Usage
from bridged.pin.prompt import Prompts
from bridged.protocol import messages as m
from bridged.server.app import create_app, listening
from bridged.service.hub import Hub
from bridged.signing import webeid
from bridged.sites.policy import SitePolicy
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN

ORIGIN = "https://portal.example"
TOKEN = "token-of-the-test"


@pytest.fixture
async def url(bus: InProcessBus) -> AsyncIterator[str]:
    hub = Hub(bus, Prompts(), SitePolicy({ORIGIN: frozenset(Grant)}))
    await hub.start()
    app = create_app(hub, TOKEN)
    async with listening(app, 0) as port:
        yield f"ws://127.0.0.1:{port}/v1"
    await hub.stop()


@pytest.fixture
async def bridge(url: str) -> AsyncIterator[Bridge]:
    async with connect(url, origin=ORIGIN) as bridge:
        yield bridge


async def next_event(bridge: Bridge) -> Event:
    async with asyncio.timeout(5):
        return await anext(aiter(bridge.events()))


async def test_one_registration_as_a_portal_would_do_it(
    bridge: Bridge, bus: InProcessBus, ebid: VirtualCard
) -> None:
    assert (await bridge.info()).origin == ORIGIN
    bus.insert(0, ebid)
    event = await next_event(bridge)
    assert event.name == "card.inserted"
    reader = (await bridge.readers())[0]
    assert event.params == m.ReaderEvent(reader=reader)

    (authentication,) = await bridge.certificates(reader=reader.id, usage=Usage.AUTHENTICATION)
    with pytest.raises(PinIncorrect) as wrong:
        await bridge.verify_pin(authentication.id, "000000")
    assert wrong.value.tries_left == 2
    lease = await bridge.verify_pin(authentication.id, EBID_PIN, lease_seconds=30)
    assert (await bridge.pin_status(authentication.id)).verified
    token = await bridge.authenticate(authentication.id, "c" * 44)
    assert token.format == webeid.FORMAT
    await bridge.release(lease)

    (signature,) = await bridge.certificates(usage=Usage.SIGNATURE)
    await bridge.verify_pin(signature.id, EBID_PIN)
    digests = [hashlib.sha256(text).digest() for text in (b"a", b"b")]
    assert len(await bridge.sign(signature.id, digests, title="application")) == 2


async def test_a_program_comes_with_the_token(url: str) -> None:
    async with connect(url, token=TOKEN) as bridge:
        assert (await bridge.info()).origin is None


@pytest.mark.parametrize("who", [{"token": "wrong"}, {}, {"origin": "null"}])
async def test_who_may_never_connect_is_told(url: str, who: dict[str, str]) -> None:
    with pytest.raises(SiteNotAllowed):
        async with connect(url, **who):
            pass


async def test_a_site_that_is_not_allowed_is_told_at_its_first_call(url: str) -> None:
    async with connect(url, origin="https://other.example") as bridge:
        assert (await bridge.info()).grants == ()
        assert (await bridge.site_status([Grant.SIGN])).missing == (Grant.SIGN,)
        with pytest.raises(ConsentUnavailable):
            await bridge.request_grants([Grant.SIGN])
        with pytest.raises(SiteNotAllowed):
            await bridge.readers()


async def test_nobody_there_is_an_oserror() -> None:
    with pytest.raises(OSError, match="Connect call failed"):
        async with connect("ws://127.0.0.1:1/v1"):
            pass


async def talk_to(answer: str | None) -> Bridge:
    """Call a daemon that answers just this, or goes away; return what the call raised."""

    async def handler(ws: ServerConnection) -> None:
        await ws.recv()
        if answer is not None:
            await ws.send(answer)
            await ws.wait_closed()

    async with serve(handler, "127.0.0.1", 0, subprotocols=[Subprotocol(m.SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/v1") as bridge, asyncio.timeout(5):
            await bridge.info()
    raise AssertionError("the call succeeded")


async def test_a_daemon_that_goes_away_cancels_what_waits() -> None:
    with pytest.raises(Cancelled):
        await talk_to(None)


@pytest.mark.parametrize("answer", ["{", "[]", '{"jsonrpc":"2.0","id":1}'])
async def test_an_answer_that_is_none_is_said(answer: str) -> None:
    with pytest.raises(ParseError):
        await talk_to(answer)


async def test_a_daemon_that_talks_nonsense_is_talked_to_no_more() -> None:
    async def handler(ws: ServerConnection) -> None:
        await ws.recv()
        await ws.send("{")
        await ws.wait_closed()

    async with serve(handler, "127.0.0.1", 0, subprotocols=[Subprotocol(m.SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/v1") as bridge, asyncio.timeout(5):
            with pytest.raises(ParseError):
                await bridge.info()
            assert await bridge.next_event() is None
            with pytest.raises(Cancelled):
                await bridge.readers()


async def test_an_error_of_a_later_version_is_internal() -> None:
    error = {"code": 4999, "message": "?", "data": {"reason": "invented-later"}}
    with pytest.raises(InternalError):
        await talk_to(json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}))


async def test_events_end_with_the_connection(url: str) -> None:
    async with connect(url, origin=ORIGIN) as bridge:
        events = bridge.events()
    assert [event async for event in events] == []
    assert [event async for event in bridge.events()] == []


async def test_what_a_later_daemon_adds_is_passed_over() -> None:
    info = {"version": "9", "protocols": [], "methods": [], "origin": None, "grants": []}
    frames: list[dict[str, object]] = [
        {"jsonrpc": "2.0", "method": "reader.blinked", "params": {"colour": "green"}},
        {
            "jsonrpc": "2.0",
            "method": "lease.ended",
            "params": {"lease": "l", "cause": "yawned", "x": 1},
        },
        {"jsonrpc": "2.0", "id": 1, "result": {**info, "pinEntry": ["voice"], "later": {}}, "x": 1},
    ]

    async def handler(ws: ServerConnection) -> None:
        await ws.recv()
        for frame in frames:
            await ws.send(json.dumps(frame))
        await ws.wait_closed()

    async with serve(handler, "127.0.0.1", 0, subprotocols=[Subprotocol(m.SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/v1") as bridge, asyncio.timeout(5):
            assert (await bridge.info()).pin_entry == ("voice",)
            event = await bridge.next_event()
    assert event == Event("lease.ended", m.LeaseEndedEvent(lease="l", cause=m.LeaseEnd("yawned")))


async def test_the_pin_is_not_in_the_log_of_a_program_that_logs_everything(
    url: str, bus: InProcessBus, ebid: VirtualCard, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with connect(url, origin=ORIGIN) as bridge:
        bus.insert(0, ebid)
        await next_event(bridge)
        (certificate,) = await bridge.certificates(usage=Usage.SIGNATURE)
        await bridge.verify_pin(certificate.id, EBID_PIN)
    assert caplog.records
    assert EBID_PIN not in caplog.text
    assert "pin.verify" not in caplog.text  # a long frame is logged with its middle left out


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_something_else_on_the_port_is_an_oserror(answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(OSError, match="no bridged"):
            async with connect(f"ws://127.0.0.1:{port}/v1"):
                pass
