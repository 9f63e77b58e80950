"""The terminal a person has while the demo runs: `remove` and `insert` are typed there."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Callable

from guide import INSERTED, REMOVED, UNKNOWN_COMMAND
from virtual_reader import VirtualReader

from bridged.virtual.card_process import CardProcessError


def has_terminal() -> bool:
    """Tell whether a person can type here."""
    return sys.stdin is not None and sys.stdin.isatty()


async def obey(reader: VirtualReader, say: Callable[[str], None]) -> None:
    """Do what is typed in the terminal; ends only when cancelled."""
    async for command in _lines():
        try:
            say(await _obey(reader, command))
        except CardProcessError as error:
            say(str(error))
    await asyncio.Event().wait()  # Ctrl-D is no reason to end the demo


async def _obey(reader: VirtualReader, command: str) -> str:
    match command:
        case "remove":
            await reader.remove()
            return REMOVED
        case "insert":
            await reader.insert()
            return INSERTED
    return UNKNOWN_COMMAND


async def terminal_closed() -> None:
    """Wait until the terminal is closed. The shell's SIGHUP may reach `make` alone."""
    loop, closed = asyncio.get_running_loop(), asyncio.Event()
    with select.epoll() as terminal:
        terminal.register(sys.stdin, select.EPOLLIN | select.EPOLLET)

        def look() -> None:
            if any(event & select.EPOLLHUP for _, event in terminal.poll(0)):
                closed.set()

        loop.add_reader(terminal.fileno(), look)
        try:
            await closed.wait()
        finally:
            loop.remove_reader(terminal.fileno())


async def _lines() -> AsyncIterator[str]:
    loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
    typed: asyncio.Queue[bytes] = asyncio.Queue()

    def read() -> None:
        try:
            typed.put_nowait(os.read(terminal, 4096))
        except OSError:
            typed.put_nowait(b"")

    # Reading in the background would stop this process; with SIGTTIN ignored it is an error.
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    # No StreamReader: it would leave the person's terminal in non-blocking mode.
    loop.add_reader(terminal, read)
    try:
        while line := await typed.get():
            yield line.decode(errors="replace").strip().lower()
    finally:
        loop.remove_reader(terminal)
