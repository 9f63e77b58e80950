"""Migrations and models agree, and no revision loses what the one before kept."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, insert, inspect, select
from sqlalchemy.ext.asyncio import create_async_engine

from portal_demo import schema
from portal_demo.db import Database
from portal_demo.schema import SchemaError

SCRIPTS = ScriptDirectory.from_config(schema.configuration())
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]
# A row of these in every table: what refers to another row finds it.
_SAMPLES = {
    str: "x",
    int: 1,
    bool: True,
    bytes: b"x",
    dict: {"x": "x"},
    date: date(2026, 6, 4),
    datetime: datetime(2026, 6, 4, 12, 0),  # noqa: DTZ001 - as it is stored
    object: "x",  # of the full-text index of SQLite, whose columns have no types
}


@pytest.fixture
async def empty(empty_database_url):
    database = Database(empty_database_url)
    yield database
    await database.close()


async def run(url, work):
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def tables_of(connection: Connection) -> list[Table]:
    metadata = MetaData()
    names = inspect(connection).get_table_names()
    ours = {name for name in names if not name.startswith(("search_text_", "alembic"))}
    metadata.reflect(connection, only=lambda name, _: name in ours)
    return metadata.sorted_tables


def fill(connection: Connection) -> None:
    for table in tables_of(connection):
        sample = {column.name: _SAMPLES[column.type.python_type] for column in table.columns}
        connection.execute(insert(table).values(sample))


def rows_of(connection: Connection) -> dict[str, list[dict[str, object]]]:
    return {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
        for table in tables_of(connection)
    }


def test_the_revisions_are_one_line():
    heads = SCRIPTS.get_heads()
    assert len(heads) == 1, (
        f"{' and '.join(sorted(heads))} both come after the same revision: give one of them the "
        "next number, in its file's name and `revision`, and the other as its `down_revision`"
    )
    assert [f"{number:04d}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS


async def test_migrations_and_models_agree(database_url):
    def compare(connection: Connection) -> None:
        config = schema.configuration()
        config.attributes["connection"] = connection
        command.check(config)

    await run(database_url, compare)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_an_upgrade_keeps_every_row(empty, empty_database_url, revision):
    await empty.upgrade(revision)
    await run(empty_database_url, fill)
    before = await run(empty_database_url, rows_of)
    await empty.upgrade()
    after = await run(empty_database_url, rows_of)
    assert await empty.revision() == schema.newest() == REVISIONS[-1]
    for table, [row] in before.items():
        [kept] = after[table]
        assert {name: kept[name] for name in row} == row


async def test_an_upgrade_that_fails_changes_nothing(empty, empty_database_url, monkeypatch):
    def fail(_connection: Connection) -> None:
        raise SchemaError("torn")

    monkeypatch.setattr(schema, "_require_references", fail)
    with pytest.raises(SchemaError):
        await empty.upgrade()
    assert await empty.revision() is None
    assert await run(empty_database_url, lambda c: inspect(c).get_table_names()) == []


async def test_tables_without_revisions_are_left_alone(empty, empty_database_url):
    await run(empty_database_url, lambda c: c.exec_driver_sql("CREATE TABLE company (x INTEGER)"))
    with pytest.raises(SchemaError, match="without migrations"):
        await empty.upgrade()


async def test_rows_that_a_revision_of_sqlite_tore_apart_are_found(sqlite):
    with sqlite.database() as url:
        await run(url, fill)
        await run(url, lambda c: c.exec_driver_sql("DELETE FROM company"))
        with pytest.raises(SchemaError, match="point to nothing"):
            await run(url, schema.upgrade)
