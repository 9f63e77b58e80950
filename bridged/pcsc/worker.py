"""One thread per reader: everything said to a card is said there, in order, in a transaction.

Or apart from one, by a companion that talks to the card with a PC/SC connection of its own.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar, cast

from bridged.errors import BridgedError, CardInUse, CardMute, CardRemoved, PcscUnavailable
from bridged.pcsc import pinpad
from bridged.pcsc.atr import supports_extended_length
from bridged.pcsc.bus import Bus, CardReset, Connection, Context
from bridged.pcsc.channel import Channel

log = logging.getLogger(__name__)

IDLE_S = 5.0
"""An unused connection is closed after this time, for programs that want the card alone."""

COMPANION_IDLE_S = 30.0
"""A companion takes longer to start, so it is kept longer."""

LINGER_S = 0.05
"""A transaction waits this long for the next job: a page that signs one document after the other
need not have the application selected, and the PIN sent, for each (seconds)."""
HOLD_S = 1.0
"""A transaction that is as old as this takes no further job: other programs wait (seconds)."""

IN_USE_S = 3.0
IN_USE_STEP_S = 0.02
"""PC/SC tells nobody when a transaction ends: asked again so often, for so long (seconds)."""

T = TypeVar("T")
Task = Callable[[], None]


class Companion(Protocol):
    """What talks to the card in place of our connection: the process of a PKCS#11 module."""

    def end(self) -> None:
        """Log out and let go of the card; never raises, and takes a few seconds at the most."""


class Apart(Exception):
    """A job raises it to go on outside of its transaction, with `job`, before any other."""

    def __init__(self, generation: int, job: Callable[[], object]) -> None:
        super().__init__()
        self.generation = generation
        self.job = job


