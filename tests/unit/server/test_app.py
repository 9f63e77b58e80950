"""The daemon as it stands on its port: who gets in, what is refused and how."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets import State
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from bridged.errors import AddressInUse
from bridged.model import Grant
from bridged.pin.prompt import Prompts
from bridged.protocol import messages as m
from bridged.server import connection as connection_module
from bridged.server import traffic
from bridged.server.app import MAX_MESSAGE, create_app, listening
from bridged.server.traffic import Bucket
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.sites.store import How
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus

from .conftest import ALLOWED, TOKEN, Daemon

FREE = {"bridge.info", "site.status", "site.request", "request.cancel", "rpc.discover"}
"""What a site without any grant may call."""
PARAMS: dict[str, dict[str, Any]] = {
    "pin.status": {"key": "x"},
    "pin.verify": {"key": "x"},
    "pin.change": {"key": "x"},
    "pin.unblock": {"key": "x"},
    "puk.change": {"key": "x"},
    "lease.release": {"lease": "x"},
    "authentication.create": {"certificate": "x", "challenge": "x" * 44},
    "document.sign": {"certificate": "x", "format": "cades", "content": "eA=="},
    "signature.create": {
        "certificate": "x",
        "algorithm": "RS256",
        "digests": ["LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="],
    },
}
BRIDGED = [Subprotocol("bridged.v1")]


def open_socket(daemon: Daemon, origin: str | None = ALLOWED, **options: Any) -> connect:
    options.setdefault("subprotocols", BRIDGED)
    return connect(
        daemon.ws,
        origin=Origin(origin) if origin else None,
        proxy=None,
        compression=None,
        **options,
    )


async def ask(ws: ClientConnection, method: str, **params: Any) -> dict[str, Any]:
    await ws.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    return json.loads(await ws.recv())  # type: ignore[no-any-return]


async def close_code(daemon: Daemon, origin: str, **options: Any) -> int | None:
    async with open_socket(daemon, origin, **options) as ws:
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        return ws.close_code


async def test_an_allowed_site_is_served(daemon: Daemon) -> None:
    async with open_socket(daemon) as ws:
        reply = await ask(ws, "bridge.info")
    assert reply["result"]["origin"] == ALLOWED
    assert set(reply["result"]["methods"]) == set(m.METHODS)


async def test_a_site_that_is_denied_can_read_why(daemon: Daemon) -> None:
    daemon.hub.policy.deny("https://other.example", How.COMMAND, never=True)
    assert await close_code(daemon, "https://other.example") == m.CloseCode.SITE_NOT_ALLOWED


async def test_a_site_that_nobody_has_met_is_let_in_and_may_do_nothing(daemon: Daemon) -> None:
    async with open_socket(daemon, "https://other.example") as ws:
        assert (await ask(ws, "bridge.info"))["result"]["grants"] == []
        for method in sorted(m.METHODS.keys() - FREE):
            refused = await ask(ws, method, **PARAMS.get(method, {}))
            assert refused["error"]["data"]["reason"] == "site-not-allowed", method


async def test_a_revoked_site_reads_what_is_left_and_is_closed(daemon: Daemon) -> None:
    daemon.hub.policy.grant("https://other.example", list(Grant), How.COMMAND)
    async with open_socket(daemon, "https://other.example") as ws:
        await ask(ws, "reader.list")
        daemon.hub.policy.forget("https://other.example")
        daemon.hub.sites_changed()
        revoked = json.loads(await ws.recv())
        assert (revoked["method"], revoked["params"]) == ("site.revoked", {"held": []})
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert ws.close_code == m.CloseCode.SITE_NOT_ALLOWED


async def test_strangers_leave_room_for_sites_that_were_granted_something(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridged.server.app.MAX_STRANGERS", 1)
    async with open_socket(daemon, "https://one.example") as first:
        await ask(first, "bridge.info")
        code = await close_code(daemon, "https://two.example")
        assert code == m.CloseCode.TOO_MANY_CONNECTIONS
        async with open_socket(daemon) as ws:
            assert "result" in await ask(ws, "reader.list")


@pytest.mark.parametrize("offered", [None, [Subprotocol("bridged.v0")]])
async def test_the_subprotocol_is_required(
    daemon: Daemon, offered: list[Subprotocol] | None
) -> None:
    code = await close_code(daemon, ALLOWED, subprotocols=offered)
    assert code == m.CloseCode.BAD_SUBPROTOCOL


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://portal.example",
        "https://portal.example:443",
        "https://portal.example.",
        "https://PORTAL.example",
        "https://portal.example/",
        "file://",
        "chrome-extension://abcdefgh",
    ],
)
async def test_an_origin_that_may_never_connect_is_refused(daemon: Daemon, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(daemon, origin):
            pass
    assert refused.value.response.status_code == 403


async def test_two_origins_are_none(daemon: Daemon) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(daemon, additional_headers={"Origin": ALLOWED}):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x"])
async def test_a_program_needs_the_token(daemon: Daemon, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(daemon, None, additional_headers=headers):
            pass
    assert refused.value.response.status_code == 403


async def test_a_header_that_is_no_text_is_no_token(daemon: Daemon) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
    writer.write(
        f"GET /v1 HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\n".encode()
        + b"Authorization: Bearer \xff\xfe\r\n\r\n"
    )
    assert (await reader.readline()).split()[1] == b"403"
    writer.close()
    await writer.wait_closed()


async def test_a_program_with_the_token_is_served(daemon: Daemon) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with open_socket(daemon, None, additional_headers=headers) as ws:
        reply = await ask(ws, "bridge.info")
    assert reply["result"]["origin"] is None


async def test_the_token_does_not_make_a_page_a_program(daemon: Daemon) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with open_socket(daemon, "https://other.example", additional_headers=headers) as ws:
        info = (await ask(ws, "bridge.info"))["result"]
    assert (info["origin"], info["grants"]) == ("https://other.example", [])


@pytest.mark.parametrize("path", ["/", "/health", "/status.css", "/status/changes", "/v1"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1"]
)
async def test_a_foreign_host_is_refused_everywhere(daemon: Daemon, path: str, host: str) -> None:
    headers = {"Host": host.format(port=daemon.port), "Origin": ALLOWED}
    async with (
        aiohttp.ClientSession() as http,
        http.get(daemon.http + path, headers=headers) as response,
    ):
        assert response.status == 403


OPENED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    "how",
    [
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {},
    ],
)
async def test_another_page_may_open_the_status_page_and_not_fetch_it(
    daemon: Daemon, site: str, how: dict[str, str]
) -> None:
    async with aiohttp.ClientSession() as http:
        for headers, status in (
            ({"Sec-Fetch-Site": site, **how}, 403),
            ({"Sec-Fetch-Site": site, **OPENED}, 200),
            ({"Sec-Fetch-Site": "none", **OPENED}, 200),
            ({"Sec-Fetch-Site": "same-origin", **how}, 200),
        ):
            async with http.get(daemon.http, headers=headers) as response:
                assert response.status == status


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_every_name_of_loopback_is_ours(daemon: Daemon, host: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(daemon.http, headers={"Host": f"{host}:{daemon.port}"}) as response,
    ):
        assert response.status == 200
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_the_status_page_shows_readers_and_sites(
    daemon: Daemon, bus: InProcessBus, ebid: VirtualCard
) -> None:
    async with open_socket(daemon) as ws:
        await ask(ws, "reader.list")
        bus.insert(0, ebid)
        assert json.loads(await ws.recv())["method"] == "card.inserted"
    async with aiohttp.ClientSession() as http:
        for language, sentence in (
            ("ja", "ICカードが挿入されています"),
            ("en", "A card is inserted"),
        ):
            async with http.get(daemon.http, headers={"Accept-Language": language}) as response:
                text = await response.text()
            assert sentence in text
            assert ALLOWED in text
            assert f'<html lang="{language}">' in text


async def test_a_binary_frame_ends_the_connection(daemon: Daemon) -> None:
    async with open_socket(daemon) as ws:
        await ws.send(b"\x00")
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert ws.close_code == 1003


async def test_a_message_past_the_limit_ends_the_connection(daemon: Daemon) -> None:
    async with open_socket(daemon) as ws:
        await ws.send("x" * (MAX_MESSAGE + 1))
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert ws.close_code == 1009


async def test_a_message_in_fragments_is_one_and_bounded_as_one(daemon: Daemon) -> None:
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "bridge.info", "params": {}})
    async with open_socket(daemon) as ws:
        await ws.send(list(request))
        assert "result" in json.loads(await ws.recv())
        await ws.send(["x" * (MAX_MESSAGE // 4)] * 5)
        await ws.wait_closed()
        assert ws.close_code == 1009


async def test_nothing_is_unpacked(daemon: Daemon) -> None:
    """A page's compressed message could be a bomb; none is agreed to, and one is refused."""
    async with connect(
        daemon.ws, origin=Origin(ALLOWED), subprotocols=BRIDGED, proxy=None, compression="deflate"
    ) as ws:
        assert ws.response is not None
        assert "Sec-WebSocket-Extensions" not in ws.response.headers
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
    head = (
        f"GET /v1 HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\nOrigin: {ALLOWED}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: bridged.v1\r\n\r\n"
    )
    # A text frame with RSV1, which says that it is compressed (RFC 7692, section 6).
    writer.write(head.encode() + b"\xc1\x82\0\0\0\0{}")
    await reader.readuntil(b"\r\n\r\n")
    frame = await reader.readexactly(4)
    assert (frame[0], int.from_bytes(frame[2:], "big")) == (0x88, 1002)
    writer.close()


