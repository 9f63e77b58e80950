"""What a command prints for programs: JSON on standard output, an error as its object on the other.

Every command that ends by itself takes `--json`. Its result is one JSON value (`bridged log`: one a
line); where the command fails, the error object of the protocol stands on standard error, and the
exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO
from unicodedata import category

import msgspec

from bridged.cli.language import language, say
from bridged.errors import BridgedError


def add_json(
    parser: argparse.ArgumentParser, ja: str = "JSONで出力する", en: str = "print JSON"
) -> None:
    """Let the command line ask for JSON."""
    parser.add_argument("--json", action="store_true", help=say(ja, en))


def printable(text: str) -> str:
    """Return a text of cards, sites or programs that cannot play with the terminal."""
    return "".join(c if c.isprintable() or category(c) == "Zs" else "?" for c in text)


def coloured() -> bool:
    """Whether standard output takes colours: a terminal's does (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def print_json(value: object, to: BinaryIO | None = None) -> None:
    """Print a value, or JSON as it came, so that a person can read it too."""
    raw = value if isinstance(value, bytes | msgspec.Raw) else msgspec.json.encode(value)
    to = to or sys.stdout.buffer
    to.write(msgspec.json.format(bytes(raw), indent=2) + b"\n")
    to.flush()


def print_line(value: object) -> None:
    """Print a value as a line of JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")


@contextmanager
def working(texts: dict[str, str]) -> Iterator[None]:
    """Say on a terminal what takes its time, in the person's language, until it is over."""
    shown = sys.stderr.isatty()
    if shown:
        print(texts[language()], end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if shown:
            # To the first column, and nothing on the line (ECMA-48, 8.3.41).
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def print_error(error: BridgedError) -> None:
    """Print an error as the protocol has it, on standard error."""
    from bridged.protocol import codec

    print_json(codec.encode(codec.error_object(error)).encode(), sys.stderr.buffer)
