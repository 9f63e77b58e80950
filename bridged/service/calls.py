"""Requests under way: who asked, how far they got, and how they are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from bridged.config import PinWay
from bridged.errors import BridgedError, Cancelled
from bridged.model import Wire
from bridged.sites.policy import Site

T = TypeVar("T")

BY_PROGRAM, BY_LEASE = "program", "lease"
"""How a PIN came, beside the ways to ask for one: from a program, or with an earlier request."""


class Peer(Protocol):
    """A connection, as the hub sees it."""

    site: Site

    def notify(self, method: str, params: Wire) -> None:
        """Send a notification; never waits."""

    def turn_away(self) -> None:
        """Close as a site that is not allowed, once what was queued is sent; never waits."""


@dataclass(slots=True)
class Call:
    """One request; `made` are the signatures it has so far.

    `asked_by` is the way by which the person was asked last. `lease_by` is by which way the PIN of
    the lease came that it uses; `brought` that the PIN came with the request.
    """

    peer: Peer
    id: int | str
    made: list[bytes] = field(default_factory=list)
    cancelled: bool = False
    asked_by: str | None = None
    lease_by: str | None = None
    brought: bool = False

    @property
    def pin_by(self) -> str | None:
        """By which way the PIN came: brought by a page or a program, of a lease, or asked for."""
        if self.brought:
            return BY_PROGRAM if self.site.origin is None else PinWay.PAGE
        return self.asked_by if self.lease_by is None else BY_LEASE

    @property
    def site(self) -> Site:
        """Who asks."""
        return self.peer.site


class Calls:
    """The requests of all connections, by connection and JSON-RPC id."""

    def __init__(self) -> None:
        self._running: dict[tuple[Peer, int | str], tuple[Call, asyncio.Task[Any]]] = {}

    async def run(self, call: Call, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work of a request in the current task.

        Raises `Cancelled` when `cancel` ended it; every error carries the signatures it made.
        """
        task = asyncio.current_task()
        assert task is not None
        self._running[call.peer, call.id] = (call, task)
        try:
            return await work()
        except asyncio.CancelledError:
            if not call.cancelled:
                raise
            task.uncancel()
            error = Cancelled()
            error.made = tuple(call.made)
            raise error from None
        except BridgedError as error:
            error.made = tuple(call.made)
            raise
        finally:
            del self._running[call.peer, call.id]

    def end_all(self, peer: Peer) -> None:
        """End what a connection still waits for, but for the request that this is part of."""
        for (owner, _), (_, task) in list(self._running.items()):
            if owner is peer and task is not asyncio.current_task():
                task.cancel()

    def cancel(self, peer: Peer, call_id: int | str) -> bool:
        """End a request of this connection; False where there is none under way."""
        call, task = self._running.get((peer, call_id), (None, None))
        if call is None or task is None or task is asyncio.current_task():
            return False
        call.cancelled = True
        task.cancel()
        return True
