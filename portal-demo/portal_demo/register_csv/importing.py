"""Import a file: read and compare it first, then apply it as a whole or not at all.

The lines are put into the database beside the register (`register_import_row`), so that comparing
and applying are its work, in little memory, and the register is locked for the applying alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import register
from portal_demo.clock import Clock
from portal_demo.db import Database
from portal_demo.language import Text
from portal_demo.models import MergedNumber
from portal_demo.register_csv import comparing
from portal_demo.register_csv.columns import COLUMNS, Fault
from portal_demo.register_csv.errors import ImportFaulty, ImportOutdated, ImportUnknown
from portal_demo.register_csv.models import RegisterImport, RegisterImportRow
from portal_demo.register_csv.reading import Line, Reader, Survey, survey

SHOWN_FAULTS = 200
KEPT = timedelta(days=1)
_BATCH = 1000
_NUMBER = COLUMNS[0].label
_TWICE = Text(
    "登録番号{number}は、{first}行目にもあります。1社を1行にまとめて下さい。",
    "{number} stands in line {first}, too. Write each company once.",
)
_MERGED = Text(
    "登録番号{number}は、{new}に統合されています。新しい登録番号にして下さい。",
    "{number} was merged into {new}. Write the new number.",
)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would change; `digest` names it, for `apply`. Of many faults the first are told.

    Companies that are in the register and not in the file stay as they are.
    """

    digest: str
    encoding: str
    added: int
    changed: int
    unchanged: int
    faults: int
    first_faults: tuple[Fault, ...]
    ignored: tuple[str, ...]
    applied: datetime | None


@dataclass(slots=True)
class _Faults:
    """Counts faults, and keeps the first of them."""

    count: int
    first: list[Fault]

    def add(self, faults: list[Fault]) -> None:
        self.count += len(faults)
        self.first += faults[: SHOWN_FAULTS - len(self.first)]


async def preview(database: Database, file: Path, clock: Clock) -> Preview:
    """Read a file and compare it with the register, in transactions of its own.

    The same file compared with the same register is the same preview. Raises the errors of
    `reading`, or OSError.
    """
    seen = await asyncio.to_thread(survey, file)
    async with database.transaction() as db:
        await _forget_old(db, clock())
        known = await _find(db, _digest(seen.sha256, await register.last_change(db)))
        if known:
            return _told(known)
        begun = RegisterImport(encoding=seen.encoding, created=clock())
        db.add(begun)
    try:
        return await _read(database, begun.id, file, seen)
    except IntegrityError:  # the same file was read by somebody else at the same moment
        await _drop(database, begun.id)
    except BaseException:
        await _drop(database, begun.id)
        raise
    async with database.transaction() as db:
        return _told(await find(db, _digest(seen.sha256, await register.last_change(db))))


async def _read(database: Database, import_id: int, file: Path, seen: Survey) -> Preview:
    faults = _Faults(0, [])
    with await asyncio.to_thread(file.open, "rb") as f:
        reader = await asyncio.to_thread(Reader, f, seen.encoding)
        lines = iter(reader)
        while batch := await asyncio.to_thread(_take, lines):
            rows = [{"line": one.number, **one.values} for one in batch if isinstance(one, Line)]
            for one in batch:
                if isinstance(one, list):
                    faults.add(one)
            async with database.transaction() as db:
                await _stage(db, import_id, rows)
    async with database.transaction() as db:
        return await _compare(db, import_id, seen.sha256, faults, reader.header.ignored)


async def find(db: AsyncSession, digest: str) -> RegisterImport:
    """Return an import that was read. Raises ImportUnknown."""
    found = await _find(db, digest)
    if found is None:
        raise ImportUnknown
    return found


async def apply(db: AsyncSession, digest: str, now: datetime) -> tuple[Preview, bool]:
    """Apply an import in the caller's transaction; False if that has been done before.

    Raises ImportUnknown, ImportFaulty or ImportOutdated.
    """
    one = await db.scalar(
        select(RegisterImport).where(RegisterImport.digest == digest).with_for_update()
    )
    if one is None:
        raise ImportUnknown
    if one.applied:
        return _told(one), False
    if one.faults:
        raise ImportFaulty
    if not await register.record_change_after(db, one.after, "import", now):
        raise ImportOutdated
    await comparing.write(db, one.id)
    await db.execute(delete(RegisterImportRow).where(RegisterImportRow.import_id == one.id))
    one.applied = now
    await db.flush()
    return _told(one), True


