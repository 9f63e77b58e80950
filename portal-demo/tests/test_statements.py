"""How many statements each request of a registration says to the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar

import pytest
from aiohttp import web
from sqlalchemy import Engine, event

from portal_demo.logs import route_of

# Of them one each puts the session's end off, where there is one, and clears what is old away.
# BEGIN and COMMIT come on top, twice where certificates are verified between two transactions.
STATEMENTS = {
    "GET /registration/pin": 2,
    "POST /api/challenge": 3,
    "POST /api/login": 7,
    "GET /registration/search": 4,
    "POST /registration/search": 5,
    "GET /registration/form": 4,
    "POST /registration/form": 4,
    "GET /registration/confirm": 4,
    "POST /api/application/document": 7,
    "POST /api/application": 18,
    "GET /registration/complete/{number}": 4,
}


@pytest.fixture(autouse=True)
def counts(app) -> Iterator[Counter[str]]:
    """Count the statements of each route; those of the mail worker belong to none."""

    def count(_connection, _cursor, statement: str, *_more: object) -> None:
        if route.get() and not statement.startswith("BEGIN"):
            counts[route.get()] += 1

    @web.middleware
    async def tell_route(request, handler):
        route.set(f"{request.method} {route_of(request)}")
        return await handler(request)

    route, counts = ContextVar("route", default=""), Counter()
    app.middlewares.append(tell_route)
    event.listen(Engine, "before_cursor_execute", count)
    yield counts
    event.remove(Engine, "before_cursor_execute", count)


async def test_a_registration_says_no_statement_more_than_it_needs(visitor, card, counts):
    await visitor.reach_confirmation(card)
    receipt = await visitor.register(card)
    await visitor.get(receipt.json["location"])
    assert counts == STATEMENTS
