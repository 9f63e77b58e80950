"""What the portal tells a service manager (sd_notify(3)): that it listens, lives, and ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def told(environment: Mapping[str, str]) -> AsyncIterator[None]:
    """Tell that the portal is ready, that its event loop runs for as long as it does, and the end.

    Twice within the time after which the manager would take it for dead. Without a manager nothing.
    """
    address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
    if not address:
        yield
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:

        def tell(state: bytes) -> None:
            with suppress(OSError):  # it may be away, or have enough to read
                manager.sendto(state, address)

        async def live(every_s: float) -> None:
            while True:
                tell(b"WATCHDOG=1")
                await asyncio.sleep(every_s)

        tell(b"READY=1")
        dead_after_us = int(environment.get("WATCHDOG_USEC", "0"))
        life = asyncio.create_task(live(dead_after_us / 2e6)) if dead_after_us else None
        try:
            yield
        finally:
            if life:
                life.cancel()
            tell(b"STOPPING=1")
