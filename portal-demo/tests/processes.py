"""The portal as it is run, in processes of its own, and a proxy before several of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

LAUNCH = str(Path(__file__).with_name("launch.py"))


@asynccontextmanager
async def portal(
    *arguments: str, program: tuple[str, ...] = ("-m", "portal_demo"), **environment: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run `portal-demo serve` and give the process and the address it listens on."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, "serve", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )  # fmt: skip
    try:
        line = (await process.stdout.readline()).decode()
        assert line.startswith("listening on "), (await process.stderr.read()).decode()
        yield process, line.removeprefix("listening on ").strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class Proxy:
    """Hands each connection to the next of the portals that listens; `first` asks them in order."""

    def __init__(self, *addresses: str, first: bool = False) -> None:
        self._ports = [int(address.rpartition(":")[2]) for address in addresses]
        self._rotates = not first
        self.served = dict.fromkeys(addresses, 0)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Listen, and give the address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._rotates:
            self._ports.append(self._ports.pop(0))
        for port in self._ports:
            with contextlib.suppress(ConnectionError):
                back, forth = await asyncio.open_connection("127.0.0.1", port)
                self.served[f"http://127.0.0.1:{port}"] += 1
                await asyncio.gather(_pump(reader, forth), _pump(back, writer))
                return
        writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()
