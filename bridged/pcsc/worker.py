"""One thread per reader: everything said to a card is said there, in order, in a transaction."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from bridged.errors import CardInUse, CardMute, CardRemoved, PcscUnavailable
from bridged.pcsc.atr import supports_extended_length
from bridged.pcsc.bus import Bus, CardReset, Connection, Context
from bridged.pcsc.channel import Channel

log = logging.getLogger(__name__)

IDLE_S = 5.0
"""An unused connection is closed after this time, for programs that want the card alone."""

IN_USE_S = 3.0
IN_USE_STEP_S = 0.02
"""PC/SC tells nobody when a transaction ends: asked again so often, for so long (seconds)."""

T = TypeVar("T")
Task = Callable[[], None]


class Worker:
    """Runs jobs on one reader's card, one after the other.

    A job gets the `Channel` inside a transaction. A future that is cancelled before its job
    begins is passed over; a job that runs is never interrupted.
    """

    def __init__(self, bus: Bus, reader: str) -> None:
        self.reader = reader
        self.channel = Channel()
        self._bus = bus
        self._context: Context | None = None
        self._connection: Connection | None = None
        self._keep = False
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"card {reader}", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[Channel], T]) -> Future[T]:
        """Queue a job; the future carries its result or its error."""
        future: Future[T] = Future()

        def task() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(self._in_transaction(job))
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
            idle = IDLE_S if self._connection is not None and not self._keep else None
            try:
                task = self._tasks.get(timeout=idle)
            except queue.Empty:
                self._disconnect(reset=False)
                continue
            if task is None:
                break
            task()
            # What the job holds, a PIN perhaps, does not wait for the next one.
            del task
        if self._context is not None:
            self._context.close()

    def _in_transaction(self, job: Callable[[Channel], T]) -> T:
        try:
            connection = self._begin()
            try:
                self.channel.transaction += 1
                return job(self.channel)
            finally:
                connection.end()
        except (CardRemoved, CardReset, CardMute, PcscUnavailable) as error:
            # What failed may have been the answer to a VERIFY that succeeded: leave nothing behind.
            self._disconnect(reset=not isinstance(error, CardReset | CardMute))
            if isinstance(error, PcscUnavailable):
                self._drop_context()
            if isinstance(error, CardReset):
                raise CardRemoved from error
            raise

    def _begin(self) -> Connection:
        """Begin a transaction, waiting a moment for another program to end its own."""
        give_up = time.monotonic() + IN_USE_S
        while True:
            known = self._connection is not None
            try:
                connection = self._connected()
                connection.begin()
                return connection
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
                if self._context is None:
                    self._context = self._bus.open()
                self._connection = self._context.connect(self.reader)
            except PcscUnavailable:
                self._drop_context()
                raise
            self._attach(self._connection)
        return self._connection

    def _attach(self, connection: Connection) -> None:
        self.channel.attach(
            connection.transmit,
            extended=supports_extended_length(connection.atr),
            generation=connection.generation,
            atr=connection.atr,
        )

    def _disconnect(self, *, reset: bool) -> None:
        if self._connection is not None:
            self._connection.close(reset=reset)
            self._connection = None
            self.channel.detach()

    def _drop_context(self) -> None:
        self._connection = None
        if self._context is not None:
            self._context.close()
            self._context = None
