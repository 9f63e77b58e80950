"""The audit: only ever longer, and whole."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from portal_demo import cli
from portal_demo.logs import JsonLines
from portal_demo.office import audit
from portal_demo.office.audit import Action, Actor, Search, find, first_break, record
from portal_demo.office.models import AuditEntry

NOW = datetime(2026, 6, 4, 4, 33, tzinfo=UTC)


async def write(database, *subjects):
    async with database.transaction() as db:
        for subject in subjects:
            await record(db, Actor("shinsa01", "192.0.2.1"), Action.ACCEPT, subject, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        update(AuditEntry).values(actor="somebody"),
        delete(AuditEntry),
        text("UPDATE office_audit SET detail = 'x' WHERE id = 1"),
    ],
)
async def test_the_database_refuses_to_change_an_entry(database, change):
    await write(database, "a")
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as db:
            await db.execute(change)
    async with database.transaction() as db:
        assert [entry.actor for entry in (await find(db, Search())).lines] == ["shinsa01"]


async def undone(database):
    async with database.transaction() as db:
        await record(db, Actor("a", ""), Action.ACCEPT, "x", now=NOW)
        raise ZeroDivisionError


async def test_what_is_undone_was_not_done(database):
    with pytest.raises(ZeroDivisionError):
        await undone(database)
    async with database.transaction() as db:
        assert (await find(db, Search())).lines == []


async def drop_triggers(database):
    """Do what only somebody can who has the database itself in their hands."""
    async with database.transaction() as db:
        if db.get_bind().dialect.name == "sqlite":
            for what in ("update", "delete"):
                await db.execute(text(f"DROP TRIGGER office_audit_no_{what}"))
        else:
            await db.execute(text("DROP TRIGGER office_audit_append_only ON office_audit"))


@pytest.mark.parametrize(
    "change",
    [
        *(
            update(AuditEntry).where(AuditEntry.id == 2).values({column: value})
            for column, value in {
                "made": NOW + timedelta(seconds=1),
                "actor": "somebody",
                "action": "reject",
                "subject": "",
                "detail": "x",
                "address": "192.0.2.2",
                "digest": "0" * 64,
            }.items()
        ),
        delete(AuditEntry).where(AuditEntry.id == 2),
    ],
)
async def test_what_was_tampered_with_past_the_triggers_is_found(database, change):
    await write(database, "a", "b", "c")
    async with database.transaction() as db:
        assert await first_break(db) is None
    await drop_triggers(database)
    async with database.transaction() as db:
        await db.execute(change)
    async with database.transaction() as db:
        assert await first_break(db) in {2, 3}


@pytest.mark.parametrize("known", ["head", "log"])
async def test_an_end_that_was_cut_off_is_told(
    database, database_url, tmp_path, capsys, caplog, known
):
    def check(*arguments):
        return cli.main(["audit", "--database", database_url, *arguments])

    caplog.set_level("INFO", "portal_demo.office.audit")
    await write(database, "a", "b", "c")
    lines = [f"{JsonLines().format(record)}\n" for record in caplog.records]
    assert len(lines) == 3
    log = tmp_path / "log"
    log.write_text(f"INFO x: GET / 200\n{''.join(lines)}")
    assert await asyncio.to_thread(check) == 0
    head = capsys.readouterr().out.strip()
    arguments = {"head": ["--head", head], "log": ["--log", str(log)]}[known]
    assert await asyncio.to_thread(check, *arguments) == 0
    await drop_triggers(database)
    async with database.transaction() as db:
        await db.execute(delete(AuditEntry).where(AuditEntry.id >= 3))
    for new in ((), ("d",)):  # what is written after it hides nothing
        await write(database, *new)
        capsys.readouterr()
        assert await asyncio.to_thread(check) == 0
        assert await asyncio.to_thread(check, *arguments) == 1
        assert "entry 3 is missing or was changed" in capsys.readouterr().err


async def test_what_was_undone_is_not_in_the_log(database, caplog):
    caplog.set_level("INFO", "portal_demo.office.audit")
    with pytest.raises(ZeroDivisionError):
        await undone(database)
    assert not caplog.records


def test_what_is_no_head_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["audit", "--head", "3:abc"])
    assert "not N:HASH: '3:abc'" in capsys.readouterr().err


async def test_entries_are_looked_for(database):
    await write(database, "a", "b")
    async with database.transaction() as db:
        await record(db, Actor("kanri01", ""), Action.REJECT, "b", now=NOW, detail="x" * 2000)
        for query, subjects in (
            ({"subject": "b"}, ["b", "b"]),
            ({"actor": "kanri01"}, ["b"]),
            ({"action": "accept"}, ["b", "a"]),
            ({"action": "nonsense", "from": "2026-06-04", "to": "2026-06-04"}, ["b", "b", "a"]),
            ({"from": "2026-06-05"}, []),
            ({"to": "9999-12-31", "after": "2"}, ["a"]),
        ):
            found = await find(db, Search.parse(query))
            assert [entry.subject for entry in found.lines] == subjects


async def test_the_screen_shows_and_checks_it(new_clerk):
    clerk = await new_clerk("kanri01")
    page = await clerk.get("/office/audit?actor=kanri01")
    assert "ログイン" in page.element("entries")
    assert "kanri01" in page.element("entries")
    assert 'id="none-found"' in (await clerk.get("/office/audit?actor=nobody")).text
    assert 'id="whole"' in (await clerk.get("/office/audit?check=1")).text


def test_every_action_has_a_name():
    assert set(audit.ACTION_NAMES) == set(Action)
