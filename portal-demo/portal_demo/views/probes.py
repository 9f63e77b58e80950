"""What a supervisor asks: whether the process lives, and whether it can serve."""

from __future__ import annotations

from aiohttp import web

from portal_demo import __version__
from portal_demo.errors import Unavailable
from portal_demo.pages import PORTAL, json_answer


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the two probes."""
    router.add_get("/healthz", live)
    router.add_get("/readyz", ready)


async def live(_request: web.Request) -> web.StreamResponse:
    """Answer as long as the process does; without the database, which no restart brings back."""
    return json_answer({"status": "ok", "version": __version__})


async def ready(request: web.Request) -> web.StreamResponse:
    """Tell whether requests can be served: the database answers, at the newest revision."""
    try:
        current = await request.app[PORTAL].database.ready()
    except Unavailable:
        return json_answer({"status": "unavailable", "why": "database"}, 503)
    if not current:
        return json_answer({"status": "unavailable", "why": "migrations"}, 503)
    return json_answer({"status": "ok"})
