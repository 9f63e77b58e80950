"""The terminal a person has while the demo runs: `remove`, `insert`, `revoke` are typed there."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Callable

from cryptography.x509 import ReasonFlags
from guide import INSERTED, REMOVED, REVOKED, UNKNOWN_COMMAND
from virtual_reader import VirtualReader

from bridged.virtual.card_process import CardProcessError
from bridged.virtual.register import Register


def has_terminal() -> bool:
    """Tell whether a person can type here."""
    return sys.stdin is not None and sys.stdin.isatty()


async def obey(reader: VirtualReader, register: Register, say: Callable[[str], None]) -> None:
    """Do what is typed in the terminal; ends only when cancelled."""
    async for command in _lines():
        try:
            say(await _obey(reader, register, command))
        except CardProcessError as error:
            say(str(error))
    await asyncio.Event().wait()  # Ctrl-D is no reason to end the demo


async def _obey(reader: VirtualReader, register: Register, command: str) -> str:
    match command:
        case "remove":
            await reader.remove()
            return REMOVED
        case "insert":
            await reader.insert()
            return INSERTED
        case "revoke":
            for certificate in register.issued():
                register.revoke(certificate, ReasonFlags.key_compromise)
            return REVOKED
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
