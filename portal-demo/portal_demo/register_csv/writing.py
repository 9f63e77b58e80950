"""Write CSV that a spreadsheet can open without harm, and the register in it."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.models import Company
from portal_demo.register_csv.columns import COLUMNS, FORMULA_STARTS

BOM = "\ufeff"
"""Begins a file, for Excel takes UTF-8 for Shift_JIS without."""


def csv_line(cells: Iterable[str]) -> str:
    """Return a line; a cell that a spreadsheet would take for a formula gets an apostrophe."""
    line = io.StringIO()
    csv.writer(line).writerow([f"'{c}" if c.startswith(FORMULA_STARTS) else c for c in cells])
    return line.getvalue()


async def register_lines(db: AsyncSession) -> AsyncIterator[str]:
    """Give the lines of the register, the heading first."""
    yield BOM + csv_line(column.label.ja for column in COLUMNS)
    columns = (getattr(Company, column.name) for column in COLUMNS)
    async for row in await db.stream(select(*columns).order_by(Company.number)):
        yield csv_line(row)
