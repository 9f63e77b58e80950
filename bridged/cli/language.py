"""The language of the person at the terminal."""

from __future__ import annotations

import os
from typing import Literal


def language() -> Literal["ja", "en"]:
    """Return the language of the person's messages: `ja` or `en` (POSIX, section 8.2)."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    chosen = next(filter(None, names), "")
    return "ja" if chosen.lower().startswith("ja") else "en"


def say(ja: str, en: str) -> str:
    """Return the words of the person's language."""
    return ja if language() == "ja" else en
