"""The address of a postal code, for the forms' scripts: a help that may find nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web

from portal_demo import csrf
from portal_demo.limits import Limit, asker, take
from portal_demo.pages import PORTAL, json_answer
from portal_demo.postal import addresses_of
from portal_demo.views.common import find_session

LIMIT = Limit("postal", 60, timedelta(minutes=1))
CACHED_S = 86400


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the one request."""
    router.add_get("/api/postal/{code:[0-9]{3}-?[0-9]{4}}", find)


async def find(request: web.Request) -> web.StreamResponse:
    """Return the addresses of a code: none, one, or several to choose from."""
    portal = request.app[PORTAL]
    csrf.check_source(request, portal.settings.origin)
    async with portal.database.transaction() as db:
        session = await find_session(request, db)
        await take(db, LIMIT, asker(request, session), portal.clock())
    found = await asyncio.to_thread(addresses_of, request.match_info["code"])
    response = json_answer({"addresses": found})
    response.headers["Cache-Control"] = f"private, max-age={CACHED_S}"
    return response
