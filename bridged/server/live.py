"""The stream that tells the status page to look again: a number a line, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from aiohttp import web

from bridged.server.guard import HEADERS
from bridged.server.sites import from_status_page
from bridged.service.changes import Changes

MAX_STREAMS = 16
"""Open at a time; one more is refused."""
BREATH_S = 1.0
"""The least time between two numbers, however much happens (seconds)."""


@dataclass(eq=False, slots=True)
class _Stream:
    request: web.Request
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def alive(self) -> bool:
        transport = self.request.transport
        return transport is not None and not transport.is_closing()


class Streams:
    """All streams of one daemon; they end with it."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._open: set[_Stream] = set()
        self._ended = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Tell the count of changes now and whenever it grows."""
        if not from_status_page(request):
            raise web.HTTPForbidden(text="Only the status page may ask this.\n")
        if self._ended.is_set() or sum(stream.alive for stream in self._open) >= MAX_STREAMS:
            raise web.HTTPServiceUnavailable(text="Too many status pages are open.\n")
        self._wake()  # A page that went away is only noticed by who looks.
        stream = _Stream(request)
        self._open.add(stream)
        self._changes.watchers.add(stream.wake.set)
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/plain"})
        try:
            await response.prepare(request)
            await self._tell(stream, response)
        except ConnectionResetError:
            pass
        finally:
            self._changes.watchers.discard(stream.wake.set)
            self._open.discard(stream)
        return response

    async def _tell(self, stream: _Stream, response: web.StreamResponse) -> None:
        told = -1
        while not self._ended.is_set() and stream.alive:
            stream.wake.clear()
            if self._changes.count != told:
                told = self._changes.count
                await response.write(b"%d\n" % told)
                await self._breathe()
            else:
                await stream.wake.wait()

    async def _breathe(self) -> None:
        """Let what happens together be told together."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BREATH_S):
                await self._ended.wait()

    def _wake(self) -> None:
        for stream in self._open:
            stream.wake.set()

    def end(self) -> None:
        """End every stream, as the daemon does."""
        self._ended.set()
        self._wake()
