"""The applications, as the office looks for them: by index and by key, however many there are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.language import Text
from portal_demo.models import Application, Company
from portal_demo.office.paging import Page, address, day, during, one_of, page_of, row_id, words_of
from portal_demo.procedures import BY_KIND, Kind
from portal_demo.register import number_now
from portal_demo.status import Status

STATUSES: dict[str, Text] = {
    "pending": Text("審査待ち（仮登録）", "To be examined (仮登録)"),
    "accepted": Text("本登録", "Final (本登録)"),
    "rejected": Text("不受理", "Rejected (不受理)"),
    "changed": Text("変更済", "Changed (変更済)"),
}
_STORED = {
    "pending": Status.PROVISIONAL,
    "accepted": Status.FINAL,
    "rejected": Status.REJECTED,
    "changed": Status.CHANGED,
}
PROCEDURES = {kind.value: BY_KIND[kind].title for kind in Kind}
ORDERS = {"old": Text("古い順", "Oldest first"), "new": Text("新しい順", "Newest first")}
_LONGEST = 60
_MOST_COMPANIES = 500
_NUMBER = re.compile(r"[0-9]{8}-[0-9]{6,}")
_COMPANY = re.compile(r"[0-9]{10}")


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; empty means anything. `after` is the id that the page before ended at."""

    words: str = ""
    status: str = ""
    procedure: str = ""
    begin: date | None = None
    end: date | None = None
    newest: bool = False
    after: int | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Search:
        """Read the address of a page; what cannot be read is not looked for.

        Without any condition it is the work to do: what is pending, the oldest first.
        """
        if not query:
            return cls(status="pending")
        return cls(
            words=words_of(query.get("q"), _LONGEST),
            status=one_of(STATUSES, query.get("status")),
            procedure=one_of(PROCEDURES, query.get("procedure")),
            begin=day(query.get("from")),
            end=day(query.get("to")),
            newest=query.get("order") == "new",
            after=row_id(query.get("after")),
        )

    def query(self) -> dict[str, str]:
        """Return the address of the first page, as `parse` reads it."""
        return address(
            q=self.words,
            status=self.status,
            procedure=self.procedure,
            begin=self.begin,
            end=self.end,
            order="new" if self.newest else "old",
        )


@dataclass(frozen=True, slots=True)
class Line:
    """An application in the list, with the name its company has now."""

    number: str
    procedure: str
    company_number: str
    company_name: str
    status: str
    created: datetime


async def find(db: AsyncSession, search: Search) -> Page[Line]:
    """Return a page of what is looked for."""
    query = (
        select(
            Application.id,
            Application.number,
            Application.procedure,
            Application.company_number,
            Company.name,
            Application.status,
            Application.created,
        )
        .join(Company, Company.number == Application.company_number)
        .where(*await _conditions(db, search))
    )
    return await page_of(
        db,
        query,
        Application.id,
        search.after,
        newest=search.newest,
        line=lambda row: Line(*row[1:]),
    )


async def _conditions(db: AsyncSession, search: Search) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if search.words:
        found.append(await _words(db, search.words))
    if search.status:
        found.append(Application.status == _STORED[search.status])
    if search.procedure:
        found.append(Application.procedure == search.procedure)
    found += during(Application.created, search.begin, search.end)
    return found


async def _words(db: AsyncSession, words: str) -> ColumnElement[bool]:
    """Take words for a receipt number, a company's number, now or before, or a part of its name."""
    if _NUMBER.fullmatch(words):
        return Application.number == words
    if _COMPANY.fullmatch(words):
        return Application.company_number == await number_now(db, words)
    named = select(Company.number).where(Company.name.contains(words, autoescape=True))
    numbers = await db.scalars(named.order_by(Company.number).limit(_MOST_COMPANIES))
    return Application.company_number.in_(list(numbers))
