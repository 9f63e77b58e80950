"""The daemon's HTTP side: the socket at /v1, the status page, /health."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from bridged.errors import AddressInUse
from bridged.pin.window import Windows
from bridged.protocol.codec import encode
from bridged.protocol.messages import SUBPROTOCOL, CloseCode
from bridged.protocol.openrpc import document
from bridged.server import ask, browser, pages, selftest, sites
from bridged.server.connection import Connection
from bridged.server.door import Door
from bridged.server.guard import REQUEST_S, guard, identify
from bridged.server.live import Streams
from bridged.server.status import StatusPage
from bridged.server.traffic import Traffic
from bridged.service.hub import Hub
from bridged.sites.origins import Origin
from bridged.sites.policy import Site

log = logging.getLogger(__name__)

MAX_MESSAGE = 1 << 20
HEARTBEAT_S = 30.0
MAX_CONNECTIONS = 16
"""Of one site, or of all programs together."""
MAX_STRANGERS = 32
"""Of all sites together that were granted nothing: they leave room for those that were."""
MAX_BODY = 4096
"""Of an HTTP request."""
LOOPBACK = ("127.0.0.1", "::1")
UNUSED_STEPS = 10
"""So often in its time a daemon that leaves when unused looks whether it is."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """What the handlers share."""

    hub: Hub
    token: str
    connections: set[Connection]
    traffic: Traffic

    def full(self, site: Site) -> bool:
        """Whether the site, or all strangers together, have as many connections as they may."""
        of_site = sum(each.site.origin == site.origin for each in self.connections)
        strangers = sum(not each.site.grants for each in self.connections)
        return of_site >= MAX_CONNECTIONS or (not site.grants and strangers >= MAX_STRANGERS)


DAEMON = web.AppKey("daemon", Daemon)


def create_app(
    hub: Hub, token: str, windows: Windows | None = None, *, page: StatusPage | None = None
) -> web.Application:
    """Return the application; the hub is started and stopped by the caller."""
    app = web.Application(middlewares=[guard], client_max_size=MAX_BODY)
    app[DAEMON] = Daemon(hub, token, set(), Traffic())
    streams = Streams(hub.changes)
    app.add_routes(
        [
            web.get("/v1", _socket),
            web.get("/openrpc.json", _openrpc),
            web.get("/health", _health),
            web.get("/", (page or StatusPage(hub)).serve),
            web.get("/status/changes", streams.serve),
            web.get("/self-test", selftest.page),
            *(web.get(f"/{name}", pages.file) for name in pages.FILES),
            web.post("/self-test/verify", selftest.verify),
            web.post("/status/browser", browser.check),
            web.post("/sites/forget", _forget),
            web.post("/sites/reload", _reload),
        ]
    )
    if windows is not None:
        ask.add_routes(app, windows)
    app.on_shutdown.append(_close_sockets)

    async def end_streams(_: web.Application) -> None:
        streams.end()

    app.on_shutdown.append(end_streams)
    return app


@dataclass(frozen=True, slots=True)
class WhenUnused:
    """What to do when nobody has been connected for `seconds`."""

    seconds: float
    then: Callable[[], None]


@asynccontextmanager
async def listening(
    app: web.Application,
    port: int,
    handed: Sequence[socket.socket] = (),
    when_unused: WhenUnused | None = None,
    *,
    any_user: bool = False,
) -> AsyncIterator[int]:
    """Listen on both loopback addresses, or on the sockets `handed` over; yields the port.

    Port 0 picks a free one. Only connections of this user are served, unless `any_user`. Raises
    `AddressInUse`.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3.0, keepalive_timeout=REQUEST_S)
    await runner.setup()
    assert runner.server is not None
    door = Door(runner.server, any_user=any_user)
    watch = asyncio.create_task(_watch(door, when_unused)) if when_unused else None
    servers: list[asyncio.Server] = []
    try:
        sockets = list(handed) or _bind(port)
        loop = asyncio.get_running_loop()
        servers += [await loop.create_server(door, sock=sock) for sock in sockets]
        yield sockets[0].getsockname()[1]
    finally:
        if watch is not None:
            watch.cancel()
        for server in servers:
            server.close()
        door.close()
        await runner.cleanup()


async def _watch(door: Door, unused: WhenUnused) -> None:
    """Wait for the daemon to be unused.

    A connection that has not said a word counts: a browser holds it while it asks the person.
    """
    step, quiet = unused.seconds / UNUSED_STEPS, 0
    while quiet < UNUSED_STEPS:
        await asyncio.sleep(step)
        quiet = 0 if door.open_sockets else quiet + 1
    unused.then()


def _bind(port: int) -> list[socket.socket]:
    """Bind IPv4 loopback, and IPv6 loopback where the machine has it."""
    sockets: list[socket.socket] = []
    try:
        for address in LOOPBACK:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            try:
                sockets.append(socket.create_server((address, port), family=family))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise AddressInUse(port=port) from None
                if address == LOOPBACK[0]:
                    raise
            else:
                port = sockets[0].getsockname()[1]
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


async def _socket(request: web.Request) -> web.StreamResponse:
    daemon = request.app[DAEMON]
    who = identify(request, daemon.hub.policy, daemon.token)
    if who is None:
        raise web.HTTPForbidden(text="A page that may never connect, or no token.\n")
    ws = web.WebSocketResponse(
        protocols=(SUBPROTOCOL,), max_msg_size=MAX_MESSAGE, compress=False, heartbeat=HEARTBEAT_S
    )
    await ws.prepare(request)
    if ws.ws_protocol != SUBPROTOCOL:
        await ws.close(code=CloseCode.BAD_SUBPROTOCOL, message=b"subprotocol bridged.v1")
    elif isinstance(who, Origin):
        log.info("%s is not allowed and was turned away", who)
        await ws.close(code=CloseCode.SITE_NOT_ALLOWED, message=b"site not allowed")
    elif daemon.full(who):
        await ws.close(code=CloseCode.TOO_MANY_CONNECTIONS, message=b"too many connections")
    else:
        connection = Connection(daemon.hub, ws, who, daemon.traffic.of(who.origin))
        daemon.connections.add(connection)
        try:
            await connection.run()
        finally:
            daemon.connections.discard(connection)
            own = f"http://{request.headers['Host']}"
            if who.origin == own and all(other.site.origin != own for other in daemon.connections):
                await sites.take_back(daemon.hub, own)
    return ws


async def _health(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _openrpc(_: web.Request) -> web.Response:
    return web.Response(text=encode(document()), content_type="application/json")


async def _forget(request: web.Request) -> web.Response:
    return await sites.forget(request, request.app[DAEMON].hub)


async def _reload(request: web.Request) -> web.Response:
    daemon = request.app[DAEMON]
    return await sites.reload(request, daemon.hub, daemon.token)


async def _close_sockets(app: web.Application) -> None:
    closing = [
        connection.socket.close(code=CloseCode.GOING_AWAY, message=b"the daemon is ending")
        for connection in list(app[DAEMON].connections)
    ]
    await asyncio.gather(*closing, return_exceptions=True)
