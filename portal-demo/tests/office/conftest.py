"""Officers at their desks, beside the bidders of the other tests."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestClient

from portal_demo.office import totp
from portal_demo.office.demo import PASSWORD
from portal_demo.office.officers import find_officer
from portal_demo.pages import PORTAL


@dataclass
class Clerk:
    """A browser in the office."""

    app: object
    browser: object
    clock: object

    async def get(self, path: str, **kwargs):
        return await self.browser.get(path, **kwargs)

    async def post(self, path: str, **fields: str):
        return await self.browser.post_form(path, **fields)

    async def code(self, login: str) -> str:
        """Return what the officer's authenticator shows now."""
        async with self.app[PORTAL].database.transaction() as db:
            officer = await find_officer(db, login)
        secret = self.app[PORTAL].vault.open(officer.totp_secret)
        return totp.code_at(secret, int(self.clock().timestamp()) // totp.PERIOD_S)

    async def try_log_in(self, login: str, *, password: str = PASSWORD, code: str | None = None):
        await self.get("/office/login")
        code = await self.code(login) if code is None else code
        return await self.post("/office/login", login=login, password=password, code=code)

    async def log_in(self, login: str = "shinsa01") -> Clerk:
        answer = await self.try_log_in(login)
        assert answer.url == "/office/applications", answer.text
        self.clock.advance(seconds=totp.PERIOD_S)  # so that the next code is another one
        return self

    async def confirm(self, path: str):
        """Open the page that asks, and say yes."""
        page = await self.get(path)
        return await self.post(path, seen=page.hidden("seen"))

    async def page(self, number: str):
        """Open an application, and remember what its form has to send."""
        return await self.get(f"/office/applications/{number}")

    async def decide(self, number: str, verdict: str, reason: str = "", page=None):
        page = page or await self.page(number)
        seen, token = (page.hidden(name) for name in ("seen", "token"))
        return await self.post(
            f"/office/applications/{number}",
            verdict=verdict,
            reason=reason,
            seen=seen,
            token=token,
        )


@pytest.fixture
async def new_clerk(app, server, clock, tools):
    """Return a function that opens a browser of its own."""
    async with AsyncExitStack() as opened:

        async def new(login: str | None = "shinsa01") -> Clerk:
            client = await opened.enter_async_context(TestClient(server))
            clerk = Clerk(app, tools.Visitor(client), clock)
            return await clerk.log_in(login) if login else clerk

        yield new


@pytest.fixture
def clerk_at(clock, tools):
    """Return a function that sits a clerk at a browser of another portal."""
    return lambda app, client: Clerk(app, tools.Visitor(client), clock)


@pytest.fixture
async def clerk(new_clerk) -> Clerk:
    """An examiner who is logged in."""
    return await new_clerk()


@pytest.fixture
def registered(visitor, card):
    """Return a function that registers the card, and gives the number of the application."""

    async def register() -> str:
        await visitor.reach_confirmation(card)
        location = (await visitor.register(card)).json["location"]
        return location.rpartition("/")[2]

    return register


@pytest.fixture
def sync_database_url(sqlite):
    """Give the address of a database, and what runs a coroutine, for tests of the command."""
    with sqlite.database() as url:
        yield url, asyncio.run
