"""The database goes and comes back: people are told to wait, nothing is lost, nothing is stuck."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, event, make_url, select, update

from portal_demo import db as databases
from portal_demo.errors import Unavailable
from portal_demo.models import Rate
from portal_demo.pages import PORTAL

RECEIPT = "/registration/complete/20260604-000001"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(databases, "PATIENCE_MS", 100)


@pytest.fixture
def away(backend, settings):
    return lambda: backend.away(settings.database)


async def test_a_registration_goes_on_after_the_database_was_away(visitor, card, away):
    await visitor.reach_confirmation(card)
    proposal = (await visitor.propose(card)).json
    body = visitor.signed_body(card, proposal)
    async with away():
        page = await visitor.get("/registration/form")
        assert page.status == 503
        assert page.headers["Retry-After"] == "10"
        assert "一時的に利用できません" in page.text
        answer = await visitor.post("/api/application", body)
        assert (answer.status, answer.reason) == (503, "unavailable")
        assert set(answer.json["error"]["messages"]) == {"ja", "en"}
    answer = await visitor.post("/api/application", body)
    assert answer.json == {"location": RECEIPT}
    assert (await visitor.get(RECEIPT)).status == 200


async def test_a_database_that_was_started_anew_between_two_requests_is_not_noticed(visitor, away):
    assert (await visitor.get("/registration/pin")).status == 200
    async with away():
        pass
    for _ in range(3):  # the driver reads the server's last words, and the end
        await asyncio.sleep(0)
    assert (await visitor.get("/registration/pin")).status == 200


@pytest.fixture
def closing(backend, settings):
    """Return a list of tables: the server closes all connections before a statement about one."""
    name = make_url(settings.database).database
    connections = f"pg_stat_activity WHERE datname = '{name}'"
    tables = []

    def close(_connection, _cursor, statement, *_more):
        if tables and tables[0] in statement:
            tables.pop()
            # The process stands still meanwhile, so that its driver does not hear of it before.
            backend.cluster.run(f"SELECT pg_terminate_backend(pid, 5000) FROM {connections}")  # noqa: S608

    event.listen(Engine, "before_cursor_execute", close)
    yield tables
    event.remove(Engine, "before_cursor_execute", close)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_connection_closed_under_a_page_is_not_noticed(visitor, closing):
    for path, table in (("/registration/pin", "session"), ("/questions?q=PIN", "rate")):
        closing.append(table)
        assert (await visitor.get(path)).status == 200
        assert not closing


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_connection_closed_under_a_form_is_told_and_it_is_sent_again(
    visitor, closing, tools
):
    await visitor.get("/small/search")
    closing.append("session")
    answer = await visitor.post_form("/small/search", **tools.USER)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert (await visitor.log_in_user()).url == "/small/form"


async def test_the_page_of_an_outage_is_in_english_too(visitor, away):
    visitor.headers["Accept-Language"] = "en"
    async with away():
        page = await visitor.get("/registration/pin", headers={"Accept-Language": "en"})
    assert "Not available for the moment" in page.text


async def test_the_probes_tell_a_process_that_lives_from_one_that_can_serve(visitor, away):
    assert (await visitor.get("/readyz")).status == 200
    async with away():
        assert (await visitor.get("/healthz")).status == 200
        answer = await visitor.get("/readyz")
        assert (answer.status, answer.json["why"]) == (503, "database")
        assert (await visitor.get("/")).status == 200
    assert (await visitor.get("/readyz")).status == 200


async def test_a_process_with_older_tables_is_not_ready(app, visitor, monkeypatch):
    monkeypatch.setattr("portal_demo.schema.newest", lambda: "9999")
    answer = await visitor.get("/readyz")
    assert (answer.status, answer.json["why"]) == (503, "migrations")


async def test_what_somebody_holds_for_too_long_is_told(app, visitor, settings):
    key = {"key": "x", "ends": datetime(2026, 6, 5, tzinfo=UTC), "count": 1}
    database = app[PORTAL].database
    async with database.transaction() as db:
        db.add(Rate(**key))
    async with database.transaction() as holder:
        await holder.execute(update(Rate).values(count=2))
        with pytest.raises(Unavailable):
            async with database.transaction() as db:
                await db.execute(update(Rate).values(count=3))
    async with database.transaction() as db:
        assert await db.scalar(select(Rate.count)) == 2
