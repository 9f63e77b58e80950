"""A PKCS#11 module as the daemon knows it: a file, a name, and how well it has behaved."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bridged.errors import ModuleFault

FIRST_REST_S, LONGEST_REST_S = 2.0, 300.0
"""A module that failed twice running is left alone so long, and twice as long each time after."""


@dataclass(eq=False)
class Module:
    """A module. `any_slot`: it names its slots after no reader, so its tokens go with any.

    Used by the threads of all readers.
    """

    path: Path
    name: str
    any_slot: bool = False
    clock: Callable[[], float] = time.monotonic
    _faults: int = 0
    _cause: str = ""
    _rests_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, cause: str) -> ModuleFault:
        """Return the error of a cause, for a failure that says nothing of the next call."""
        return ModuleFault(module=self.name, cause=cause)

    def failed(self, cause: str) -> ModuleFault:
        """Note that its process came to nothing, and return the error."""
        with self._lock:
            self._faults += 1
            self._cause = cause
            if self._faults > 1:
                rest = min(FIRST_REST_S * 2.0 ** (self._faults - 2), LONGEST_REST_S)
                self._rests_until = self.clock() + rest
        return self.fault(cause)

    def worked(self) -> None:
        """Note that it did what it was asked."""
        with self._lock:
            self._faults, self._rests_until = 0, 0.0

    def require_rested(self) -> None:
        """Raise `ModuleFault`, the last one again, while it is left alone."""
        with self._lock:
            resting = self.clock() < self._rests_until
        if resting:
            raise self.fault(self._cause)
