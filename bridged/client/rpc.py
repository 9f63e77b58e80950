"""JSON-RPC over one WebSocket, from the client's side: requests, their answers, notifications."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from bridged.errors import BridgedError, Cancelled, ParseError, SiteNotAllowed
from bridged.model import Grant, Wire
from bridged.protocol import codec
from bridged.protocol import messages as m

MAX_EVENTS = 1000

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Event:
    """A notification: its name and its parameters."""

    name: str
    params: Wire


class Rpc:
    """The frames of a connection.

    When the daemon goes away, whatever waits ends with `Cancelled`, or with `SiteNotAllowed`
    where that is why it closed.
    """

    def __init__(self, socket: ClientConnection, origin: str | None) -> None:
        self._socket = socket
        self._origin = origin
        self._ids = itertools.count(1)
        self._waiting: dict[int | str, asyncio.Future[msgspec.Raw]] = {}
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(MAX_EVENTS)

    async def events(self) -> AsyncIterator[Event]:
        """Yield notifications in order until the connection ends."""
        while (event := await self.next_event()) is not None:
            yield event

    async def next_event(self) -> Event | None:
        """Wait for the next notification; None once the connection has ended."""
        event = await self._events.get()
        if event is None:
            self._events.put_nowait(None)
        return event

    async def call(self, method: str, params: Wire, result: type[R]) -> R:
        """Send any request; return its result as a type, or as it came: `msgspec.Raw`."""
        request_id = next(self._ids)
        future: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        try:
            await self._socket.send(
                codec.encode(
                    {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
                )
            )
            return codec.decode_result(await future, result)
        except asyncio.CancelledError:
            await self._cancel(request_id)
            raise
        except ConnectionClosed as error:
            raise self._closed(error) from None
        finally:
            del self._waiting[request_id]

    async def _cancel(self, request_id: int) -> None:
        """Tell the daemon that nobody waits for a request any more; its answer is not awaited."""
        params = m.CancelParams(id=request_id)
        message = {"jsonrpc": "2.0", "id": next(self._ids), "method": "request.cancel"}
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(codec.encode({**message, "params": params}))

    async def receive(self) -> None:
        """Read frames until the connection ends, or has one that is none; `connect` runs this."""
        ended: BridgedError = Cancelled()
        try:
            while True:
                self._take(codec.decode_frame(await self._socket.recv()))
        except ConnectionClosed as error:
            ended = self._closed(error)
        except ParseError as error:
            ended = error
        finally:
            self._end(ended)
        # What is asked from now on finds nobody who reads the answers.
        await self._socket.close(CloseCode.PROTOCOL_ERROR)

    def _end(self, why: BridgedError) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(why)
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)

    def _take(self, frame: codec.Frame) -> None:
        if isinstance(frame.method, str):
            kind = m.NOTIFICATIONS.get(frame.method)
            if kind is not None and not self._events.full():
                self._events.put_nowait(
                    Event(frame.method, codec.decode_result(frame.params, kind))
                )
            return
        future = self._waiting.get(frame.id) if frame.id is not None else None
        if future is None or future.done():
            return
        if isinstance(frame.error, codec.ErrorObject):
            future.set_exception(codec.error_from(frame.error))
        elif isinstance(frame.result, msgspec.Raw):
            future.set_result(frame.result)
        else:
            future.set_exception(ParseError())

    def _closed(self, error: ConnectionClosed) -> BridgedError:
        if error.rcvd is not None and error.rcvd.code == m.CloseCode.SITE_NOT_ALLOWED:
            return SiteNotAllowed(origin=self._origin or "program", grant=Grant.CERTIFICATES)
        return Cancelled()