async def _find(db: AsyncSession, digest: str) -> RegisterImport | None:
    found: RegisterImport | None = await db.scalar(
        select(RegisterImport).where(RegisterImport.digest == digest)
    )
    return found


async def _forget_old(db: AsyncSession, now: datetime) -> None:
    """Take away what was read long ago; what was applied is kept, so that it is not done again."""
    await _forget(db, RegisterImport.created <= now - KEPT, RegisterImport.applied.is_(None))


async def _drop(database: Database, import_id: int) -> None:
    async with database.transaction() as db:
        await _forget(db, RegisterImport.id == import_id)


async def _forget(db: AsyncSession, *which: ColumnElement[bool]) -> None:
    """Take imports away; one that somebody else is taking away, or applies, is left to them."""
    found = select(RegisterImport.id).where(*which).with_for_update(skip_locked=True)
    ids = list(await db.scalars(found))
    await db.execute(delete(RegisterImportRow).where(RegisterImportRow.import_id.in_(ids)))
    await db.execute(delete(RegisterImport).where(RegisterImport.id.in_(ids)))


def _take(lines: Iterator[Line | list[Fault]]) -> list[Line | list[Fault]]:
    return list(itertools.islice(lines, _BATCH))


async def _stage(db: AsyncSession, import_id: int, rows: list[dict[str, Any]]) -> None:
    if rows:
        await db.execute(
            insert(RegisterImportRow), [{"import_id": import_id, **row} for row in rows]
        )


async def _compare(
    db: AsyncSession, import_id: int, sha256: str, faults: _Faults, ignored: tuple[str, ...]
) -> Preview:
    """Find what only the whole file and the register can tell, and keep the result."""
    one = await db.get_one(RegisterImport, import_id)
    one.after = await register.last_change(db)  # before anything is compared
    await _find_duplicates(db, import_id, faults)
    await _find_merged(db, import_id, faults)
    one.added, one.changed, one.unchanged = await comparing.count(db, import_id)
    one.faults, one.ignored = faults.count, list(ignored)
    one.first_faults = [
        {"line": f.line, "column": [f.column.ja, f.column.en], "reason": [f.reason.ja, f.reason.en]}
        for f in sorted(faults.first, key=lambda f: f.line)
    ]
    one.digest = _digest(sha256, one.after)
    await db.flush()
    return _told(one)


async def _find_duplicates(db: AsyncSession, import_id: int, faults: _Faults) -> None:
    row = RegisterImportRow
    first = (
        select(row.number, func.min(row.line).label("line"))
        .where(row.import_id == import_id)
        .group_by(row.number)
        .having(func.count() > 1)
        .subquery()
    )
    twice = (
        select(row.line, row.number, first.c.line)
        .join(first, first.c.number == row.number)
        .where(row.import_id == import_id, row.line > first.c.line)
        .order_by(row.line)
    )
    async for line, number, other in await db.stream(twice):
        faults.add([Fault(line, _NUMBER, _TWICE.fill(number=number, first=other))])


async def _find_merged(db: AsyncSession, import_id: int, faults: _Faults) -> None:
    row = RegisterImportRow
    merged = (
        select(row.line, row.number, MergedNumber.company_number)
        .join(MergedNumber, MergedNumber.number == row.number)
        .where(row.import_id == import_id)
        .order_by(row.line)
    )
    async for line, number, new in await db.stream(merged):
        faults.add([Fault(line, _NUMBER, _MERGED.fill(number=number, new=new))])


def _digest(sha256: str, after: int) -> str:
    return hashlib.sha256(f"{sha256} {after}".encode()).hexdigest()


def _told(one: RegisterImport) -> Preview:
    return Preview(
        digest=one.digest or "",
        encoding=one.encoding,
        added=one.added,
        changed=one.changed,
        unchanged=one.unchanged,
        faults=one.faults,
        first_faults=tuple(
            Fault(fault["line"], Text(*fault["column"]), Text(*fault["reason"]))
            for fault in one.first_faults
        ),
        ignored=tuple(one.ignored),
        applied=one.applied,
    )
