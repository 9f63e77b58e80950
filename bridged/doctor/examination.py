"""The whole examination: every check in its order, from the settings to the card."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bridged.cards.pkcs11.discovery import Modules
from bridged.client.client import connect
from bridged.doctor import browsers, cards, machine, service
from bridged.doctor.context import Context
from bridged.doctor.daemon import daemon, token
from bridged.doctor.finding import Finding
from bridged.doctor.records import records
from bridged.doctor.settings import settings
from bridged.errors import BridgedError
from bridged.model import Certificate, Reader
from bridged.pcsc.bus import Bus
from bridged.service.keys import describe
from bridged.service.readers import Readers

LOOK_S = 60.0
"""How long the daemon may take to show its cards (seconds); the slowest card takes 10."""


def examine(bus: Bus, context: Context | None = None, file: Path | None = None) -> list[Finding]:
    """Run every check; with a daemon of ours the cards are seen through it, else by ourselves."""
    findings, context = settings(context, file)
    findings += records(whole=True)
    findings += daemon(context)
    findings += service.pcscd(context, bus)
    if findings[-1].name in {"pcscd-good", "pcsc-programs"}:
        through_daemon = any(finding.name == "daemon-running" for finding in findings)
        seen = asyncio.run(_look(context, bus, through_daemon=through_daemon))
        findings += cards.readers(context, seen)
    findings += machine.clock(context)
    findings += machine.dialog(context)
    findings += browsers.browsers(context)
    return findings


async def _look(context: Context, bus: Bus, *, through_daemon: bool) -> list[cards.Seen]:
    if through_daemon:
        url = f"ws://127.0.0.1:{context.config.port}/v1"
        try:
            async with asyncio.timeout(LOOK_S), connect(url, token=token(context)) as bridge:
                return await cards.look(bridge)
        except (BridgedError, TimeoutError):
            # It went away between two looks, or is none of ours; the cards are still there.
            pass
    async with _own_view(bus, Modules(context.config.pkcs11)) as view:
        return await cards.look(view)


class OwnView:
    """The readers seen without the daemon, each card for as long as one look takes."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def readers(self) -> Sequence[Reader]:
        """Return all readers."""
        return [slot.describe() for slot in self._readers.all()]

    async def certificates(self, *, reader: str) -> Sequence[Certificate]:
        """Return the certificates of the card in a reader; raises what stands in the way."""
        return [
            await describe(slot.card, key, unlocked=False)
            for slot in self._readers.chosen(reader)
            if slot.card is not None
            for key in await slot.card.keys()
        ]


@asynccontextmanager
async def _own_view(bus: Bus, modules: Modules) -> AsyncIterator[OwnView]:
    readers = Readers(bus, lambda *_: None, modules)
    await readers.start()
    try:
        yield OwnView(readers)
    finally:
        await readers.stop()
