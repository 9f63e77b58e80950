"""Answers to people's questions, each from an entry of the manual or of the FAQ, never made up."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import fulltext
from portal_demo.fulltext import normalize, terms_of
from portal_demo.language import Text

INDEX = "help"
MOST_ANSWERS = 3
KNOWN = 0.4
CLOSE = 0.7
_TITLE, _HERE, _STATE = 0.25, 0.1, 0.3


@dataclass(frozen=True, slots=True)
class Entry:
    """A question with its answer, and where it stands."""

    id: str
    section: Text
    title: Text
    text: Text
    words: str = ""
    screens: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()

    @property
    def body(self) -> str:
        """Return everything that can be searched, normalised."""
        return normalize(
            " ".join((self.title.ja, self.text.ja, self.title.en, self.text.en, self.words))
        )


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the person is: the screen, and the state of the card panel on it."""

    screen: str = ""
    state: str = ""


@cache
def entries() -> Mapping[str, Entry]:
    """Return every entry by its id, in the order of the file."""
    file = resources.files("portal_demo").joinpath("data", "help.toml")
    read = tomllib.loads(file.read_text("utf-8"))
    sections = {name: Text(*titles) for name, titles in read["sections"].items()}
    made = (
        Entry(
            id=entry["id"],
            section=sections[entry["section"]],
            title=Text(*entry["title"]),
            text=Text(*entry["text"]),
            words=entry.get("words", ""),
            screens=frozenset(entry.get("screens", ())),
            states=frozenset(entry.get("states", ())),
        )
        for entry in read["entry"]
    )
    return {entry.id: entry for entry in made}


async def index(db: AsyncSession) -> None:
    """Make every entry searchable."""
    texts = [(entry.id, "", entry.body) for entry in entries().values()]
    await fulltext.replace_texts(db, INDEX, texts)


async def answers(db: AsyncSession, question: str, situation: Situation) -> list[Entry]:
    """Return the entries that answer a question, the best first; none if nothing fits.

    A question without a word to search for ("what now?") is about what the page shows.
    """
    terms = terms_of(question)
    if not terms:
        return [e for e in entries().values() if situation.state in e.states][:1]
    found = await fulltext.find_any(db, INDEX, {part for term in terms for part in _parts(term)})
    scored = sorted(
        ((_score(entries()[ref], terms, situation), ref) for ref in found if ref in entries()),
        reverse=True,
    )
    best = scored[0][0] if scored else 0
    return [entries()[ref] for score, ref in scored if score >= KNOWN and score >= best * CLOSE][
        :MOST_ANSWERS
    ]


def suggestions(situation: Situation) -> list[Entry]:
    """Return what somebody in this situation is likely to ask."""
    known = entries().values()
    likely = [entry for entry in known if situation.state in entry.states]
    likely += [entry for entry in known if situation.screen in entry.screens]
    return list(dict.fromkeys(likely))[:MOST_ANSWERS] or [
        entries()["flow-with-card"], entries()["what-is-needed"]
    ]  # fmt: skip


def _score(entry: Entry, terms: list[str], situation: Situation) -> float:
    """Return how much of a question an entry is about, from 0, and above 1 for the very thing."""
    weights = {term: len(term) for term in terms}
    title = normalize(f"{entry.title.ja} {entry.title.en}")
    share = sum(weights[t] * _holds(entry.body, t) for t in terms) / sum(weights.values())
    named = sum(weights[t] * _holds(title, t) for t in terms) / sum(weights.values())
    score = share + _TITLE * named
    if share > 0:
        score += _HERE * (situation.screen in entry.screens)
        score += _STATE * (situation.state in entry.states)
    return score


def _holds(body: str, term: str) -> float:
    """Return how much of a term a body has: all, or some parts of it."""
    if term in body:
        return 1.0
    parts = _parts(term)
    return 0.8 * sum(part in body for part in parts) / len(parts)


def _parts(term: str) -> list[str]:
    """Return what to look for: a Latin word's beginning, pairs of characters of a longer term."""
    if term.isascii():
        return [term[:5] if len(term) > 5 else term]
    return [term[i : i + 2] for i in range(len(term) - 1)] if len(term) > 3 else [term]