async def test_garbage_is_answered_and_the_connection_lives(daemon: Daemon) -> None:
    async with open_socket(daemon) as ws:
        await ws.send("{")
        assert json.loads(await ws.recv())["error"]["data"]["reason"] == "parse-error"
        assert "result" in await ask(ws, "bridge.info")


async def test_an_unforeseen_failure_leaves_with_a_number_and_no_detail(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(daemon.hub, "handle", broken)
    async with open_socket(daemon) as ws:
        error = (await ask(ws, "bridge.info"))["error"]
    assert error["data"]["reason"] == "internal-error"
    assert "secret" not in json.dumps(error)
    assert error["data"]["id"] in caplog.text


async def test_card_events_reach_the_page(
    daemon: Daemon, bus: InProcessBus, ebid: VirtualCard
) -> None:
    async with open_socket(daemon) as ws:
        await ask(ws, "bridge.info")
        bus.insert(0, ebid)
        assert json.loads(await ws.recv())["method"] == "card.inserted"
        bus.remove(0)
        event = json.loads(await ws.recv())
        assert event["method"] == "card.removed"
        assert event["params"]["reader"]["state"] == "empty"


async def test_a_page_that_does_not_read_is_dropped(
    daemon: Daemon, bus: InProcessBus, ebid: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "MAX_QUEUE", 2)
    async with open_socket(daemon) as ws:
        await ask(ws, "bridge.info")
        for peer in daemon.hub._peers:
            for _ in range(4):
                peer.notify("lease.ended", m.LeaseEndedEvent(lease="x", cause=m.LeaseEnd.EXPIRED))
        await ws.wait_closed()
        assert ws.close_code == m.CloseCode.TOO_SLOW


async def test_a_site_has_so_many_connections_and_no_more(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridged.server.app.MAX_CONNECTIONS", 1)
    async with open_socket(daemon) as first:
        await ask(first, "bridge.info")
        assert await close_code(daemon, ALLOWED) == m.CloseCode.TOO_MANY_CONNECTIONS
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with open_socket(daemon, None, additional_headers=headers) as program:
            assert "result" in await ask(program, "bridge.info")
    async with open_socket(daemon) as again:
        assert "result" in await ask(again, "bridge.info")


async def test_a_flood_is_cut_off(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "BURST", 3)
    monkeypatch.setattr(traffic, "PER_S", 0)
    async with open_socket(daemon) as ws:
        for _ in range(3):
            assert "result" in await ask(ws, "bridge.info")
        await ws.send("{}")
        await ws.wait_closed()
        assert ws.close_code == m.CloseCode.FLOOD


async def test_the_connections_of_a_site_share_what_it_may_send(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "BURST", 4)
    monkeypatch.setattr(traffic, "PER_S", 0)
    monkeypatch.setattr(traffic, "SITE_TIMES", 1)
    async with open_socket(daemon) as one, open_socket(daemon) as two:
        for ws in (one, two, one, two):
            assert "result" in await ask(ws, "bridge.info")
        async with open_socket(daemon, "https://other.example") as other:
            assert "result" in await ask(other, "bridge.info")
        await two.send("{}")
        await two.wait_closed()
        assert two.close_code == m.CloseCode.FLOOD


async def test_a_site_that_connects_anew_may_send_no_more_for_it(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "BURST", 2)
    monkeypatch.setattr(traffic, "PER_S", 0)
    monkeypatch.setattr(traffic, "SITE_TIMES", 1)
    for _ in range(2):
        async with open_socket(daemon) as ws:
            assert "result" in await ask(ws, "bridge.info")
    async with open_socket(daemon) as ws:
        await ws.send("{}")
        await ws.wait_closed()
        assert ws.close_code == m.CloseCode.FLOOD


async def test_all_sites_together_may_send_so_much_and_each_is_still_heard(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "RESERVED_BURST", 1)
    monkeypatch.setattr(traffic, "RESERVED_PER_S", 0)
    daemon.traffic._together = Bucket(2, 0)
    async with open_socket(daemon, "https://evil.example") as evil, open_socket(daemon) as good:
        for _ in range(3):
            assert "result" in await ask(evil, "bridge.info")
        refused = (await ask(evil, "bridge.info"))["error"]["data"]
        assert (refused["reason"], refused["retryAfterSeconds"]) == ("rate-limited", 1)
        assert all(refused["messages"][language] for language in ("ja", "en"))
        assert "result" in await ask(good, "bridge.info"), "what is kept for it alone"
        assert (await ask(good, "bridge.info"))["error"]["data"]["reason"] == "rate-limited"
        assert evil.state is good.state is State.OPEN


async def test_a_connection_that_asks_nothing_is_closed(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "IDLE_S", 0.05)
    assert await close_code(daemon, ALLOWED) == m.CloseCode.GOING_AWAY


async def test_long_parameters_are_for_digests_alone(daemon: Daemon) -> None:
    async with open_socket(daemon) as ws:
        refused = await ask(ws, "pin.status", key="x" * 9000)
        assert refused["error"]["data"]["reason"] == "invalid-request"
        digests = ["A" * 43 + "="] * 1000
        many = await ask(
            ws, "signature.create", certificate="x.9c", algorithm="RS256", digests=digests
        )
        assert many["error"]["data"]["reason"] == "certificate-not-found"


async def test_the_openrpc_document_is_served(daemon: Daemon) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{daemon.http}/openrpc.json") as response,
        open_socket(daemon) as ws,
    ):
        assert (await ask(ws, "rpc.discover"))["result"] == await response.json()


async def test_the_end_of_the_daemon_is_told_and_the_card_forgets_the_pin(
    bus: InProcessBus, ebid: VirtualCard
) -> None:
    hub = Hub(bus, Prompts(), SitePolicy({ALLOWED: frozenset(Grant)}))
    await hub.start()
    app = create_app(hub, TOKEN)
    async with listening(app, 0) as port:
        daemon = Daemon(port, hub)
        ws = await open_socket(daemon)
        await ask(ws, "bridge.info")
        bus.insert(0, ebid)
        await ws.recv()
        listed = await ask(ws, "certificate.list", usage="authentication")
        key = listed["result"]["certificates"][0]["id"]
        assert "result" in await ask(ws, "pin.verify", key=key, pin="123456")
        assert ebid.pins["pin"].verified
    with pytest.raises(ConnectionClosed):
        await ws.recv()
    assert ws.close_code == m.CloseCode.GOING_AWAY
    await hub.stop()
    assert not ebid.pins["pin"].verified


async def test_a_taken_port_is_said(daemon: Daemon) -> None:
    app = create_app(daemon.hub, TOKEN)
    with pytest.raises(AddressInUse):
        async with listening(app, daemon.port):
            pass


def test_only_loopback_listens(daemon: Daemon) -> None:
    tables = [Path(f"/proc/net/{name}").read_text("ascii") for name in ("tcp", "tcp6")]
    rows = [line.split() for line in "".join(tables).splitlines()]
    port = f":{daemon.port:04X}"
    listening_on = {row[1] for row in rows if row[1].endswith(port) and row[3] == "0A"}
    assert listening_on == {f"0100007F{port}", f"{'0' * 24}01000000{port}"}
