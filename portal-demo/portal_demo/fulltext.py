"""Search in texts, by substrings of any length, on whatever database.

The question is always a LIKE over normalised text. On SQLite the table is an FTS5 index by trigrams,
on PostgreSQL a table with an index by pg_trgm (see the first of the migrations): both answer a LIKE of
three characters and more from the index; a shorter one looks through all texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import (
    ColumnElement,
    and_,
    column,
    delete,
    insert,
    or_,
    select,
    table,
)
from sqlalchemy.ext.asyncio import AsyncSession

TABLE = "search_text"
_TEXTS = table(TABLE, column("kind"), column("ref"), column("language"), column("body"))
MAX_TERMS = 12

# A term is a run of one script; hiragana between them are particles and endings.
_RUN = re.compile(r"[a-z0-9][a-z0-9.'-]*|[\u4e00-\u9fff々]+|[\u30a1-\u30fa\u30fc]+")
_ENGLISH_NOISE = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "be",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "get",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "its",
        "me",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "should",
        "so",
        "that",
        "the",
        "there",
        "this",
        "to",
        "us",
        "was",
        "we",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "you",
        "your",
        "please",
        "tell",
        "about",
    ]
)


def normalize(body: str) -> str:
    """Return text as it is compared: width and case do not matter, wildcards mean nothing."""
    plain = unicodedata.normalize("NFKC", body).casefold()
    return re.sub(r"[\s%_]+", " ", plain).strip()


def terms_of(question: str) -> list[str]:
    """Return what a sentence is about: its words in kanji, katakana or Latin letters."""
    runs = (run.rstrip(".'-") for run in _RUN.findall(normalize(question)))
    wanted = (run for run in runs if len(run) > 1 and run not in _ENGLISH_NOISE)
    return list(dict.fromkeys(wanted))[:MAX_TERMS]


async def replace_texts(db: AsyncSession, kind: str, texts: Iterable[tuple[str, str, str]]) -> None:
    """Store the texts of a kind (reference, language, body) in place of those that were there."""
    await db.execute(delete(_TEXTS).where(_TEXTS.c.kind == kind))
    rows = [
        {"kind": kind, "ref": ref, "language": language, "body": normalize(body)}
        for ref, language, body in texts
    ]
    if rows:
        await db.execute(insert(_TEXTS), rows)


async def find_all(db: AsyncSession, kind: str, terms: Iterable[str]) -> set[str]:
    """Return the references whose texts, in either language, hold every term."""
    return await _find(db, kind, and_(*map(_holds, terms)))


async def find_any(db: AsyncSession, kind: str, terms: Iterable[str]) -> set[str]:
    """Return the references whose texts hold at least one term."""
    return await _find(db, kind, or_(*map(_holds, terms)))


def _holds(term: str) -> ColumnElement[bool]:
    term = normalize(term)
    # An index of trigrams answers a shorter LIKE with nothing; an expression is looked through.
    body = _TEXTS.c.body if len(term) >= 3 else _TEXTS.c.body.concat("")
    return body.like(f"%{term}%")


async def _find(db: AsyncSession, kind: str, holds: ColumnElement[bool]) -> set[str]:
    found = await db.scalars(select(_TEXTS.c.ref).where(_TEXTS.c.kind == kind, holds))
    return set(found)
