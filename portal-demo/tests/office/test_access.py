"""Who is let in by what was changed meanwhile is let in no more (PostgreSQL)."""

from __future__ import annotations

import asyncio

import pytest
from backends import some_wait
from sqlalchemy import select

from portal_demo import sessions
from portal_demo.certificates import sha256_of
from portal_demo.office.demo import PASSWORD
from portal_demo.office.models import AuditEntry
from portal_demo.office.officers import find_officer

HOME = "/office/applications"
OWN = "a-long-password-of-theirs"


@pytest.fixture
def backend(postgresql):
    return postgresql


async def refusals(database):
    async with database.transaction() as db:
        found = select(AuditEntry).where(AuditEntry.action == "log-in-refused")
        return [(entry.actor, entry.subject) for entry in await db.scalars(found)]


async def test_a_password_that_is_changed_while_it_is_checked_lets_nobody_in(
    new_clerk, portals_database
):
    clerk = await new_clerk(None)
    async with portals_database.transaction() as db:
        officer = await find_officer(db, "shinsa01")
        await sessions.hold_access(db, officer_id=officer.id)
        logging_in = asyncio.create_task(clerk.try_log_in("shinsa01"))
        await some_wait(portals_database, 1)
        officer.password_hash = "another"
    answer = await logging_in
    assert 'data-reason="office-log-in-refused"' in answer.text
    assert (await clerk.get(HOME)).url == "/office/login"
    assert await refusals(portals_database) == [("shinsa01", "shinsa01")]


async def test_a_card_that_is_taken_away_while_it_is_checked_lets_nobody_in(
    new_clerk, portals_database, card, tools
):
    clerk = await new_clerk(None)
    sha256 = sha256_of(card.authentication)
    async with portals_database.transaction() as db:
        officer = await find_officer(db, "shinsa01")
        officer.certificate_sha256 = sha256
    await clerk.get("/office/login/card")
    challenge = (await clerk.browser.post("/api/office/challenge", {})).json["challenge"]
    body = {"challenge": challenge, "token": card.token(tools.ORIGIN, challenge)}
    async with portals_database.transaction() as db:
        await sessions.hold_access(db, officer_id=officer.id)
        logging_in = asyncio.create_task(clerk.browser.post("/api/office/login", body))
        await some_wait(portals_database, 1)
        (await find_officer(db, "shinsa01")).certificate_sha256 = None
    assert (await logging_in).reason == "officer-card-unknown"
    assert (await clerk.get(HOME)).url == "/office/login"


async def test_an_officers_own_change_does_not_undo_a_reset(clerk, portals_database):
    async with portals_database.transaction() as db:
        officer = await find_officer(db, "shinsa01")
        await sessions.hold_access(db, officer_id=officer.id)
        fields = {"old": PASSWORD, "password": OWN, "again": OWN}
        changing = asyncio.create_task(clerk.post("/office/account", **fields))
        await some_wait(portals_database, 1)
        officer.password_hash = ""
    assert (await changing).status == 422
    async with portals_database.transaction() as db:
        assert (await find_officer(db, "shinsa01")).password_hash == ""


async def test_who_has_the_password_alone_is_not_let_in_by_anothers_first_code(
    new_clerk, portals_database
):
    one, other = await new_clerk(None), await new_clerk(None)
    async with portals_database.transaction() as db:
        (await find_officer(db, "shinsa01")).totp_enrolled = False
    for clerk in (one, other):
        assert (await clerk.try_log_in("shinsa01", code="")).url == "/office/setup"
        clerk.clock.advance(minutes=1)
    await one.post("/office/setup", code=await one.code("shinsa01"))
    assert (await one.get(HOME)).url == HOME
    assert (await other.get(HOME)).url == "/office/login"
