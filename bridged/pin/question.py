"""What a person is asked, in words that are ready to be shown; the ways only lay it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from bridged.model import PinRules
from bridged.signing.certificates import visible


class Language(StrEnum):
    """Languages the daemon speaks to people."""

    JA = "ja"
    EN = "en"


class Answer(Enum):
    """What a person said to a yes or no; only a yes is true."""

    YES = "yes"
    NO = "no"
    NEVER = "never"
    """No, and never ask again."""

    def __bool__(self) -> bool:
        """Only a yes is one."""
        return self is Answer.YES


Words = dict[Language, str]
"""The same in each language."""


def words(ja: str, en: str) -> Words:
    """Return the same in both languages."""
    return {Language.JA: ja, Language.EN: en}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of what the person decides upon; `quoted` text is the page's own words."""

    label: str
    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """The PIN that is to be typed; `rules_text` says its shape, `again` asks for it twice."""

    label: str
    rules: PinRules
    rules_text: str
    again: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question by a site, to be answered with a PIN where one is `wanted`, else with yes or no.

    `details` are shown on demand where the way can do that. `fault` says what was wrong with
    the answer before this one. `never` is what the person presses to refuse for good, where that
    is offered and the way has a third button.
    """

    language: Language
    heading: str
    facts: tuple[Fact, ...]
    ok: str
    cancel: str
    warnings: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    wanted: Wanted | None = None
    fault: str = ""
    never: str = ""


def one_line(text: str | None, most: int = 200) -> str:
    """Return text of a page or a certificate as one line that hides nothing, cut with a mark."""
    line = " ".join((visible(" ".join((text or "").split()), 4 * most) or "").split())
    return line if len(line) <= most else line[: most - 1] + "…"


def fact(label: str, text: str | None, *, quoted: bool = False, most: int = 200) -> list[Fact]:
    """Return the fact, or nothing where there is nothing to say."""
    line = one_line(text, most)
    return [Fact(label, line, quoted)] if line else []


def joined(parts: Sequence[str | None]) -> str:
    """Return the parts that there are, in one line."""
    return " / ".join(part for part in parts if part)
