"""The queue: found by what officers know, page after page, by index on either database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, insert

from portal_demo.db import Database
from portal_demo.demo import fill_register
from portal_demo.models import Application
from portal_demo.office import paging
from portal_demo.office.queue import Search, find
from portal_demo.status import Status

NOON = datetime(2026, 6, 4, 4, 33, tzinfo=UTC)
PROCEDURES = ("register", "change", "renew", "user-change")
STATUSES = (Status.FINAL, Status.FINAL, Status.FINAL, Status.PROVISIONAL, Status.REJECTED)
COMPANIES = ("1234567890", "1234567891", "1234567892")


@pytest.fixture
async def filled(database):
    """130 applications, one an hour."""
    async with database.transaction() as db:
        await fill_register(db)
        rows = [
            {
                "number": f"20260604-{n:06d}",
                "procedure": PROCEDURES[n % 4],
                "owner": f"card:{n:064d}",
                "company_number": COMPANIES[n % 3],
                "confirmation": f"{n:043d}",
                "document": b"{}",
                "document_sha256": "0" * 64,
                "status": STATUSES[n % 5],
                "created": NOON + timedelta(hours=n),
            }
            for n in range(130)
        ]
        await db.execute(insert(Application), rows)
    return database


async def numbers(database, **query):
    """Return what all pages show together."""
    found, after = [], ""
    async with database.transaction() as db:
        while after is not None:
            page = await find(db, Search.parse({**query, "after": str(after)}))
            assert len(page.lines) <= paging.SIZE
            found += [int(line.number.rpartition("-")[2]) for line in page.lines]
            after = page.next_after
    return found


async def test_every_page_goes_on_where_the_one_before_ended(filled):
    assert await numbers(filled, order="old") == list(range(130))
    assert await numbers(filled, order="new") == list(range(129, -1, -1))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "pending"}, lambda n: n % 5 == 3),
        ({"status": "rejected", "procedure": "renew"}, lambda n: n % 5 == 4 and n % 4 == 2),
        ({"q": "20260604-000007"}, lambda n: n == 7),
        ({"q": "1234567891"}, lambda n: n % 3 == 1),
        ({"q": "0000000123"}, lambda n: n % 3 == 0),  # merged into the first
        ({"q": "信州"}, lambda n: n % 3 == 1),
        ({"q": "%"}, lambda _: False),
        ({"q": "_"}, lambda _: False),
        ({"from": "2026-06-06", "to": "2026-06-06"}, lambda n: 35 <= n < 59),  # hours of Japan
        ({"status": "nonsense", "procedure": "x", "from": "x", "to": "9999-12-31"}, lambda _: True),
    ],
)
async def test_what_is_looked_for_is_found(filled, query, expected):
    # The first is at 13:33 in Japan on 4 June: midnight of the 6th is 34.45 hours later.
    assert await numbers(filled, **query) == [n for n in range(130) if expected(n)]


async def test_without_conditions_it_is_the_work_to_do():
    assert Search.parse({}) == Search(status="pending")
    assert Search.parse(Search(status="pending").query()) == Search(status="pending")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"order": "new"},
        {"status": "pending"},
        {"status": "pending", "after": "40"},
        {"q": "1234567891"},
        {"q": "20260604-000007"},
    ],
)
async def test_no_page_looks_through_the_table_or_sorts_it(sqlite, query):
    """The plan of SQLite: by index, and in its order, from whatever page on."""
    with sqlite.database() as url:
        database = Database(url)
        asked = []
        async with database.transaction() as db:
            connection = (await db.connection()).sync_connection
            event.listen(
                connection,
                "before_cursor_execute",
                lambda _c, _cur, statement, parameters, *_: asked.append((statement, parameters)),
            )
            await find(db, Search.parse(query))
            statement, parameters = asked[-1]
            plan = await db.run_sync(
                lambda s: (
                    s.connection()
                    .exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                    .all()
                )
            )
        await database.close()
    steps = [row[-1] for row in plan]
    ordered = query.keys() <= {"order"}  # all of it, in the order of its own key
    assert ordered or not any(step.startswith("SCAN application") for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
