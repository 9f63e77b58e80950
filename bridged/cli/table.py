"""Tables for a terminal: aligned by what characters take there, coloured where it can be."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bridged.cli.output import coloured, printable


class Colour(StrEnum):
    """What a cell means, as a colour (ECMA-48, 8.3.117)."""

    PLAIN = ""
    GOOD = "32"
    WARNING = "33"
    BAD = "31"
    FAINT = "2"


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and what it means."""

    text: str
    colour: Colour = Colour.PLAIN


def width(text: str) -> int:
    """Return the columns that a text takes: kanji take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]], *, coloured: bool) -> list[str]:
    """Return the lines of a table, two spaces between columns and none at the end of a line."""
    heads = [Cell(text, Colour.FAINT) for text in header]
    lines = [[Cell(printable(cell.text), cell.colour) for cell in line] for line in (heads, *rows)]
    widths = [max(width(line[n].text) for line in lines) for n in range(len(header))]
    return [
        "  ".join(
            _drawn(cell, wide if n < len(header) - 1 else 0, coloured=coloured)
            for n, (cell, wide) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _drawn(cell: Cell, wide: int, *, coloured: bool) -> str:
    padding = " " * max(0, wide - width(cell.text))
    if not coloured or not cell.colour or not cell.text:
        return cell.text + padding
    return f"\x1b[{cell.colour}m{cell.text}\x1b[0m{padding}"


def show(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a table on standard output."""
    for line in table(header, rows, coloured=coloured()):
        print(line)
