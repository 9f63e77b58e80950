"""Watches readers and cards in one thread that blocks in the bus and never polls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from bridged.errors import BridgedError, PcscUnavailable
from bridged.pcsc.bus import Bus, Context, ReaderStatus, WaitCancelled

log = logging.getLogger(__name__)

RETRY_S = 2.0
"""How long to wait before a service that is not there is looked for again (seconds)."""

STOP_S = 2.0
"""How long the end waits for a service that does not answer (seconds)."""

Statuses = tuple[ReaderStatus, ...] | None
"""All readers, or None while the PC/SC service is not there and they are unknown."""


class Monitor:
    """Calls `on_change` from its own thread with all readers, first at once, then on change.

    A service that is not there is told once, however often it is looked for.
    """

    def __init__(self, bus: Bus, on_change: Callable[[Statuses], None]) -> None:
        self._bus = bus
        self._on_change = on_change
        self._stopping = threading.Event()
        self._context: Context | None = None
        self._lost = False
        self._thread = threading.Thread(target=self._run, name="pcsc-monitor", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self, timeout_s: float = STOP_S) -> None:
        """End the thread and wait for it, no longer than `timeout_s`: the service may hang."""
        self._stopping.set()
        if self._thread.ident is None:
            return
        threading.Thread(target=self._wake, name="pcsc-monitor-stop", daemon=True).start()
        self._thread.join(timeout_s)

    def _wake(self) -> None:
        while self._thread.is_alive():
            # A cancel that comes just before the wait begins is lost, so it is repeated.
            if (context := self._context) is not None:
                context.cancel()
            self._thread.join(timeout=0.05)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._watch(self._bus.open())
            except PcscUnavailable:
                if not self._lost:
                    self._on_change(None)
                self._lost = True
                self._stopping.wait(RETRY_S)

    def _watch(self, context: Context) -> None:
        self._context = context
        try:
            while not self._stopping.is_set():
                self._on_change(context.wait_for_change())
                self._lost = False
        except WaitCancelled:
            pass
        except PcscUnavailable:
            raise
        except BridgedError as error:
            log.warning("the watch over readers begins anew after: %s", error)
            raise PcscUnavailable from error
        finally:
            self._context = None
            context.close()
