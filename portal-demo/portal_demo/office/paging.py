"""Lists by key, and the addresses of what is looked for in them.

The next page is found by its index, however far down it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Row, Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from portal_demo.characters import visible
from portal_demo.clock import JST

SIZE = 50

Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class Page(Generic[Line]):
    """Some lines, and where the next page begins, if there is one."""

    lines: list[Line]
    next_after: int | None


async def page_of(
    db: AsyncSession,
    query: Select[*tuple[Any, ...]],
    key: InstrumentedAttribute[int],
    after: int | None,
    *,
    newest: bool,
    line: Callable[[Row[*tuple[Any, ...]]], Line],
) -> Page[Line]:
    """Return a page of a query, whose first column is the key, in the order of the key."""
    if after is not None:
        query = query.where(key < after if newest else key > after)
    query = query.order_by(key.desc() if newest else key).limit(SIZE + 1)
    rows = (await db.execute(query)).all()
    shown = rows[:SIZE]
    return Page([line(row) for row in shown], shown[-1][0] if len(rows) > SIZE else None)


def during(
    column: InstrumentedAttribute[datetime], begin: date | None, end: date | None
) -> list[ColumnElement[bool]]:
    """Return the conditions for a period of days in Japan; both ends may be open."""
    found: list[ColumnElement[bool]] = []
    if begin:
        found.append(column >= _midnight(begin))
    if end and end < date.max:
        found.append(column < _midnight(end + timedelta(days=1)))
    return found


def address(*, begin: date | None, end: date | None, **values: str) -> dict[str, str]:
    """Return the query of an address, without what is empty."""
    days = {"from": begin.isoformat() if begin else "", "to": end.isoformat() if end else ""}
    return {name: value for name, value in {**values, **days}.items() if value}


def next_page(path: str, query: Mapping[str, str]) -> Callable[[int], str]:
    """Return what gives the address of the page that begins after a key."""
    return lambda after: f"{path}?{urlencode({**query, 'after': after})}"


def one_of(words: Collection[str], chosen: str | None) -> str:
    """Return what was chosen if it is one of the words, else nothing."""
    return chosen if chosen and chosen in words else ""


def day(text: str | None) -> date | None:
    """Return a day of an address, None for what is none."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def words_of(text: str | None, longest: int) -> str:
    """Return words of an address, without what no database holds (NUL) and nobody sees."""
    return visible(text or "").strip()[:longest]


def row_id(text: str | None) -> int | None:
    """Return a key of an address, None for what is none."""
    return int(text) if text and re.fullmatch("[0-9]{1,9}", text) else None


def _midnight(of: date) -> datetime:
    return datetime.combine(of, time(), JST)
