"""A person at the dialogs of a real daemon: what is typed next, whichever dialog asks."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bridged.client.client import Bridge
from bridged.config import PinWay
from bridged.protocol import messages as m

PINENTRY = """#!{python} -I
import socket, sys
print("OK Pleased to meet you", flush=True)
for line in sys.stdin:
    if line.startswith("GETPIN"):
        with socket.socket(socket.AF_UNIX) as person:
            person.connect({person!r})
            print("S PIN_REPEATED", "D " + person.makefile().read(), sep="\\n")
    print("OK", flush=True)
"""
"""A pinentry that gets what is typed over a socket, so that no file has it."""


class Person:
    """Types one entry after the other, and agrees to every question."""

    def __init__(self, folder: Path) -> None:
        self.pinentry = folder / "pinentry-test"
        self._socket = folder / "person"
        self._entries: list[str] = []
        self.asked = 0
        self.pinentry.write_text(
            PINENTRY.format(python=sys.executable, person=str(self._socket)), "utf-8"
        )
        self.pinentry.chmod(0o700)

    def types(self, *entries: str) -> None:
        """Be ready to type these; all before must have been typed."""
        assert self._entries == []
        self._entries = list(entries)

    def _next(self) -> str:
        self.asked += 1
        return self._entries.pop(0)

    @asynccontextmanager
    async def at_pinentry(self) -> AsyncIterator[None]:
        """Sit before the dialog of the desktop."""

        async def typed(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(self._next().encode())
            await writer.drain()
            writer.close()

        async with await asyncio.start_unix_server(typed, self._socket):
            yield

    async def at_windows(self, bridge: Bridge) -> None:
        """Open every window that the page is told of, and answer there."""
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as windows:
            async for event in bridge.events():
                told = event.params
                if isinstance(told, m.PromptingEvent) and told.way == PinWay.WINDOW:
                    assert told.url is not None
                    windows.create_task(self._answer(http, told.url))

    async def _answer(self, http: aiohttp.ClientSession, url: str) -> None:
        opened = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        async with http.get(url, headers=opened) as response:
            key = re.search('name="ask-key" content="([^"]+)"', await response.text())
        assert key is not None
        place = urlsplit(url)
        own = f"{place.scheme}://{place.netloc}"
        headers = {"Origin": own, "Sec-Fetch-Site": "same-origin", "X-Bridged-Ask": key[1]}
        seen = 0
        while True:
            async with http.post(
                f"{own}/ask/next", json={"number": seen}, headers=headers
            ) as response:
                shown = await response.json() if response.status == 200 else {"number": -1}
            if shown["number"] == -1:
                return
            seen = shown["number"]
            pin = self._next() if shown["wanted"] else None
            answer = {"number": seen, "answer": "yes", "pin": pin}
            async with http.post(f"{own}/ask/answer", json=answer, headers=headers) as response:
                assert response.status == 200
