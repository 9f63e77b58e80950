"""The database: one engine, one transaction per use case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from portal_demo import schema
from portal_demo.office import models as _office  # noqa: F401 - tables that others refer to

MAIL_WAITING = "mail-waiting"


class Database:
    """An engine for `url` and its transactions. Raises FileNotFoundError, ArgumentError."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = _engine(url, references=True)
        self.mail_waiting = asyncio.Event()
        """Set when a transaction that wrote mail is committed."""
        self._sessions = async_sessionmaker(
            self._engine, expire_on_commit=False, info={MAIL_WAITING: self.mail_waiting}
        )

    async def upgrade(self, revision: str = "head") -> None:
        """Bring the tables to a revision, all or nothing. Raises SchemaError."""
        if await self.revision() == (schema.newest() if revision == "head" else revision):
            return
        # SQLite changes a table by copying it and dropping the first, to which others refer.
        engine = _engine(self._url, references=False)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(schema.upgrade, revision)
        finally:
            await engine.dispose()

    async def revision(self) -> str | None:
        """Return the revision of the tables; None for an empty database."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(schema.revision_of)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commit at the end; roll back on an exception."""
        async with self._sessions.begin() as session:
            yield session

    async def ping(self) -> None:
        """Raise if the database does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _engine(url: str, *, references: bool) -> AsyncEngine:
    """Return an engine; without `references` SQLite does not hold to foreign keys."""
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":
        _require_folder(engine.url.database)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite(references=references))
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _require_folder(file: str | None) -> None:
    """Raise FileNotFoundError where SQLite could not create its file: its own words name none."""
    folder = Path(file).parent if file else Path()
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder} for the database")


def _prepare_sqlite(*, references: bool) -> Callable[[Any, Any], None]:
    pragmas = ("journal_mode=WAL", "busy_timeout=5000", f"foreign_keys={int(references)}")

    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions: `_begin_sqlite` does
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return prepare


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock first: one that reads and then writes could not wait for it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
