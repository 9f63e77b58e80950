"""The databases that the portal is tested on: a new one for each test, copied from a template."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Protocol

from postgres import Cluster
from sqlalchemy import make_url

from portal_demo.db import Database


class Backend(Protocol):
    """One kind of database."""

    def database(self, *, empty: bool = False) -> AbstractContextManager[str]:
        """Make a database, empty or with the newest tables, and give its address."""

    def everything(self, url: str) -> bytes:
        """Return all that is in a database; bytes may be written in hex."""


class Sqlite:
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        file = self._folder / f"{next(self._numbers)}.sqlite3"
        if not empty:
            shutil.copy(self._template, file)
        yield f"sqlite+aiosqlite:///{file}"

    def everything(self, url: str) -> bytes:
        file = Path(url.partition(":///")[2])
        return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))

    @cached_property
    def _template(self) -> Path:
        file = self._folder / "template.sqlite3"
        _upgrade(f"sqlite+aiosqlite:///{file}")
        return file


class Postgresql:
    """Databases of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._numbers = itertools.count()

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        name = f"test{next(self._numbers)}"
        template = "template0" if empty else self._template
        self._cluster.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self._cluster.url(name)
        finally:
            self._cluster.run(f"DROP DATABASE {name} WITH (FORCE)")

    def everything(self, url: str) -> bytes:
        return self._cluster.dump(make_url(url).database)

    @cached_property
    def _template(self) -> str:
        self._cluster.run("CREATE DATABASE portal")
        _upgrade(self._cluster.url("portal"))
        return "portal"


def _upgrade(url: str) -> None:
    """Bring a database up, in a thread: who asks for it may be in a loop that runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_upgraded(url))).result()


async def _upgraded(url: str) -> None:
    database = Database(url)
    try:
        await database.upgrade()
    finally:
        await database.close()
