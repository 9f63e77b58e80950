"""The databases that the portal is tested on: a new one for each test, copied from a template."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import subprocess
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from postgres import Cluster
from sqlalchemy import make_url, text

from portal_demo.app import fill_demo
from portal_demo.db import Database

Content = Literal["nothing", "tables", "demo"]


async def some_wait(database: Database, count: int) -> None:
    """Return when so many wait for what others have locked (PostgreSQL)."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(30):
        while True:
            async with database.transaction() as db:
                if await db.scalar(waiting) >= count:
                    return
            await asyncio.sleep(0.02)


class Backend(ABC):
    """One kind of database; `now` is when the demo's content is made."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._numbers = itertools.count()
        self._template = cache(self._make_template)

    @contextmanager
    def database(self, content: Content = "tables") -> Iterator[str]:
        """Make a database and give its address; "demo" is what `--demo` fills in."""
        name = f"test{next(self._numbers)}"
        self.copy(name, None if content == "nothing" else self._template(content))
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def _make_template(self, content: Content) -> str:
        self.copy(content, None)
        # On a thread: who asks for a database may be in a loop that runs.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(self._fill(content))).result()
        return content

    async def _fill(self, content: Content) -> None:
        database = Database(self.url(content))
        try:
            await database.upgrade()
            if content == "demo":
                await fill_demo(database, self._now)
        finally:
            await database.close()

    @abstractmethod
    def url(self, name: str) -> str:
        """Return the address of a database."""

    @abstractmethod
    def copy(self, name: str, template: str | None) -> None:
        """Make a database like another one, or an empty one."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Remove a database."""

    @abstractmethod
    def away(self, url: str) -> AbstractAsyncContextManager[None]:
        """Let a database not be reachable for a while."""

    @abstractmethod
    def backup(self, url: str) -> Path:
        """Take a backup, as the README says."""

    @abstractmethod
    def restore(self, backup: Path, name: str) -> None:
        """Make a database of a backup, as the README says."""

    @contextmanager
    def restored(self, backup: Path) -> Iterator[str]:
        """Give the address of a new database that holds a backup."""
        name = f"test{next(self._numbers)}"
        self.restore(backup, name)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    @abstractmethod
    def everything(self, url: str) -> bytes:
        """Return all that is in a database; bytes may be written in hex."""


class Sqlite(Backend):
    """Files in a folder."""

    def __init__(self, folder: Path, now: datetime) -> None:
        super().__init__(now)
        self._folder = folder

    def url(self, name: str) -> str:
        return f"sqlite+aiosqlite:///{self._file(name)}"

    def copy(self, name: str, template: str | None) -> None:
        if template:
            shutil.copy(self._file(template), self._file(name))

    def drop(self, name: str) -> None:
        for file in self._folder.glob(f"{name}.sqlite3*"):
            file.unlink()

    @asynccontextmanager
    async def away(self, url: str) -> AsyncIterator[None]:
        file = make_url(url).database
        with closing(sqlite3.connect(file, check_same_thread=False)) as holder:
            # On a thread: a transaction under way has to come to its end first.
            await asyncio.to_thread(holder.execute, "BEGIN IMMEDIATE")
            yield

    def backup(self, url: str) -> Path:
        backup = self._folder / "backup"
        command = ["sqlite3", make_url(url).database, f"VACUUM INTO '{backup}'"]
        subprocess.run(command, check=True)
        return backup

    def restore(self, backup: Path, name: str) -> None:
        backup.rename(self._file(name))

    def everything(self, url: str) -> bytes:
        files = self._folder.glob(f"{Path(make_url(url).database).name}*")
        return b"".join(file.read_bytes() for file in files)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.sqlite3"


class Postgresql(Backend):
    """Databases of a cluster."""

    def __init__(self, cluster: Cluster, now: datetime) -> None:
        super().__init__(now)
        self.cluster = cluster

    def url(self, name: str) -> str:
        return self.cluster.url(name)

    def copy(self, name: str, template: str | None) -> None:
        self.cluster.run(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")

    def drop(self, name: str) -> None:
        self.cluster.run(f"DROP DATABASE {name} WITH (FORCE)")

    @asynccontextmanager
    async def away(self, url: str) -> AsyncIterator[None]:
        self.cluster.stop()
        try:
            yield
        finally:
            self.cluster.start()

    def backup(self, url: str) -> Path:
        backup = self.cluster.folder / "backup"
        self.cluster.client("pg_dump", make_url(url).database, "-Fc", "-f", str(backup))
        return backup

    def restore(self, backup: Path, name: str) -> None:
        self.copy(name, None)
        self.cluster.client("pg_restore", name, "--exit-on-error", str(backup))

    def everything(self, url: str) -> bytes:
        return self.cluster.dump(make_url(url).database)
