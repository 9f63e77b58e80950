"""Rows that several requests, in one process or in many, may write at the same moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.models import Base

_SWEEPS = "sweeps"


def insert(
    db: AsyncSession, model: type[Base], values: Mapping[str, Any] | Sequence[Mapping[str, Any]]
) -> postgresql.Insert:
    """Return an INSERT of a row or several that can say what happens `on_conflict`, in both alike."""
    if db.get_bind().dialect.name == "sqlite":
        # The same methods as PostgreSQL's, as far as they are used here.
        return sqlite.insert(model).values(values)  # type: ignore[return-value]
    return postgresql.insert(model).values(values)


async def insert_missing(db: AsyncSession, model: type[Base], **values: object) -> bool:
    """Insert a row unless there is one with its key; wait for another that is about to."""
    statement = insert(db, model, values).on_conflict_do_nothing()
    key = inspect(model).primary_key
    return (await db.execute(statement.returning(*key))).first() is not None


async def alone(db: AsyncSession, what: str) -> None:
    """Let other transactions that want to do the same wait for this one's end."""
    if db.get_bind().dialect.name == "postgresql":  # on SQLite every transaction is alone
        await db.execute(select(func.pg_advisory_xact_lock(func.hashtext(what))))


def sweep(db: AsyncSession, model: type[Base], old: ColumnElement[bool]) -> None:
    """Delete old rows when the transaction ends, if it does well.

    Not before: somebody may be waiting for one of them, and must not have what is waited for next.
    """
    db.info.setdefault(_SWEEPS, {})[model] = old


async def sweep_last(db: AsyncSession) -> None:
    """Delete what is to be swept; a row that somebody is working with is left to the next time."""
    for model, old in db.info.pop(_SWEEPS, {}).items():
        [key] = inspect(model).primary_key
        unused = select(key).where(old).with_for_update(skip_locked=True)
        await db.execute(
            delete(model).where(key.in_(unused)), execution_options={"synchronize_session": False}
        )
