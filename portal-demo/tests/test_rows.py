"""What several requests write at the same moment is written once, and none of them fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer
from backends import some_wait
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from portal_demo.app import create_app
from portal_demo.errors import TooManyRequests
from portal_demo.limits import Limit, take
from portal_demo.models import Draft, LoginFailures, Rate
from portal_demo.pages import PORTAL
from portal_demo.rows import insert_missing, sweep
from portal_demo.users import count_guess


async def at_once(database, work, times=8) -> list:
    """Do the same in so many transactions, all of which have begun before the first does it."""

    async def one():
        async with database.transaction() as db:
            return await work(db)

    return await asyncio.gather(*(one() for _ in range(times)), return_exceptions=True)


async def test_of_many_that_insert_the_same_row_one_does(database, clock):
    row = {"key": "x", "count": 0, "not_before": clock()}
    inserted = await at_once(database, lambda db: insert_missing(db, LoginFailures, **row))
    assert Counter(inserted) == {True: 1, False: 7}


async def test_requests_at_once_are_all_counted(database, clock):
    limit = Limit("test", 5, timedelta(minutes=1))
    taken = await at_once(database, lambda db: take(db, limit, "somebody", clock()))
    assert Counter(map(type, taken)) == {type(None): 5, TooManyRequests: 3}
    clock.advance(minutes=2)
    assert await at_once(database, lambda db: take(db, limit, "somebody", clock()), 5) == [None] * 5


async def test_sweeping_at_once_leaves_nothing_old(database, clock):
    async with database.transaction() as db:
        db.add_all(Rate(key=f"{n}", ends=clock() + timedelta(n), count=1) for n in range(-5, 5))

    async def sweep_old(db):
        sweep(db, Rate, Rate.ends <= clock())

    swept = await at_once(database, sweep_old)
    assert swept == [None] * 8
    async with database.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(Rate)) == 4


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_who_waits_for_a_row_holds_no_old_one_that_is_waited_for(database, clock):
    async def take_all(db, *whose: str) -> None:
        for who in whose:
            await take(db, Limit("test", 5, timedelta(minutes=1)), who, clock())

    async def another() -> None:
        async with database.transaction() as db:
            await take_all(db, "another", "busy")

    async with database.transaction() as holder:
        await take_all(holder, "busy")
        async with database.transaction() as db:
            db.add(Rate(key="test old", ends=clock(), count=1))
        waiting = asyncio.create_task(another())
        await some_wait(database, 1)
        await take_all(holder, "old")
    await waiting
    async with database.transaction() as db:
        rates = {row.key: row.count for row in await db.scalars(select(Rate))}
    assert rates == {"test another": 1, "test busy": 2, "test old": 1}


async def test_what_is_old_and_not_swept_yet_does_not_count(database, clock):
    async with database.transaction() as db:
        db.add(LoginFailures(key="x", count=5, not_before=clock()))
    clock.advance(hours=1)
    async with database.transaction() as db:
        await count_guess(db, "x", clock)
    async with database.transaction() as db:
        assert (await db.get(LoginFailures, "x")).count == 1


async def test_first_attempts_on_one_user_at_once_are_counted_and_refused(server, tools):
    async def attempt(client):
        return await tools.Visitor(client).log_in_user(password="wrong4567")

    async with TestClient(server) as one, TestClient(server) as two, TestClient(server) as three:
        answers = await asyncio.gather(*map(attempt, (one, two, three)))
        assert {answer.status for answer in answers} <= {422, 429}
        # Before the first client is closed, and the server and its database with it.
        async with server.app[PORTAL].database.transaction() as db:
            assert await db.scalar(select(LoginFailures.count)) >= 1


async def test_two_browsers_of_one_card_share_one_draft(app, visitor, second_visitor, card):
    for browser in (visitor, second_visitor):
        await browser.log_in(card)
    pages = await asyncio.gather(visitor.find(), second_visitor.find())
    assert {page.url for page in pages} == {"/registration/form"}
    async with app[PORTAL].database.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(Draft)) == 1


async def test_portals_that_start_at_once_fill_one_database_once(settings, clock, visitor):
    apps = [create_app(settings, clock) for _ in range(3)]
    servers = [TestServer(app) for app in apps]
    await asyncio.gather(*(server.start_server() for server in servers))
    async with apps[0][PORTAL].database.transaction() as db:
        twice = "SELECT kind, ref FROM search_text GROUP BY kind, ref, language HAVING count(*) > 1"
        assert (await db.execute(text(twice))).all() == []
    await asyncio.gather(*(server.close() for server in servers))


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    monkeypatch.setattr("portal_demo.db.PATIENCE_MS", 30_000)


async def test_what_was_to_be_written_stands_in_no_error(database, clock):
    row = {"key": "x", "ends": clock(), "count": None}
    with pytest.raises(IntegrityError) as refused:
        async with database.transaction() as db:
            await db.execute(insert(Rate), [{**row, "key": "taro@example.jp"}])
    assert "[SQL parameters hidden" in str(refused.value)
    assert "[parameters:" not in str(refused.value)
