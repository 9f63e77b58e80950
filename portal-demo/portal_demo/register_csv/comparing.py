"""Compare the lines of an import with the register, and write them into it: all in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.models import Company
from portal_demo.register import COLUMNS
from portal_demo.register_csv.models import RegisterImportRow

_ROW = RegisterImportRow


class Effect(StrEnum):
    """What a line does to the register."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Change:
    """A line's company: what the register says of it (None: nothing), and what it would say."""

    line: int
    number: str
    before: dict[str, str] | None
    after: dict[str, str]

    @property
    def differences(self) -> tuple[str, ...]:
        """The names of the columns that change."""
        before = self.before or {}
        return tuple(name for name in COLUMNS if before.get(name) != self.after[name])


async def count(db: AsyncSession, import_id: int) -> tuple[int, int, int]:
    """Return how many lines add a company, change one, change nothing."""
    lines = select(func.count()).select_from(_ROW).where(_ROW.import_id == import_id)
    found = lines.join(Company, Company.number == _ROW.number)
    total = await db.scalar(lines) or 0
    known = await db.scalar(found) or 0
    changed = await db.scalar(found.where(_differs())) or 0
    return total - known, changed, known - changed


async def changes(
    db: AsyncSession, import_id: int, effect: Effect, *, limit: int = 50, after_line: int = 0
) -> list[Change]:
    """Return the lines that do one thing, in their order, beginning after a line."""
    query = (
        select(_ROW, Company)
        .outerjoin(Company, Company.number == _ROW.number)
        .where(_ROW.import_id == import_id, _ROW.line > after_line, _conditions()[effect])
        .order_by(_ROW.line)
        .limit(limit)
    )
    return [
        Change(row.line, row.number, _before(company), _values(row))
        for row, company in await db.execute(query)
    ]


async def write(db: AsyncSession, import_id: int) -> None:
    """Write the lines of an import into the register."""
    columns = ("number", *COLUMNS)
    known = select(Company.number).where(Company.number == _ROW.number).exists()
    new = select(*(getattr(_ROW, name) for name in columns)).where(
        _ROW.import_id == import_id, ~known
    )
    changed = (
        update(Company)
        .where(Company.number == _ROW.number, _ROW.import_id == import_id, _differs())
        .values({name: getattr(_ROW, name) for name in COLUMNS})
        .execution_options(synchronize_session=False)
    )
    await db.execute(changed)
    await db.execute(insert(Company).from_select(columns, new))


def _conditions() -> dict[Effect, ColumnElement[bool]]:
    new = Company.number.is_(None)
    return {
        Effect.ADDED: new,
        Effect.CHANGED: and_(~new, _differs()),
        Effect.UNCHANGED: and_(~new, ~_differs()),
    }


def _differs() -> ColumnElement[bool]:
    return or_(*(getattr(Company, name) != getattr(_ROW, name) for name in COLUMNS))


def _before(company: Company | None) -> dict[str, str] | None:
    return _values(company) if company is not None else None


def _values(row: Company | RegisterImportRow) -> dict[str, str]:
    return {name: getattr(row, name) for name in COLUMNS}
