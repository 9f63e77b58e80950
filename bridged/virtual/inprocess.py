"""Readers inside this process: a `Bus` without pcscd, with the semantics of PC/SC."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from bridged.errors import CardFault, CardMute, CardRemoved, NoCard, NoReader
from bridged.model import ReaderState
from bridged.pcsc.bus import CardReset, ReaderStatus, WaitCancelled
from bridged.virtual.card import VirtualCard
from bridged.virtual.keypad import VirtualKeypad

READER_NAME = "bridged virtual reader {}"


@dataclass(slots=True, eq=False)
class _Slot:
    """A reader; `owner` holds the transaction, `busy` tells of an APDU under way."""

    name: str
    card: VirtualCard | None = None
    atr: bytes = b""
    generation: int = 0
    owner: InProcessConnection | None = None
    busy: bool = False
    keypad: VirtualKeypad | None = None
    connections: set[InProcessConnection] = field(default_factory=set)

    def status(self) -> ReaderStatus:
        state = ReaderState.PRESENT if self.card else ReaderState.EMPTY
        if self.card and self.card.mute:
            state = ReaderState.MUTE
        return ReaderStatus(self.name, state, self.generation, self.atr)


class InProcessBus:
    """Readers that `insert` and `remove` put virtual cards into; safe from any thread."""

    def __init__(self, readers: int = 1, keypad: VirtualKeypad | None = None) -> None:
        self.changed = threading.Condition()
        self.version = 0
        self._slots = [_Slot(READER_NAME.format(i), keypad=keypad) for i in range(readers)]

    def open(self) -> InProcessContext:
        """Establish a context."""
        return InProcessContext(self)

    def insert(self, reader: int, card: VirtualCard) -> None:
        """Put a card into an empty reader (0 is the first); raises `ValueError` if it is taken."""
        slot = self._slots[reader]
        with self.changed:
            if slot.card:
                raise ValueError(f"{slot.name} holds a card already")
            slot.card, slot.atr = card, card.insert()
            self._announce(slot)

    def remove(self, reader: int) -> None:
        """Pull the card out, if there is one; whatever is under way with it fails at once."""
        slot = self._slots[reader]
        with self.changed:
            self.eject(slot)

    def eject(self, slot: _Slot) -> None:
        """Empty a reader; the caller holds `changed`."""
        if slot.card:
            slot.card.pull()
            slot.card, slot.atr, slot.owner, slot.busy = None, b"", None, False
            slot.connections.clear()
            self._announce(slot)

    def slot(self, name: str) -> _Slot:
        """Return a reader by name; raises `NoReader`."""
        for slot in self._slots:
            if slot.name == name:
                return slot
        raise NoReader

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """Return all readers; the caller holds `changed`."""
        return tuple(slot.status() for slot in self._slots)

    def _announce(self, slot: _Slot) -> None:
        slot.generation += 1
        self.version += 1
        self.changed.notify_all()


class InProcessContext:
    """A `Context` on an in-process bus."""

    def __init__(self, bus: InProcessBus) -> None:
        self._bus = bus
        self._seen: int | None = None
        self._cancelled = False

    def wait_for_change(self) -> tuple[ReaderStatus, ...]:
        """Return all readers, at once the first time, then after each change."""
        with self._bus.changed:
            self._bus.changed.wait_for(lambda: self._cancelled or self._seen != self._bus.version)
            if self._cancelled:
                raise WaitCancelled
            self._seen = self._bus.version
            return self._bus.statuses()

    def cancel(self) -> None:
        """Wake the waiting thread, or the next that waits."""
        with self._bus.changed:
            self._cancelled = True
            self._bus.changed.notify_all()

    def connect(self, reader: str) -> InProcessConnection:
        """Connect to the card; waits while another connection is in a transaction."""
        with self._bus.changed:
            slot = self._bus.slot(reader)
            self._bus.changed.wait_for(lambda: slot.owner is None or slot.card is None)
            if slot.card is None:
                raise NoCard
            if slot.card.mute:
                raise CardMute
            connection = InProcessConnection(self._bus, slot, slot.card)
            slot.connections.add(connection)
            return connection

    def generation(self, reader: str) -> int:
        """Return how often the reader's card came or went."""
        with self._bus.changed:
            return self._bus.slot(reader).generation

    def close(self) -> None:
        """Release the context; there is nothing to release."""


class InProcessConnection:
    """A `Connection` to a virtual card. The card's verified state is shared by all of them."""

    def __init__(self, bus: InProcessBus, slot: _Slot, card: VirtualCard) -> None:
        self.atr = slot.atr
        self.generation = slot.generation
        self._bus, self._slot, self._card = bus, slot, card
        self.reset_by_other = False
        """Set by the connection that reset the card; what this one selected is gone."""

    def begin(self) -> None:
        """Begin a transaction; waits for the one that is open."""
        with self._bus.changed:
            self._await_turn()
            self._refuse_after_reset()
            self._slot.owner = self

    def end(self) -> None:
        """End the transaction."""
        with self._bus.changed:
            self._require_card()
            self._release()

    def transmit(self, apdu: bytes) -> bytes:
        """Send one APDU; waits while another connection is in a transaction or in an APDU."""
        with self._bus.changed:
            self._await_turn()
            self._refuse_after_reset()
            self._slot.busy = True
        try:
            response = self._card.transmit(apdu)
        except CardRemoved:
            response = b""
        with self._bus.changed:
            self._require_card()
            if not response:
                self._bus.eject(self._slot)
                raise CardRemoved
            self._slot.busy = False
            self._bus.changed.notify_all()
        return response

    def control(self, code: int, data: bytes) -> bytes:
        """Ask for features, or let a PIN be typed on the keypad, if the reader has one."""
        keypad = self._slot.keypad
        if keypad is None:
            raise CardFault(sw="")
        return keypad.control(code, data, self.transmit)

    def reconnect(self) -> None:
        """Accept a reset by another connection."""
        with self._bus.changed:
            self._require_card()
            self.reset_by_other = False

    def close(self, *, reset: bool) -> None:
        """Disconnect; with `reset` every other connection sees `CardReset`."""
        with self._bus.changed:
            self._bus.changed.wait_for(self._may_go_on)
            if not self._present:
                return
            self._release()
            self._slot.connections.discard(self)
            if reset:
                self._card.reset()
                for other in self._slot.connections:
                    other.reset_by_other = True

    @property
    def _present(self) -> bool:
        return self in self._slot.connections

    def _may_go_on(self) -> bool:
        slot = self._slot
        return not self._present or (slot.owner in {None, self} and not slot.busy)

    def _await_turn(self) -> None:
        self._bus.changed.wait_for(self._may_go_on)
        self._require_card()

    def _require_card(self) -> None:
        if not self._present:
            raise CardRemoved

    def _refuse_after_reset(self) -> None:
        if self.reset_by_other:
            raise CardReset

    def _release(self) -> None:
        if self._slot.owner is self:
            self._slot.owner = None
            self._bus.changed.notify_all()
