"""A PIN as a card keeps it: value, retry counter, verified state."""

from __future__ import annotations


class ReferenceData:
    """A secret that blocks after `tries` wrong presentations in a row; `left` of them at first.

    The counter is lowered before the comparison, as cards do against power cuts.
    """

    def __init__(self, value: bytes, tries: int, left: int | None = None) -> None:
        self._initial = value
        self._left = tries if left is None else left
        self.tries = tries
        self.restore()

    def restore(self) -> None:
        """Return to the state the card was issued in."""
        self._value = self._initial
        self.tries_left = self._left
        self.verified = False

    @property
    def blocked(self) -> bool:
        """Whether no try is left."""
        return self.tries_left == 0

    def verify(self, value: bytes) -> bool:
        """Compare; a match restores the counter, a mismatch costs a try and the verified state."""
        self.verified = False
        if self.blocked:
            return False
        self.tries_left -= 1
        if value == self._value:
            self.tries_left = self.tries
            self.verified = True
        return self.verified

    def set(self, value: bytes) -> None:
        """Replace the value and restore the counter."""
        self._value = value
        self.tries_left = self.tries
