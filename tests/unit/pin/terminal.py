"""A terminal of a test's own, with `pinentry-curses` on it and a person before it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import struct
import termios

from bridged.pin.pinentry import Pinentry

PROGRAM = shutil.which("pinentry-curses") or "pinentry-curses"
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\([0B]|[=>])")
"""Escape sequences: what moves the cursor and changes colours."""


class Terminal:
    """A terminal of 80 by 24 and the person at it."""

    def __init__(self, rows: int = 24, columns: int = 80) -> None:
        self._keyboard, self.line = os.openpty()
        fcntl.ioctl(self.line, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        os.set_blocking(self._keyboard, False)
        self.name = os.ttyname(self.line)
        self._drawn = b""

    def way(self) -> Pinentry:
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm"}
        return Pinentry(PROGRAM, environment, self.name)

    async def shows(self, *texts: str) -> None:
        """Wait until all of this was drawn since the last look; boxes and colours aside."""
        async with asyncio.timeout(20):
            while not all(text in self._text() for text in texts):
                try:
                    self._drawn += os.read(self._keyboard, 65536)
                except BlockingIOError:
                    await asyncio.sleep(0.02)
        self._drawn = b""

    def type(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    def close(self) -> None:
        for end in (self._keyboard, self.line):
            os.close(end)

    def _text(self) -> str:
        return ESCAPES.sub("", self._drawn.decode(errors="ignore"))
