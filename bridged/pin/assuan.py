"""Assuan as its client speaks it to a dialog program: one command, one answer (Assuan manual)."""

from __future__ import annotations

import contextlib
import re
from asyncio.subprocess import Process
from urllib.parse import unquote_to_bytes

from bridged.errors import UserCancelled, UserTimeout
from bridged.secret import Pin

MAX_LINE = 1000
"""Bytes of a line, its end not counted ("Client requests")."""

TIMEOUT, CANCELED, NOT_CONFIRMED = 62, 99, 114
PIN_ENTRY, CONFIGURATION, LOCALE_PROBLEM, WINDOW_TOO_SMALL, MISSING_ENVVAR = 86, 115, 166, 301, 303
SYSTEM_ERROR = 0x8000
"""Codes of libgpg-error; the bit says that the rest is an errno."""
_UNSEEN = frozenset({PIN_ENTRY, CONFIGURATION, LOCALE_PROBLEM, WINDOW_TOO_SMALL, MISSING_ENVVAR})
_CODE = 0xFFFF
"""The other bits of an error tell which program found it."""
_ERROR = re.compile(rb"ERR (\d+)")


class AssuanError(Exception):
    """The program ended or answered something that Assuan does not allow: no act of the person."""


class Refused(AssuanError):
    """The program does not know this command or option."""


class Unseen(AssuanError):
    """The program could not show its question: no terminal, no desktop, too small a window."""


class NotConfirmed(UserCancelled):
    """The person chose the button between yes and cancel."""


class Conversation:
    """Commands to a running program, and its answers."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.statuses: set[bytes] = set()
        """The status lines that came with the last answer, by their keywords."""

    async def command(self, name: str, argument: str = "") -> Pin:
        """Send a command; return the data that came with its answer, none for most.

        Raises `UserCancelled`, `UserTimeout` and `AssuanError`.
        """
        assert self._process.stdin is not None
        line = f"{name} {escaped(argument, room(name))}".rstrip()
        try:
            self._process.stdin.write(line.encode() + b"\n")
            await self._process.stdin.drain()
        except ConnectionError:
            raise AssuanError("the dialog program has ended") from None
        return await self.answer()

    async def answer(self) -> Pin:
        """Wait for an answer, the greeting too; returns and raises as `command`."""
        assert self._process.stdout is not None
        pin = Pin("")
        self.statuses.clear()
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError:
                raise AssuanError("the dialog program answered a line without end") from None
            if line.startswith(b"D "):
                pin.append(unquote_to_bytes(line[2:].rstrip(b"\n")))
            elif line.startswith(b"OK"):
                return pin
            elif match := _ERROR.match(line):
                _raise(int(match[1]))
            elif line.startswith(b"S "):
                self.statuses.update(line.split()[1:2])
            elif not line.startswith(b"#"):
                # Never said with what it said: that may be the PIN.
                raise AssuanError("the dialog program ended or broke the protocol")

    async def close(self) -> None:
        """End the program: its window goes with it."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()


def _raise(error: int) -> None:
    code = error & _CODE
    if code == NOT_CONFIRMED:
        raise NotConfirmed
    if code == CANCELED:
        raise UserCancelled
    if code == TIMEOUT:
        raise UserTimeout
    if code in _UNSEEN or code & SYSTEM_ERROR:
        raise Unseen(f"the dialog program could not show its question (error {error})")
    raise Refused(f"the dialog program refused a command (error {error})")


def room(name: str) -> int:
    """Return how many bytes the argument of a command may have."""
    return MAX_LINE - len(name) - 1


def escaped(text: str, most: int) -> str:
    """Return text for a line, cut to `most` bytes between two characters."""
    parts: list[str] = []
    for char in text:
        part = f"%{ord(char):02X}" if char in "%\n\r" else char
        most -= len(part.encode())
        if most < 0:
            break
        parts.append(part)
    return "".join(parts)
