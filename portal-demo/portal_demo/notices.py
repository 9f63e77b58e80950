"""The bid information service: notices, and how they are searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import ceil

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import fulltext
from portal_demo.language import Text
from portal_demo.models import Notice

INDEX = "notice"
PER_PAGE = 10
MAX_WORDS = 100

KINDS = {
    "plan": Text("発注見通し", "Planned"),
    "notice": Text("入札公告", "Call for bids"),
    "result": Text("入札結果", "Result"),
}
PROCUREMENTS = {
    "goods": Text("物品、役務", "Goods and services"),
    "small": Text("少額物品", "Small purchases"),
    "works": Text("工事", "Construction works"),
    "consulting": Text("コンサル", "Consulting"),
}
METHODS = {
    "open": Text("一般競争入札", "Open bidding"),
    "nominated": Text("指名競争入札", "Nominated bidding"),
    "counter": Text("オープンカウンター方式", "Open counter"),
    "proposal": Text("公募型プロポーザル", "Call for proposals"),
}
AGENCIES = {
    "takanami": Text("高波市", "Takanami City"),
    "azusagawa": Text("梓平市", "Azusadaira City"),
    "yukimi": Text("雪見町", "Yukimi Town"),
    "hoshina": Text("星那村", "Hoshina Village"),
    "union": Text("北信野広域連合", "Kitashinano Regional Union"),
}


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for; `begin` and `end` are days of publication."""

    words: str = ""
    kind: str = ""
    procurement: str = ""
    agency: str = ""
    begin: date | None = None
    end: date | None = None
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Search:
        """Read a query; what is not known is not asked for."""
        return cls(
            words=query.get("q", "").strip()[:MAX_WORDS],
            kind=_known(query.get("kind"), KINDS),
            procurement=_known(query.get("procurement"), PROCUREMENTS),
            agency=_known(query.get("agency"), AGENCIES),
            begin=_day(query.get("from")),
            end=_day(query.get("to")),
            page=_page(query.get("page")),
        )

    def query(self, page: int) -> dict[str, str]:
        """Return the query of a page of this search."""
        values = {
            "q": self.words,
            "kind": self.kind,
            "procurement": self.procurement,
            "agency": self.agency,
            "from": self.begin.isoformat() if self.begin else "",
            "to": self.end.isoformat() if self.end else "",
            "page": str(page) if page > 1 else "",
        }
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what was found."""

    notices: list[Notice]
    total: int
    page: int
    pages: int


async def find(db: AsyncSession, search: Search) -> Found:
    """Return a page of the notices, the newest first; a page too far is the last one."""
    wanted = await _conditions(db, search)
    total = await db.scalar(select(func.count()).select_from(Notice).where(*wanted)) or 0
    pages = max(1, ceil(total / PER_PAGE))
    page = min(search.page, pages)
    query = (
        select(Notice)
        .where(*wanted)
        .order_by(Notice.published.desc(), Notice.number.desc())
        .limit(PER_PAGE)
        .offset((page - 1) * PER_PAGE)
    )
    return Found(list(await db.scalars(query)), total, page, pages)


async def _conditions(db: AsyncSession, search: Search) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    for column, value in (
        (Notice.kind, search.kind),
        (Notice.procurement, search.procurement),
        (Notice.agency, search.agency),
    ):
        if value:
            wanted.append(column == value)
    if search.begin:
        wanted.append(Notice.published >= search.begin)
    if search.end:
        wanted.append(Notice.published <= search.end)
    words = fulltext.normalize(search.words).split()
    if words:
        wanted.append(Notice.number.in_(await fulltext.find_all(db, INDEX, words)))
    return wanted


async def index(db: AsyncSession) -> None:
    """Make every notice searchable by its words."""
    texts = [
        (notice.number, "", _searchable(notice)) for notice in await db.scalars(select(Notice))
    ]
    await fulltext.replace_texts(db, INDEX, texts)


def _searchable(notice: Notice) -> str:
    named = (KINDS[notice.kind], PROCUREMENTS[notice.procurement], AGENCIES[notice.agency])
    return " ".join(
        [
            notice.number,
            *(notice.title_ja, notice.title_en, notice.body_ja, notice.body_en),
            *(notice.place_ja, notice.place_en, notice.result_ja, notice.result_en),
            *(f"{text.ja} {text.en}" for text in (*named, METHODS[notice.method])),
        ]
    )


def _known(value: str | None, known: Mapping[str, Text]) -> str:
    return value if value and value in known else ""


def _day(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value or "")
    except ValueError:
        return None


def _page(value: str | None) -> int:
    known = value and value.isascii() and value.isdecimal() and len(value) < 6
    return max(1, int(value)) if value and known else 1
