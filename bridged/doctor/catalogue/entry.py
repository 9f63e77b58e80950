"""A kind of finding: how bad it is, in words for people, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad a finding is."""

    GOOD = 0
    HINT = 1
    WARNING = 2
    """Works, or will, but not as it should."""
    ERROR = 3
    """A page cannot use the card until this is mended."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A kind of finding; the sentences are filled with the finding's fields."""

    severity: Severity
    ja: str
    en: str
    ja_advice: str = ""
    en_advice: str = ""


def good(ja: str, en: str) -> Entry:
    """Return an entry for what is as it should be: nothing is to be done."""
    return Entry(Severity.GOOD, ja, en)
