"""The service manager's side is played by the test: its socket, its variables."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

import aiohttp
import pytest
from processes import LAUNCH, portal


@pytest.fixture
def manager(tmp_path):
    """What NOTIFY_SOCKET names; a message is there within 20 s."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        yield listening


@pytest.fixture
def supervised(tmp_path, manager, tools):
    """Start a portal as a unit of Type=notify."""
    return portal(
        "--demo", "--database", f"sqlite+aiosqlite:///{tmp_path / 'portal.sqlite3'}",
        program=(LAUNCH,), NOW=tools.NOON.isoformat(),
        NOTIFY_SOCKET=manager.getsockname(), WATCHDOG_USEC="100000",
    )  # fmt: skip


async def told(manager) -> bytes:
    return await asyncio.to_thread(manager.recv, 100)


async def test_the_manager_is_told_of_start_life_and_end(manager, supervised):
    async with supervised as (process, url):
        assert [await told(manager) for _ in range(3)] == [b"READY=1", *[b"WATCHDOG=1"] * 2]
        async with aiohttp.ClientSession(url) as client, client.get("/readyz") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        while (said := await told(manager)) == b"WATCHDOG=1":
            pass
        assert said == b"STOPPING=1"
        assert await process.wait() == 0


async def test_one_that_cannot_serve_is_never_ready(manager, tmp_path):
    nobody = "postgresql+asyncpg://portal@127.0.0.1:1/portal"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portal_demo", "serve", "--database", nobody,
        "--totp-key-file", str(tmp_path / "totp.key"),
        env={**os.environ, "NOTIFY_SOCKET": manager.getsockname()},
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 1
    manager.settimeout(0)
    with pytest.raises(BlockingIOError):
        manager.recv(100)


async def test_a_manager_that_has_gone_is_no_reason_to_end(manager, supervised):
    async with supervised as (process, url):
        assert await told(manager) == b"READY=1"
        manager.close()
        async with aiohttp.ClientSession(url) as client, client.get("/healthz") as answer:
            assert answer.status == 200
        process.terminate()
        assert await process.wait() == 0
