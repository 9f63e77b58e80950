"""The text of a question on a screen of 80 by 24, as `pinentry-curses` can show it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from unicodedata import east_asian_width

COLUMNS = 74
"""Of the 80 that there are, between the frame and its margins."""


def for_terminal(text: str, columns: int = COLUMNS) -> str:
    """Return text without empty lines, none of them wider, broken between wide letters too.

    The program itself breaks lines at spaces alone, and shows nothing where one is too wide.
    """
    return "\n".join(part for line in text.split("\n") if line for part in _broken(line, columns))


def _broken(line: str, columns: int) -> Iterator[str]:
    while True:
        cells = accumulate(2 if east_asian_width(char) in "WF" else 1 for char in line)
        fits = sum(width <= columns for width in cells)
        if fits == len(line):
            yield line
            return
        space = line.rfind(" ", fits // 2, fits + 1)
        cut = fits if space < 0 else space
        yield line[:cut]
        line = line[cut:].lstrip()
