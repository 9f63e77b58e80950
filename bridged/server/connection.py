"""One WebSocket: frames to requests, results and events to frames, all of it bounded."""

from __future__ import annotations

import asyncio
import logging
import secrets

from aiohttp import WSMsgType, web

from bridged.errors import BridgedError, InternalError, RateLimited
from bridged.model import Wire
from bridged.protocol.messages import CloseCode
from bridged.protocol.session import Refusal, Request, Session, notification
from bridged.server.traffic import Flood, Share, of_connection
from bridged.service.hub import Hub
from bridged.sites.policy import Site

log = logging.getLogger(__name__)

MAX_QUEUE = 256
"""Frames that may wait for a page that does not read."""
SEND_TIMEOUT_S = 20.0
IDLE_S = 3600.0
"""A connection that asks nothing for so long is closed; a client connects anew when it needs to."""


class TooSlow(Exception):
    """The page does not read what it is sent."""


class Idle(Exception):
    """The page has asked nothing for a long time."""


class TurnedAway(Exception):
    """The site may not go on here."""


class Connection:
    """A connected site; a `Peer` of the hub."""

    def __init__(self, hub: Hub, socket: web.WebSocketResponse, site: Site, share: Share) -> None:
        self.site = site
        self._share = share
        self._hub = hub
        self.socket = socket
        self._session = Session()
        self._outgoing: asyncio.Queue[str | None] = asyncio.Queue(MAX_QUEUE)
        self._overrun = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()

    def notify(self, method: str, params: Wire) -> None:
        """Queue a notification."""
        self._queue(notification(method, params))

    def turn_away(self) -> None:
        """Close as a site that is not allowed, once everything that was queued before is sent."""
        self._queue(None)

    async def run(self) -> None:
        """Serve until either side ends."""
        self._hub.join(self)
        code: CloseCode | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                helpers = [tasks.create_task(self._write()), tasks.create_task(self._watch())]
                await self._read(tasks)
                self._hub.leave(self)
                for task in (*self._answering, *helpers):
                    task.cancel()
        except* TooSlow:
            code = CloseCode.TOO_SLOW
        except* Flood:
            code = CloseCode.FLOOD
        except* Idle:
            code = CloseCode.GOING_AWAY
        except* TurnedAway:
            code = CloseCode.SITE_NOT_ALLOWED
        except* ConnectionError:
            log.debug("%s went away", self.site.origin)
        finally:
            self._hub.leave(self)
        if code is not None:
            log.info("%s is closed with %d", self.site.origin, code)
            await self.socket.close(code=code, message=code.name.encode())

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        loop, own = asyncio.get_running_loop(), of_connection()
        while True:
            try:
                # A time-out of `receive` itself would begin anew with every pong.
                async with asyncio.timeout(IDLE_S):
                    message = await self.socket.receive()
            except TimeoutError:
                raise Idle from None
            if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}:
                return
            if not own.take(loop.time()):
                raise Flood
            refusal = self._too_much(loop.time())
            if message.type is not WSMsgType.TEXT:
                await self.socket.close(code=1003, message=b"text frames only")
                return
            read = self._session.receive(message.data, refusal=refusal)
            if isinstance(read, Refusal):
                self._queue(read.text)
                continue
            task = tasks.create_task(self._answer(read))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    def _too_much(self, now: float) -> RateLimited | None:
        """Count a message for its site; returns why it is not heard, raises `Flood`."""
        try:
            self._share.take(now)
        except RateLimited as error:
            return error
        return None

    async def _answer(self, request: Request) -> None:
        try:
            result = await self._hub.handle(self, request)
            self._queue(self._session.succeed(request, result))
        except BridgedError as error:
            self._queue(self._session.fail(request, error))
        except Exception:
            # The one place where the unknown becomes an error with a number.
            number = secrets.token_hex(4)
            log.exception("internal error %s in %s", number, request.method)
            self._queue(self._session.fail(request, InternalError(id=number)))

    def _queue(self, item: str | None) -> None:
        try:
            self._outgoing.put_nowait(item)
        except asyncio.QueueFull:
            self._overrun.set()

    async def _write(self) -> None:
        while True:
            item = await self._outgoing.get()
            if item is None:
                raise TurnedAway
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await self.socket.send_str(item)
            except TimeoutError:
                raise TooSlow from None

    async def _watch(self) -> None:
        await self._overrun.wait()
        raise TooSlow
