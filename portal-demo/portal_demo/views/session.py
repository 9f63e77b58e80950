"""How long the log-in lasts, and a way to put its end off."""

from __future__ import annotations

from aiohttp import web

from portal_demo import sessions
from portal_demo.errors import SessionEnded
from portal_demo.models import Session
from portal_demo.pages import PORTAL, json_answer
from portal_demo.views.common import ApiBody, check_header_token, find_session, read_json


class Nothing(ApiBody, frozen=True):
    """No members."""


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the two requests of the pages' warning."""
    router.add_get("/api/session", tell)
    router.add_post("/api/session", go_on)


async def tell(request: web.Request) -> web.StreamResponse:
    """Tell the seconds left, without putting the end off."""
    portal = request.app[PORTAL]
    cookie = request.cookies.get(sessions.cookie_name(https=portal.settings.https))
    async with portal.database.transaction() as db:
        session = await sessions.peek(db, cookie, portal.clock)
    return _seconds(request, session)


async def go_on(request: web.Request) -> web.StreamResponse:
    """Put the end off."""
    await read_json(request, Nothing)
    async with request.app[PORTAL].database.transaction() as db:
        session = await find_session(request, db)
    if session is not None:
        check_header_token(request, session)
    return _seconds(request, session)


def _seconds(request: web.Request, session: Session | None) -> web.Response:
    if session is None or not sessions.logged_in(session):
        raise SessionEnded
    return json_answer({"seconds": sessions.seconds_left(session, request.app[PORTAL].clock())})
