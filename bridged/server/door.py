"""The door: which sockets are served at all, decided before a byte of them is read."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import cast

from aiohttp import web

from bridged.server.peer import peer_uid

log = logging.getLogger(__name__)

MAX_SOCKETS = 512
"""Of everybody together, silent or not; one more is closed at once."""
MAX_SILENT = 64
"""Sockets that have not said a word; one more closes the oldest."""
SILENT_S = 600.0
"""So long a socket may be silent: a browser holds it while it asks the person (seconds)."""


class Door:
    """Makes a protocol for each socket that is accepted; `web.Server` gets those that speak.

    Only sockets of this user are let in, unless `any_user`.
    """

    def __init__(self, server: web.Server, *, any_user: bool = False) -> None:
        self._server = server
        self._any_user = any_user
        self._silent: dict[_Silent, None] = {}

    def __call__(self) -> asyncio.BaseProtocol:
        """Return the protocol of a socket that is about to be accepted."""
        return _Silent(self)

    @property
    def open_sockets(self) -> int:
        """How many sockets there are, those included that have not said a word."""
        return len(self._silent) + len(self._server.connections)

    def close(self) -> None:
        """Drop the sockets that never spoke."""
        for silent in list(self._silent):
            silent.drop()

    def _admits(self, transport: asyncio.Transport) -> bool:
        if self.open_sockets >= MAX_SOCKETS:
            log.warning("a connection was refused: there are %d already", MAX_SOCKETS)
            return False
        if self._any_user:
            return True
        peer, own = (transport.get_extra_info(name) for name in ("peername", "sockname"))
        uid = peer_uid(peer[:2], own[:2]) if peer and own else None
        if uid == os.getuid():
            return True
        who = "which is gone" if uid is None else f"of user id {uid}"
        log.warning("a connection %s was refused", who)
        return False

    def entered(self, silent: _Silent) -> bool:
        """Take a new socket in; False where it must go."""
        if not self._admits(silent.transport):
            return False
        while len(self._silent) >= MAX_SILENT:
            next(iter(self._silent)).drop()
        self._silent[silent] = None
        return True

    def left(self, silent: _Silent) -> None:
        """Forget a socket that speaks or is gone."""
        self._silent.pop(silent, None)

    def spoke(self, silent: _Silent, data: bytes) -> None:
        """Hand a socket over to HTTP, with its first bytes."""
        self.left(silent)
        handler = self._server()
        silent.transport.set_protocol(handler)
        handler.connection_made(silent.transport)
        handler.data_received(data)


class _Silent(asyncio.Protocol):
    """A socket that has not said a word yet."""

    transport: asyncio.Transport
    _timer: asyncio.TimerHandle | None = None

    def __init__(self, door: Door) -> None:
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self._door.entered(self):
            self._timer = asyncio.get_running_loop().call_later(SILENT_S, self.drop)
        else:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self._door.spoke(self, data)

    def connection_lost(self, _: Exception | None) -> None:
        self._stop_waiting()

    def drop(self) -> None:
        """Close without a word."""
        self._stop_waiting()
        self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._door.left(self)
