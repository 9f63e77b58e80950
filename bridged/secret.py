"""A PIN in memory: never printed, wiped when it is no longer needed.

Each thread and each lease has a copy of its own. A buffer that one owner wipes while another sends
it to a card would be a wrong PIN, and cost a try.
"""

from __future__ import annotations

import re

# U+FF01 to U+FF5E in UTF-8.
_NARROW = re.compile(rb"\xef(?:\xbc([\x81-\xbf])|\xbd([\x80-\x9e]))")


def _narrowed(match: re.Match[bytes]) -> bytes:
    low, high = match[1], match[2]
    return bytes((low[0] - 0x81 + 0x21 if low else high[0] - 0x80 + 0x60,))


class Pin:
    """The bytes of a PIN in a buffer that `wipe` overwrites.

    What cannot be wiped is said plainly: the text of the message it came in, and the list
    pyscard makes of every APDU, live until the interpreter reuses their memory.
    """

    __slots__ = ("_buffer",)

    def __init__(self, text: str) -> None:
        self._buffer = bytearray(text.encode(errors="surrogatepass"))

    def __enter__(self) -> Pin:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def __del__(self) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "Pin(***)"

    def __len__(self) -> int:
        return len(self._buffer)

    def __reduce__(self) -> str:
        raise TypeError("a PIN is not pickled")

    def reveal(self) -> bytes:
        """Return a copy of the bytes; for the command APDU and the check of its rules alone.

        Raises `ValueError` once it is wiped: to a card that would be another PIN, or a question.
        """
        if not self._buffer:
            raise ValueError("the PIN was wiped")
        return bytes(self._buffer)

    def equals(self, other: Pin) -> bool:
        """Return whether the same was typed; for two entries of a new PIN alone."""
        return self._buffer == other._buffer

    def copy(self) -> Pin:
        """Return a PIN with a buffer of its own."""
        other = Pin("")
        other._buffer[:] = self._buffer
        return other

    def append(self, more: bytes) -> None:
        """Add what was typed further, as it came from a dialog."""
        self._buffer += more

    def fold(self, *, upper: bool) -> None:
        """Turn full-width letters and digits into ASCII, and with `upper` all into capitals.

        No card takes the others, so that nothing a person could mean is lost.
        """
        narrow = bytearray(_NARROW.sub(_narrowed, self._buffer))
        self.wipe()
        self._buffer[:] = narrow.upper() if upper else narrow
        for i in range(len(narrow)):
            narrow[i] = 0

    def wipe(self) -> None:
        """Overwrite the buffer."""
        for i in range(len(self._buffer)):
            self._buffer[i] = 0
        self._buffer.clear()
