"""Readers and cards as they come and go, told as events in the order things happened."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from bridged.errors import CertificateNotFound, NoReader, PcscUnavailable
from bridged.model import Reader, ReaderState
from bridged.pcsc.bus import Bus, ReaderStatus
from bridged.pcsc.monitor import Monitor, Statuses
from bridged.pcsc.worker import Worker
from bridged.service.card import InsertedCard, Modules, no_modules

log = logging.getLogger(__name__)

START_S = 3.0
"""How long the start waits for a PC/SC service that hangs; it then goes on without (seconds)."""

RESEE_S = 1.0
"""A card that failed as if it were pulled out, and was not, counts as put in anew (seconds)."""

JOIN_S = 2.0
"""How long the end of the service waits for a card that is busy (seconds)."""

_WITH_CARD = frozenset({ReaderState.PRESENT, ReaderState.IN_USE})


@dataclass(slots=True)
class Slot:
    """A reader, its thread, and the card in it."""

    id: str
    status: ReaderStatus
    worker: Worker
    card: InsertedCard | None = None

    def describe(self) -> Reader:
        """Return the reader as it is told to a page."""
        return Reader(
            id=self.id,
            name=self.status.name,
            state=self.status.state,
            pinpad=self.worker.channel.keypad is not None,
            card=self.card.describe() if self.card else None,
        )


class Readers:
    """All readers; calls back with an event's name, the reader, and the card that left it.

    `on_look` is called whenever anything of them may be otherwise, with an event or without.
    """

    def __init__(
        self,
        bus: Bus,
        on_event: Callable[[str, Reader, InsertedCard | None], None],
        modules: Modules = no_modules,
        *,
        on_look: Callable[[], None] = lambda: None,
    ) -> None:
        self._bus = bus
        self._on_event = on_event
        self._modules = modules
        self._on_look = on_look
        self._slots: dict[str, Slot] = {}
        self._available = False
        self._known = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._monitor = Monitor(bus, self._from_monitor)

    async def start(self) -> None:
        """Begin to watch, and wait until it is known which readers there are, but not for ever."""
        self._monitor.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                await self._known.wait()

    async def stop(self) -> None:
        """End every thread; every card is reset."""
        await asyncio.to_thread(self._monitor.stop)
        workers = [slot.worker for slot in self._slots.values()]
        self._changed(None)
        for worker in workers:
            await asyncio.to_thread(worker.join, JOIN_S)

    def all(self) -> list[Slot]:
        """Return the readers by name; raises `PcscUnavailable` while they are unknown."""
        if not self._available:
            raise PcscUnavailable
        return [self._slots[name] for name in sorted(self._slots)]

    def any_keypad(self) -> bool:
        """Whether a reader is known to have keys of its own."""
        return any(slot.worker.channel.keypad is not None for slot in self._slots.values())

    def chosen(self, reader_id: str | None) -> list[Slot]:
        """Return the reader with this id, or all; raises `NoReader` where that is none."""
        slots = [slot for slot in self.all() if reader_id in {None, slot.id}]
        if not slots:
            raise NoReader
        return slots

    def card(self, card_id: str) -> InsertedCard:
        """Return an inserted card; raises `CertificateNotFound`: its certificates went with it."""
        for slot in self.all():
            if slot.card is not None and slot.card.id == card_id:
                return slot.card
        raise CertificateNotFound

    def _from_monitor(self, statuses: Statuses) -> None:
        if statuses is None:
            log.warning("the PC/SC service is not there; looking for it again and again")
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed, statuses)

    def _changed(self, statuses: Statuses) -> None:
        self._available = statuses is not None
        found = {status.name: status for status in statuses or ()}
        for name in [name for name in self._slots if name not in found]:
            self._reader_removed(name)
        for status in found.values():
            self._reader_seen(status)
        self._known.set()
        self._on_look()

    def _reader_removed(self, name: str) -> None:
        slot = self._slots[name]
        self._card_left(slot)
        del self._slots[name]
        slot.worker.close()
        self._on_event("reader.removed", slot.describe(), None)

    def _reader_seen(self, status: ReaderStatus) -> None:
        slot = self._slots.get(status.name)
        if slot is None:
            reader_id = hashlib.sha256(status.name.encode()).hexdigest()[:12]
            slot = Slot(reader_id, status, Worker(self._bus, status.name))
            self._slots[status.name] = slot
            self._card_seen(slot)
            self._on_event("reader.added", slot.describe(), None)
            return
        moved = slot.status.generation != status.generation
        before, slot.status = slot.status.state, status
        if moved or status.state not in _WITH_CARD:
            self._card_left(slot)
        muted = status.state is ReaderState.MUTE and before is not ReaderState.MUTE
        if muted or (slot.card is None and self._card_seen(slot)):
            self._on_event("card.inserted", slot.describe(), None)
        elif status.state is ReaderState.EMPTY and before is ReaderState.MUTE:
            self._on_event("card.removed", slot.describe(), None)

    def _card_seen(self, slot: Slot) -> bool:
        if slot.status.state in _WITH_CARD:
            generation = slot.status.generation
            slot.card = InsertedCard(
                slot.id,
                slot.worker,
                generation,
                lambda: self._lost(slot, generation),
                self._modules,
            )
        return slot.card is not None

    def _lost(self, slot: Slot, generation: int) -> None:
        """Put a card in anew that failed, unless the reader tells by then that it is gone."""

        def see_again() -> None:
            here = self._slots.get(slot.status.name) is slot
            if here and slot.card is not None and slot.status.generation == generation:
                self._card_left(slot)
                self._card_seen(slot)
                self._on_event("card.inserted", slot.describe(), None)
                self._on_look()

        self._loop.call_later(RESEE_S, see_again)

    def _card_left(self, slot: Slot) -> None:
        if (card := slot.card) is not None:
            slot.card = None
            card.removed()
            self._on_event("card.removed", slot.describe(), card)
