"""Texts broken into lines for a terminal, Japanese too: by columns, and where a reader would pause."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from typing import TextIO

from bridged.cli.table import width

_BLANK = " \n"
_BEGINS = "（「『【"
_ENDS = "、。，．・：；？！）」』】ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々:;,.!?)"
"""What does not end a line, and what does not begin one (JIS X 4051)."""
_KANJI = "一-鿿々"
_COMMAND = r"(?<=: )(?:sudo|systemctl|bridged) [!-~]+(?: [!-~…]+)*"
"""It is there to be copied, and stays together."""
_PHRASES = re.compile(
    rf"[ \n]+|{_COMMAND}|[{_BEGINS}]*(?:[!-~ァ-ヺー]+[{_KANJI}]*|[{_KANJI}]+|[^ \n])[ぁ-んー]*[{_ENDS}]*"
)
"""A noun or a stem with the kana that belong to it, about a 文節; Latin letters up to a space."""
_LETTERS = re.compile(rf"[ \n]+|[{_BEGINS}]*(?:[!-~]+|[^ \n])[{_ENDS}]*")


def columns_of(stream: TextIO) -> int:
    """Return the columns of a terminal; what is none has more than any line takes."""
    return shutil.get_terminal_size().columns if stream.isatty() else sys.maxsize


def wrap(text: str, columns: int) -> list[str]:
    """Return the lines of a paragraph; a Latin word or a command wider than `columns` has one for itself."""
    lines = [""]
    for word in _words(text.strip(_BLANK), columns):
        if word[0] in _BLANK:
            lines[-1] += " "
            continue
        if lines[-1] and width(lines[-1] + word) > columns:
            lines[-1] = lines[-1].rstrip(_BLANK)
            lines.append("")
        lines[-1] += word
    return lines


def _words(text: str, columns: int) -> Iterator[str]:
    for phrase in _PHRASES.findall(text):
        whole = phrase.isascii() or width(phrase) <= columns
        yield from [phrase] if whole else _LETTERS.findall(phrase)
