"""Transactions to the end: closing waits for them, and lets nobody begin another."""

from __future__ import annotations

import asyncio
import gc

import pytest
from sqlalchemy import text

from portal_demo.db import Database
from portal_demo.errors import Unavailable


async def test_closing_waits_for_who_is_in_the_middle_and_leaves_no_connection_open(database_url):
    database = Database(database_url)
    async with database.transaction() as db:
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0)
        assert (await db.execute(text("SELECT 1"))).scalar_one() == 1
        assert not closing.done()
    await closing
    del database, db
    gc.collect()  # one that was left open is told here, and fails the test


async def test_nothing_begins_once_the_database_is_closed(database):
    await database.close()
    with pytest.raises(Unavailable):
        async with database.transaction():
            pytest.fail("it was let in")
