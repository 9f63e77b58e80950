"""Whether anything is otherwise than it was, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable


class Changes:
    """Counts what happened to readers, cards, sites and requests, and says no more of it."""

    def __init__(self) -> None:
        self.count = 0
        self.watchers: set[Callable[[], None]] = set()

    def happened(self) -> None:
        """Count, and let everyone know."""
        self.count += 1
        for watcher in list(self.watchers):
            watcher()
