"""What depends on the kind of database: two at the same moment, and what it does not hold."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from portal_demo.app import create_app
from portal_demo.models import Application, User
from portal_demo.office.audit import first_break
from portal_demo.office.links import make_link
from portal_demo.office.models import AuditEntry, Decision
from portal_demo.pages import PORTAL
from portal_demo.users import password_matches

FIRST = "20260604-000001"


@pytest.fixture
def app(settings, clock, database_url):
    return create_app(msgspec.structs.replace(settings, database=database_url), clock)


@pytest.fixture
async def server(app):
    async with TestServer(app) as running:
        yield running


async def test_of_two_decisions_one_is_made(app, new_clerk, registered):
    await registered()
    clerks = await new_clerk(), await new_clerk("kanri01")
    pages = [await clerk.page(FIRST) for clerk in clerks]
    answers = await asyncio.gather(
        clerks[0].decide(FIRST, "accept", page=pages[0]),
        clerks[1].decide(FIRST, "reject", "重複です。", page=pages[1]),
    )
    assert sorted(answer.status for answer in answers) == [200, 409]
    async with app[PORTAL].database.transaction() as db:
        [decision] = await db.scalars(select(Decision))
        [application] = await db.scalars(select(Application))
    assert decision.accepted == (answers[0].status == 200)
    assert application.status == ("本登録" if decision.accepted else "不受理")


async def test_a_code_is_taken_once(new_clerk):
    clerks = [await new_clerk(None) for _ in range(2)]
    code = await clerks[0].code("shinsa01")
    for clerk in clerks:
        await clerk.get("/office/login")
    answers = await asyncio.gather(*(clerk.try_log_in("shinsa01", code=code) for clerk in clerks))
    assert sorted(answer.url for answer in answers) == ["/office/applications", "/office/login"]


async def test_what_many_do_at_once_makes_one_chain(app, new_clerk):
    clerks = [await new_clerk("kanri01"), await new_clerk("shinsa01")]
    await asyncio.gather(*(clerk.post("/office/users/1/unlock") for clerk in clerks * 4))
    async with app[PORTAL].database.transaction() as db:
        actions = list(await db.scalars(select(AuditEntry.action)))
        assert actions.count("unlocked") == 8
        assert await first_break(db) is None


async def test_a_link_sets_one_password(app, new_clerk, clock):
    clerks = [await new_clerk(None) for _ in range(2)]
    async with app[PORTAL].database.transaction() as db:
        link = await make_link(db, "", clock(), user_id=1)
    passwords = ("newpass1", "newpass2")
    answers = await asyncio.gather(
        *(c.post(link, password=p, again=p) for c, p in zip(clerks, passwords, strict=True))
    )
    assert sorted(answer.status for answer in answers) == [200, 410]
    [set_] = [p for a, p in zip(answers, passwords, strict=True) if a.status == 200]
    async with app[PORTAL].database.transaction() as db:
        assert await password_matches((await db.get_one(User, 1)).password_hash, set_)


ODD = {"q": "a\0b", "actor": "\0", "subject": "\0", "after": "999999999999999", "status": "\0"}


@pytest.mark.parametrize("screen", ["applications", "users", "questions", "mail", "audit"])
async def test_what_no_database_holds_finds_nothing(new_clerk, screen):
    admin = await new_clerk("kanri01")
    assert (await admin.get(f"/office/{screen}", params=ODD)).status == 200


async def test_what_no_database_holds_decides_and_logs_in_as_anything_else(new_clerk, registered):
    await registered()
    clerk = await new_clerk()
    page = await clerk.page(FIRST)
    fields = {"verdict": "accept", "reason": "a\0b", "seen": page.hidden("seen")}
    answer = await clerk.post(f"/office/applications/{FIRST}", **fields, token="\0" * 99)
    assert answer.element("decision-reason") == "ab"
    other = await new_clerk(None)
    await other.get("/office/login")
    answer = await other.post("/office/login", login="a\0b", password="\0", code="\0")
    assert answer.status == 422
