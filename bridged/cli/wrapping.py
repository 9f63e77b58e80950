"""Texts broken into lines for a terminal, Japanese too: by columns, and where a reader would pause."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridged.cli.table import width

_BEGINS = "（「『【"
_ENDS = "、。，．・：；？！）」』】ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々:;,.!?)"
"""What does not end a line, and what does not begin one (JIS X 4051)."""
_KANJI = "一-鿿々"
_PHRASES = re.compile(
    rf"\s+|[{_BEGINS}]*(?:[!-~ァ-ヺー]+[{_KANJI}]*|[{_KANJI}]+|\S)[ぁ-んー]*[{_ENDS}]*"
)
"""A noun or a stem with the kana that belong to it, about a 文節; Latin letters up to a space."""
_LETTERS = re.compile(rf"[{_BEGINS}]*(?:[!-~]+|\S)[{_ENDS}]*")


def wrap(text: str, columns: int) -> list[str]:
    """Return the lines of a paragraph; a Latin word wider than `columns` has one for itself."""
    lines = [""]
    for word in _words(text.strip(), columns):
        if lines[-1] and width(lines[-1] + word.strip()) > columns:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += " " if lines[-1] and word.isspace() else word.strip()
    return lines


def _words(text: str, columns: int) -> Iterator[str]:
    for phrase in _PHRASES.findall(text):
        yield from [phrase] if width(phrase) <= columns else _LETTERS.findall(phrase)
