"""Requests that need the same rows wait for one another, and never in turn (PostgreSQL)."""

from __future__ import annotations

import asyncio

import pytest
from backends import some_wait
from sqlalchemy import select, update

from portal_demo import challenges, sessions
from portal_demo.challenges import Purpose
from portal_demo.models import Draft, Session, User
from portal_demo.office.links import make_link

NEW = {"new_password": "henkou2026", "new_password_again": "henkou2026"}


@pytest.fixture
def backend(postgresql):
    return postgresql


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


async def test_a_log_in_waits_for_a_change_of_the_password_it_was_checked_by(
    visitor, portals_database
):
    async with portals_database.transaction() as db:
        user = await db.scalar(select(User))
        await sessions.hold_access(db, user_id=user.id)
        logging_in = asyncio.create_task(visitor.log_in_user())
        await some_wait(portals_database, 1)
        user.password_hash = "another"
    page = await logging_in
    assert (page.status, page.url) == (422, "/small/search")
    assert "登録されているパスワード" in page.text
    assert (await visitor.get("/small/form")).status == 401
    async with portals_database.transaction() as db:
        assert not list(await db.scalars(select(Session).where(Session.user_id == user.id)))


async def test_who_changes_a_password_waits_for_a_log_in_and_ends_its_session(
    visitor, portals_database, clock
):
    await visitor.log_in_user()
    await visitor.fill_user(**NEW)
    async with portals_database.transaction() as db:
        user = await db.scalar(select(User))
        await sessions.hold_access(db, user_id=user.id)
        changing = asyncio.create_task(
            visitor.post_form("/small/confirm", confirmation=visitor.confirmation)
        )
        await some_wait(portals_database, 1)
        logging_in, cookie = await sessions.start(db, clock)
        logging_in.user_id = user.id
    assert (await changing).status == 200
    async with portals_database.transaction() as db:
        assert await sessions.peek(db, cookie, clock) is None
