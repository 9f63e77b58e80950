"""Read a file line by line in little memory, whatever is in it.

A company stands in one line: no field of the register holds a line break. So a quotation mark that
is not closed spoils its own line alone.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from portal_demo.language import Text
from portal_demo.register_csv.columns import Fault, Header, parse_header
from portal_demo.register_csv.errors import FileEmpty, FileNotText, FileTooLarge, TooManyLines

MAX_BYTES = 512 * 1024 * 1024
MAX_LINES = 1_000_000
MAX_LINE_BYTES = 64 * 1024
_CHUNK = 1024 * 1024

_WHOLE = Text("", "")
_TOO_LONG = Text(
    '行が長すぎます。引用符（"）の閉じ忘れや、改行の抜けがないか確認して下さい。',
    "The line is too long: look for a missing quotation mark or line break.",
)
_UNREADABLE = Text(
    "文字コード{encoding}として読めない文字があります。",
    "The line holds characters that are not {encoding}.",
)
_QUOTES = Text(
    '引用符（"）が正しく閉じられていません。1社を1行に書き、項目の中で改行しないで下さい。',
    "A quotation mark is not closed. Write each company in one line, without breaks in a field.",
)
_WIDTH = Text(
    "列の数（{found}）が見出しの行（{expected}）と違います。",
    "The line has {found} columns, the heading {expected}.",
)

Encoding = Literal["utf-8", "cp932"]


@dataclass(frozen=True, slots=True)
class Survey:
    """What can be told of a file before it is read: its encoding and its SHA-256, hex."""

    encoding: Encoding
    sha256: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is right."""

    number: int
    values: dict[str, str]


def survey(file: Path) -> Survey:
    """Look through a file. Raises FileTooLarge, FileNotText, FileEmpty or OSError.

    The heading tells the encoding: Japanese in Shift_JIS is never UTF-8.
    """
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as f:
        first = f.readline(MAX_LINE_BYTES)
        f.seek(0)
        while chunk := f.read(_CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise FileTooLarge(most=MAX_BYTES // 1024**2)
            if b"\0" in chunk:  # binary, or UTF-16
                raise FileNotText
            digest.update(chunk)
    if not size:
        raise FileEmpty
    try:
        first.decode("utf-8")
    except UnicodeDecodeError:
        return Survey("cp932", digest.hexdigest())
    return Survey("utf-8", digest.hexdigest())


class Reader:
    """The lines of an open file, the heading read. Raises FileNotText, or what `parse_header` does."""

    def __init__(self, file: BinaryIO, encoding: Encoding) -> None:
        self._file = file
        self._encoding = encoding
        self._number = 0
        cells = self._cells(next(self._physical(), b""))
        if isinstance(cells, Fault):
            raise FileNotText
        self.header: Header = parse_header(cells)

    def __iter__(self) -> Iterator[Line | list[Fault]]:
        """Give each line that is not empty, or what is wrong with it. Raises TooManyLines."""
        for physical in self._physical():
            if self._number > MAX_LINES + 1:
                raise TooManyLines(most=MAX_LINES)
            cells = self._cells(physical)
            if isinstance(cells, Fault):
                yield [cells]
            elif any(map(str.strip, cells)):
                yield self._line(cells)

    def _line(self, cells: list[str]) -> Line | list[Fault]:
        expected = self.header.width
        if len(cells) != expected:
            return [self._fault(_WIDTH.fill(found=len(cells), expected=expected))]
        values = self.header.values(self._number, cells)
        return values if isinstance(values, list) else Line(self._number, values)

    def _physical(self) -> Iterator[bytes | None]:
        """Give the lines as bytes, None for one that is too long."""
        while line := self._file.readline(MAX_LINE_BYTES + 1):
            self._number += 1
            whole = len(line) <= MAX_LINE_BYTES
            while not line.endswith(b"\n") and len(line) > MAX_LINE_BYTES:
                line = self._file.readline(MAX_LINE_BYTES + 1)
            yield line if whole else None

    def _cells(self, line: bytes | None) -> list[str] | Fault:
        if line is None:
            return self._fault(_TOO_LONG)
        try:
            text = line.decode("utf-8-sig" if self._number == 1 and self._utf8 else self._encoding)
        except UnicodeDecodeError:
            return self._fault(_UNREADABLE.fill(encoding="UTF-8" if self._utf8 else "Shift_JIS"))
        try:
            return next(csv.reader([text], strict=True), [])
        except csv.Error:
            return self._fault(_QUOTES)

    @property
    def _utf8(self) -> bool:
        return self._encoding == "utf-8"

    def _fault(self, reason: Text) -> Fault:
        return Fault(self._number, _WHOLE, reason)
