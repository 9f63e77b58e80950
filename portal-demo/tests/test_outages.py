"""The database goes and comes back: people are told to wait, nothing is lost, nothing is stuck."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

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
