"""Several processes on one database; one is killed, and nobody's work is lost or done twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from processes import LAUNCH, Proxy, portal
from sqlalchemy import func, select

from portal_demo.mail.models import Mail
from portal_demo.models import Application, Card, Challenge, Draft, Signature
from portal_demo.views.questions import CHAT_LIMIT

RECEIPT = "/registration/complete/20260604-{:06d}"
# What the transaction that stores an application does, one thing after the other.
POINTS = (
    "INSERT INTO application ",
    "INSERT INTO signature ",
    "DELETE FROM draft",
    "UPDATE application ",
    "INSERT INTO mail ",
    "INSERT INTO card ",
    "INSERT INTO application_evidence ",
    "COMMIT",
    "COMMITTED",
)


@pytest.fixture
def start(settings, tools):
    """Start one more process on the database of the test."""
    arguments = ("--database", settings.database, "--trust", str(settings.trust[0]))
    arguments += ("--totp-key-file", str(settings.totp_key_file))
    arguments += ("--origin", tools.ORIGIN)
    now = tools.NOON.isoformat()
    return lambda **more: portal(*arguments, program=(LAUNCH,), NOW=now, **more)


@asynccontextmanager
async def person_at(address: str, tools) -> AsyncIterator:
    """Give somebody whose requests each take a connection of their own."""
    connector = aiohttp.TCPConnector(force_close=True)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(address, connector=connector, cookie_jar=jar) as client:
        yield tools.Visitor(client)


async def count(database, *models) -> list[int]:
    async with database.transaction() as db:
        return [await db.scalar(select(func.count()).select_from(model)) for model in models]


async def test_a_bidder_goes_on_when_the_process_that_served_them_is_killed(
    start, card, tools, portals_database
):
    async with AsyncExitStack() as stack:
        first, one = await stack.enter_async_context(start())
        _, other = await stack.enter_async_context(start())
        proxy = Proxy(one, other)
        address = await stack.enter_async_context(proxy.listening())
        person = await stack.enter_async_context(person_at(address, tools))
        await person.reach_confirmation(card)
        assert min(proxy.served.values()) > 1  # every step may be another process's
        body = person.signed_body(card, (await person.propose(card)).json)
        first.kill()
        await first.wait()
        answer = await person.post("/api/application", body)
        assert answer.json == {"location": RECEIPT.format(1)}
        assert (await person.get(RECEIPT.format(1))).status == 200
    assert await count(portals_database, Application, Card, Signature) == [1, 1, 1]


async def test_two_processes_count_together_how_often_somebody_asks(start, tools):
    async with AsyncExitStack() as stack:
        addresses = [(await stack.enter_async_context(start()))[1] for _ in range(2)]
        people = [
            await stack.enter_async_context(person_at(address, tools)) for address in addresses
        ]
        asked = {"params": {"q": "PIN"}}
        limit = CHAT_LIMIT.count
        answers = [await people[n % 2].get("/questions", **asked) for n in range(limit)]
        assert {answer.status for answer in answers} == {200}
        for one in people:
            assert (await one.get("/questions", **asked)).status == 429


@pytest.mark.timeout(300)
async def test_a_process_killed_at_any_step_of_a_confirmation_loses_and_doubles_nothing(
    start, make_card, tools, portals_database
):
    async with AsyncExitStack() as stack:
        _, surviving = await stack.enter_async_context(start())
        for number, point in enumerate(POINTS, 1):
            card = make_card()
            async with AsyncExitStack() as attempt:
                process, dying = await attempt.enter_async_context(start(KILL_AT=point))
                proxy = Proxy(dying, surviving, first=True)
                address = await attempt.enter_async_context(proxy.listening())
                person = await attempt.enter_async_context(person_at(address, tools))
                await person.reach_confirmation(card)
                body = person.signed_body(card, (await person.propose(card)).json)
                with pytest.raises(aiohttp.ClientError):
                    await person.post("/api/application", body)
                assert await process.wait() == -9, point
                for _ in range(2):  # the page's second try, and a person's
                    answer = await person.post("/api/application", body)
                    assert answer.json["location"].startswith("/registration/complete/"), point
                assert (await person.get(answer.json["location"])).status == 200
            stored = await count(portals_database, Application, Card, Signature, Draft, Challenge)
            assert stored[:4] == [number, number, number, 0], point
    [mails] = await count(portals_database, Mail)
    async with portals_database.transaction() as db:
        events = set(await db.scalars(select(Mail.event_key)))
    assert len(events) == len(POINTS)
    assert mails == len(POINTS)
