"""The database: one engine, one transaction per use case.

Who locks more than one row does so in the order access (`sessions.hold_access`), one-time link, session, application, draft, user,
card, company, officer, audit, wrong passwords, so that nobody waits for another in turn. A deadlock
all the same is `Unavailable`, as a lock that is not granted: nothing is done, and the person is told
to do the last step again.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from portal_demo import schema
from portal_demo.errors import ConnectionLost, Unavailable
from portal_demo.rows import sweep_last
from portal_demo.tables import METADATA as _METADATA  # noqa: F401 - they refer to one another

log = logging.getLogger(__name__)

PATIENCE_MS = 10_000
"""How long a request waits for what another one, in whatever process, is working with."""
MOST_CONNECTIONS = 15
"""Of one process, to PostgreSQL."""
# SQLSTATE: serialization failure, deadlock, lock not available; connection, resources, operator.
_PASSING = {"40001", "40P01", "55P03"}
_PASSING_CLASSES = ("08", "53", "57")
_SQLITE_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
MAIL_WAITING = "mail-waiting"


class Database:
    """An engine for `url` and its transactions. Raises FileNotFoundError, ArgumentError."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = _engine(url, references=True)
        self._closed = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.mail_waiting = asyncio.Event()
        """Set when a transaction that wrote mail is committed."""
        self._sessions = async_sessionmaker(
            self._engine, expire_on_commit=False, info={MAIL_WAITING: self.mail_waiting}
        )
        # SQLite lets one transaction write, and whoever waits for it try again by chance: those of
        # this process come in turn. Nearly every page writes, for it puts the end of its session off.
        self._alone = asyncio.Lock() if self._engine.dialect.name == "sqlite" else None

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
        """Commit at the end; roll back on an exception. Raises Unavailable, ConnectionLost of that.

        None is begun inside of another: it would wait for it.
        """
        if self._closed:
            raise Unavailable
        try:
            with self._counted():
                async with _turn(self._alone), self._sessions.begin() as session:
                    await _reach(session)
                    yield session
                    await sweep_last(session)  # after everything that may wait for others
        except DBAPIError as e:
            if not _passes(e):
                raise
            log.warning("the database is away or busy: %s", type(e.orig).__name__)
            raise (ConnectionLost if e.connection_invalidated else Unavailable) from e

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def ready(self) -> bool:
        """Tell whether the tables are of the newest revision. Raises Unavailable."""
        async with self.transaction() as db:
            connection = await db.connection()
            return await connection.run_sync(schema.revision_of) == schema.newest()

    async def close(self) -> None:
        """Close every connection, after the transactions under way; none can be begun any more.

        The server waits for no request whose browser has gone: it may still be in the middle.
        """
        self._closed = True
        try:
            await asyncio.wait_for(self._idle.wait(), PATIENCE_MS / 1000)
        except TimeoutError:
            log.warning("a transaction has not come to its end: its connection is left open")
        await self._engine.dispose()


@asynccontextmanager
async def _turn(lock: asyncio.Lock | None) -> AsyncIterator[None]:
    """Hold a lock, which is given in the order in which it was asked for. Raises Unavailable."""
    if lock is None:
        yield
        return
    try:
        async with asyncio.timeout(PATIENCE_MS / 1000):
            await lock.acquire()
    except TimeoutError as e:
        raise Unavailable from e
    try:
        yield
    finally:
        lock.release()


async def _reach(session: AsyncSession) -> None:
    """Begin the transaction, so that what is raised later comes from what was done in it."""
    try:
        await session.connection()
    except (OSError, TimeoutError, SQLAlchemyError, asyncpg.PostgresError) as e:
        log.warning("the database cannot be reached: %s", type(e).__name__)
        raise Unavailable from e


def _passes(error: DBAPIError) -> bool:
    """Tell whether the same is likely to succeed later: a connection lost, a lock not granted."""
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode & 0xFF in _SQLITE_PASSING
    state = getattr(error.orig, "sqlstate", None) or ""
    return state in _PASSING or state.startswith(_PASSING_CLASSES)


def _engine(url: str, *, references: bool) -> AsyncEngine:
    """Return an engine; without `references` SQLite does not hold to foreign keys."""
    # What was to be written is personal: it stands in no message of an error.
    options: dict[str, Any] = {"hide_parameters": True}
    if make_url(url).get_backend_name() == "postgresql":
        patience = {"lock_timeout": f"{PATIENCE_MS}", "idle_in_transaction_session_timeout": "60s"}
        options["connect_args"] = {"timeout": 5, "server_settings": patience if references else {}}
        # As many connections as are needed stay open: to open one takes longer than a transaction.
        options |= {"pool_size": MOST_CONNECTIONS, "max_overflow": 0, "pool_timeout": 10}
    engine = create_async_engine(url, **options)
    if engine.dialect.name == "sqlite":
        _require_folder(engine.url.database)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite(references=references))
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    else:
        event.listen(engine.sync_engine, "checkout", _require_open)
    return engine


def _require_open(connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool open new connections once the server has closed one; it need not be asked.

    To ask at every checkout (`pool_pre_ping`) takes three ways to the server and back, and a server
    can go after the answer: what fails in the transaction is done again, or told (`ConnectionLost`).
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def _require_folder(file: str | None) -> None:
    """Raise FileNotFoundError where SQLite could not create its file: its own words name none."""
    folder = Path(file).parent if file else Path()
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder} for the database")


def _prepare_sqlite(*, references: bool) -> Callable[[Any, Any], None]:
    pragmas = (
        "journal_mode=WAL",
        "synchronous=FULL",  # what a bidder was told of is on the disk: no power cut takes it back
        f"busy_timeout={PATIENCE_MS}",
        f"foreign_keys={int(references)}",
    )

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
