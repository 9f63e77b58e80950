"""What a service manager and the daemon say to each other (sd_notify(3), sd_listen_fds(3))."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections.abc import AsyncIterator

from bridged.errors import ConfigError

FIRST_FD = 3
"""Descriptors below are standard input and output (SD_LISTEN_FDS_START)."""


def handed_sockets() -> list[socket.socket]:
    """Return the listening sockets that the service manager opened for this process, if any.

    The variables are removed, lest a child takes them for its own. Raises `ConfigError` for a
    socket that does not listen on loopback TCP: whoever wrote the unit opened the daemon to
    the network.
    """
    for_us = os.environ.pop("LISTEN_PID", "") == str(os.getpid())
    count = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if not for_us or not count.isdecimal():
        return []
    sockets = [socket.socket(fileno=FIRST_FD + i) for i in range(int(count))]
    for sock in sockets:
        sock.set_inheritable(False)
    if not all(map(_listens_on_loopback, sockets)):
        for sock in sockets:
            sock.close()
        raise ConfigError(
            file="bridged.socket", detail="a ListenStream= is not 127.0.0.1:PORT or [::1]:PORT"
        )
    return sockets


def _listens_on_loopback(sock: socket.socket) -> bool:
    inet = sock.family in {socket.AF_INET, socket.AF_INET6} and sock.type == socket.SOCK_STREAM
    if not inet or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    return ipaddress.ip_address(sock.getsockname()[0]).is_loopback


def notify(state: str) -> None:
    """Tell the service manager, e.g. `READY=1`; without one, or when it does not listen, nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0)
        sock.sendto(state.encode(), address.replace("@", "\0", 1))


@contextlib.asynccontextmanager
async def supervised() -> AsyncIterator[None]:
    """Say that the daemon is ready, that it is alive while its event loop runs, and that it ends."""
    notify("READY=1")
    watchdog = asyncio.create_task(_keep_alive(period)) if (period := _period_s()) else None
    try:
        yield
    finally:
        if watchdog is not None:
            watchdog.cancel()
        notify("STOPPING=1")


async def _keep_alive(period_s: float) -> None:
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(period_s)


def _period_s() -> float | None:
    """Return half of the time after which the manager takes the daemon for dead (seconds)."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2e6 if microseconds.isdecimal() and int(microseconds) else None
