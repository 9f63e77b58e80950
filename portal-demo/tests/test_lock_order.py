"""Requests that need the same rows wait for one another, and never in turn (PostgreSQL)."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, text, update

from portal_demo import challenges, sessions
from portal_demo.challenges import Purpose
from portal_demo.models import Draft, Session, User
from portal_demo.office.links import make_link

NEW = {"new_password": "henkou2026", "new_password_again": "henkou2026"}


@pytest.fixture
def backend(postgresql):
    return postgresql


async def some_wait(database, count: int) -> None:
    """Return when so many wait for what others have locked."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(30):
        while True:
            async with database.transaction() as db:
                if await db.scalar(waiting) >= count:
                    return
            await asyncio.sleep(0.02)


async def test_of_two_browsers_that_change_one_password_one_does_and_one_is_ended(
    visitor, second_visitor, portals_database
):
    browsers = (visitor, second_visitor)
    for browser in browsers:
        await browser.log_in_user()
    await visitor.fill_user(**NEW)
    await second_visitor.get("/small/confirm")
    async with portals_database.transaction() as db:
        assert await db.scalar(select(Draft).with_for_update())
        posts = [
            asyncio.create_task(one.post_form("/small/confirm", confirmation=visitor.confirmation))
            for one in browsers
        ]
        await some_wait(portals_database, 2)
    assert sorted([(await post).status for post in posts]) == [200, 401]


async def test_a_password_set_by_a_link_and_one_that_is_changed_do_not_wait_in_turn(
    visitor, second_visitor, portals_database, clock, tools
):
    await visitor.log_in_user()
    async with portals_database.transaction() as db:
        user = await db.scalar(select(User))
        path = (await make_link(db, "", clock(), user_id=user.id)).strip()
    fields = {"password": NEW["new_password"], "again": NEW["new_password"]}
    async with portals_database.transaction() as db:
        await sessions.hold_users(db, visitor.cookie())
        setting = asyncio.create_task(second_visitor.post_form(path, **fields))
        await some_wait(portals_database, 1)
        await db.execute(update(User).values(values=tools.USER_FORM))
    assert (await setting).status == 200
    assert (await visitor.get("/small/form")).status == 401


async def test_a_log_in_waits_for_what_its_session_is_still_asked(portals_database, clock):
    async with portals_database.transaction() as db:
        session, cookie = await sessions.start(db, clock)
        asked = await challenges.issue(db, session, Purpose.LOGIN, clock)

    async def log_in() -> None:
        async with portals_database.transaction() as db:
            await sessions.log_in(db, session, clock, certificate=b"x")

    async with portals_database.transaction() as db:
        held = await sessions.load(db, cookie, clock)
        logging_in = asyncio.create_task(log_in())
        await some_wait(portals_database, 1)
        assert (await challenges.consume(db, held, Purpose.LOGIN, asked, clock)).value == asked
    await logging_in
    async with portals_database.transaction() as db:
        assert [one.certificate for one in await db.scalars(select(Session))] == [b"x"]
