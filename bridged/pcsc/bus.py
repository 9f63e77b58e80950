"""What the rest of bridged needs of PC/SC, met by `scard` and by the in-process virtual reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bridged.model import ReaderState


class CardReset(Exception):
    """Another program reset the card: what was selected and verified is gone."""


class WaitCancelled(Exception):
    """`Context.cancel` ended the wait."""


@dataclass(frozen=True, slots=True)
class ReaderStatus:
    """A reader as PC/SC sees it.

    `generation` changes with every insertion and removal, so two statuses with equal generations
    speak of the same insertion.
    """

    name: str
    state: ReaderState
    generation: int
    atr: bytes


class Connection(Protocol):
    """A shared connection to one inserted card; used by one thread.

    Every method raises `CardRemoved` when the card is gone (the connection is dead then),
    `PcscUnavailable` when the service is, and `CardInUse` when another program is in the way.
    """

    atr: bytes
    generation: int
    """That of the insertion this connection was made to (`ReaderStatus.generation`)."""

    def begin(self) -> None:
        """Begin a transaction; raises `CardReset` if another program reset the card before."""

    def end(self) -> None:
        """End the transaction and leave the card as it is."""

    def transmit(self, apdu: bytes) -> bytes:
        """Send one command APDU and return the response with its status word, 2 bytes or more."""

    def control(self, code: int, data: bytes) -> bytes:
        """Tell the reader itself something; raises `CardFault` where it does not know that."""

    def reconnect(self) -> None:
        """Accept a reset by another program (after `CardReset`)."""

    def close(self, *, reset: bool) -> None:
        """Disconnect; with `reset` the card forgets every verified PIN. Never raises."""


class Context(Protocol):
    """A PC/SC context: calls on one context wait for each other, so each thread has its own."""

    def wait_for_change(self) -> tuple[ReaderStatus, ...]:
        """Return all readers: at once the first time, then whenever anything has changed.

        Blocks. Raises `WaitCancelled` and `PcscUnavailable`; after either the context is closed
        and replaced.
        """

    def cancel(self) -> None:
        """Wake the thread that waits in `wait_for_change`; callable from any thread."""

    def connect(self, reader: str) -> Connection:
        """Connect to the card, shared; raises `NoReader`, `NoCard`, `CardMute`, `CardInUse`."""

    def generation(self, reader: str) -> int:
        """Return that of the reader at this moment, without a connection; raises `NoReader`."""

    def close(self) -> None:
        """Release the context. Never raises."""


class Bus(Protocol):
    """Where contexts come from: the PC/SC service, or readers inside this process."""

    def open(self) -> Context:
        """Establish a context; raises `PcscUnavailable`."""
