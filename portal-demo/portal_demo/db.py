"""The database: one engine, one transaction per use case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from portal_demo.fulltext import create_index
from portal_demo.models import Base

MAIL_WAITING = "mail-waiting"


class Database:
    """An engine for `url` and its transactions. Raises FileNotFoundError, ArgumentError."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(url)
        if self._engine.dialect.name == "sqlite":
            _require_folder(self._engine.url.database)
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        self.mail_waiting = asyncio.Event()
        """Set when a transaction that wrote mail is committed."""
        self._sessions = async_sessionmaker(
            self._engine, expire_on_commit=False, info={MAIL_WAITING: self.mail_waiting}
        )

    async def create_tables(self) -> None:
        """Create what is missing."""
        async with self._engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
            await connection.run_sync(create_index)

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


def _require_folder(file: str | None) -> None:
    """Raise FileNotFoundError where SQLite could not create its file: its own words name none."""
    folder = Path(file).parent if file else Path()
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder} for the database")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transactions: `_begin_sqlite` does
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock first: one that reads and then writes could not wait for it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
