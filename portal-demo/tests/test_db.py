"""Transactions on SQLite: one after another, in the order in which they were asked for."""

from __future__ import annotations

import asyncio

import pytest

from portal_demo.db import Database


@pytest.fixture
def backend(sqlite):
    return sqlite


async def in_turn(database: Database, number: int, seen: list[int]) -> None:
    async with database.transaction():
        seen.append(number)


async def test_who_asks_first_is_served_first(database):
    seen: list[int] = []
    async with asyncio.TaskGroup() as waiting, database.transaction():
        for number in range(20):
            waiting.create_task(in_turn(database, number, seen))
            await asyncio.sleep(0)
        assert seen == []
    assert seen == list(range(20))


async def test_who_leaves_while_waiting_or_working_holds_nobody_up(database):
    async def stay() -> None:
        async with database.transaction():
            working.set()
            await asyncio.Event().wait()

    working, seen = asyncio.Event(), []
    staying = asyncio.create_task(stay())
    await working.wait()
    leaving, waiting = (asyncio.create_task(in_turn(database, n, seen)) for n in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    staying.cancel()
    await waiting
    assert seen == [1]
    assert staying.cancelled()
    assert leaving.cancelled()