class Worker:
    """Runs jobs on one reader's card, one after the other.

    A job gets the `Channel` inside a transaction, which jobs share that follow each other within
    `linger_s` (with 0 each has its own), or runs apart, while we have no connection. A future that
    is cancelled before its job begins is passed over; a job that runs is never interrupted.
    `companion` is set by jobs that run apart, each time, while there is one: it is ended wherever
    our connection would be closed.
    """

    def __init__(self, bus: Bus, reader: str, *, linger_s: float = LINGER_S) -> None:
        self.reader = reader
        self.channel = Channel()
        self.companion: Companion | None = None
        self._bus = bus
        self._context: Context | None = None
        self._connection: Connection | None = None
        self._keep = False
        self._linger_s = linger_s
        self._began: float | None = None
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"card {reader}", daemon=True)
        self._thread.start()

    @property
    def in_transaction(self) -> bool:
        """Whether the card is ours at the moment; callable from any thread."""
        return self._began is not None

    def submit(self, job: Callable[[Channel], T]) -> Future[T]:
        """Queue a job; the future carries its result or its error."""
        return self._queue(lambda: self._in_transaction(job))

    def submit_apart(self, generation: int, job: Callable[[], T]) -> Future[T]:
        """Queue a job that runs apart, while the insertion is still this one."""
        return self._queue(lambda: self._apart(generation, job))

    def _queue(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()

        def task() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # noqa: BLE001 - it belongs to who asked
                    future.set_exception(error)

        self._tasks.put(task)
        return future

    def keep_connected(self, *, keep: bool) -> None:
        """While kept, the connection stays open however long it is idle (a PIN is verified)."""
        self._tasks.put(lambda: setattr(self, "_keep", keep))

    def disconnect(self, *, reset: bool) -> None:
        """Queue the end of the connection; with `reset` the card forgets verified PINs."""
        self._tasks.put(lambda: self._disconnect(reset=reset))

    def close(self) -> None:
        """End the thread after what is queued, without waiting for it; resets the card."""
        self.disconnect(reset=True)
        self._tasks.put(None)

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end, as long as `timeout_s`."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            try:
                task = self._tasks.get(timeout=self._patience_s())
            except queue.Empty:
                if self._began is None:
                    self._disconnect(reset=False)
                else:
                    self._end()
                continue
            if task is None:
                break
            task()
            # What the job holds, a PIN perhaps, does not wait for the next one.
            del task
        if self._context is not None:
            self._context.close()

    def _patience_s(self) -> float | None:
        """Return how long to wait for a job before something is let go of."""
        if self._began is not None:
            return self._linger_s
        if self._keep:
            return None
        if self.companion is not None:
            return COMPANION_IDLE_S
        return IDLE_S if self._connection is not None else None

    def _apart(self, generation: int, job: Callable[[], T]) -> T:
        self._close(reset=False)
        try:
            here = self._context_now().generation(self.reader)
        except PcscUnavailable:
            self._drop_context()
            raise
        if here != generation:
            raise CardRemoved
        return job()

    def _in_transaction(self, job: Callable[[Channel], T]) -> T:
        try:
            return self._transact(job)
        except Apart as wish:
            go_on = cast("Callable[[], T]", wish.job)
            return self._apart(wish.generation, go_on)

    def _transact(self, job: Callable[[Channel], T]) -> T:
        try:
            if self._began is not None and time.monotonic() - self._began >= HOLD_S:
                self._end()
            if self._began is None:
                self._begin()
                self._began = time.monotonic()
                self.channel.transaction += 1
            try:
                result = job(self.channel)
            except BaseException:
                self._end()
                raise
            if not self._linger_s:
                self._end()
            return result
        except (CardRemoved, CardReset, CardMute, PcscUnavailable) as error:
            # What failed may have been the answer to a VERIFY that succeeded: leave nothing behind.
            self._disconnect(reset=not isinstance(error, CardReset | CardMute))
            if isinstance(error, PcscUnavailable):
                self._drop_context()
            if isinstance(error, CardReset):
                raise CardRemoved from error
            raise

    def _end(self) -> None:
        """End the transaction; a card that is gone has ended it already."""
        self._began = None
        if self._connection is not None:
            with contextlib.suppress(CardRemoved):
                self._connection.end()

    def _begin(self) -> None:
        """Begin a transaction, waiting a moment for another program to end its own."""
        give_up = time.monotonic() + IN_USE_S
        while True:
            known = self._connection is not None
            try:
                self._connected().begin()
                return
            except CardReset:
                if time.monotonic() > give_up:
                    raise CardInUse from None
                self._accept_reset()
            except CardMute:
                if not known:
                    raise
                # Another program powered the card off; a new connection powers it.
                self._disconnect(reset=False)
            except CardInUse:
                if time.monotonic() > give_up:
                    raise
                time.sleep(IN_USE_STEP_S)

    def _accept_reset(self) -> None:
        connection = self._connected()
        connection.reconnect()
        self._attach(connection)

    def _connected(self) -> Connection:
        if self._connection is None:
            try:
                self._connection = self._context_now().connect(self.reader)
            except PcscUnavailable:
                self._drop_context()
                raise
            self._attach(self._connection)
        return self._connection

    def _context_now(self) -> Context:
        if self._context is None:
            self._context = self._bus.open()
        return self._context

    def _attach(self, connection: Connection) -> None:
        self.channel.attach(
            connection.transmit,
            extended=supports_extended_length(connection.atr),
            generation=connection.generation,
            atr=connection.atr,
        )
        self.channel.keypad = pinpad.find(connection.control)

    def _disconnect(self, *, reset: bool) -> None:
        if (companion := self.companion) is not None:
            self.companion = None
            companion.end()
            if reset:
                # It may have been let go of with a PIN verified.
                with contextlib.suppress(BridgedError, CardReset):
                    self._connected()
        self._close(reset=reset)

    def _close(self, *, reset: bool) -> None:
        self._began = None
        if self._connection is not None:
            self._connection.close(reset=reset)
            self._connection = None
            self.channel.detach()

    def _drop_context(self) -> None:
        self._began = None
        self._connection = None
        if self._context is not None:
            self._context.close()
            self._context = None
