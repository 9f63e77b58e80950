"""How long the log-in lasts, and a way to put its end off."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from portal_demo import sessions
from portal_demo.errors import SessionEnded
from portal_demo.models import Session
from portal_demo.pages import PORTAL, json_answer
from portal_demo.sessions import Realm
from portal_demo.views.common import (
    ApiBody,
    check_header_token,
    cookie_of,
    find_session,
    read_json,
)


class Nothing(ApiBody, frozen=True):
    """No members."""


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the two requests of the pages' warning."""
    for path, realm in (("/api/session", Realm.BIDDER), ("/api/office/session", Realm.OFFICE)):
        router.add_get(path, partial(tell, realm=realm))
        router.add_post(path, partial(go_on, realm=realm))


async def tell(request: web.Request, *, realm: Realm) -> web.StreamResponse:
    """Tell the seconds left, without putting the end off."""
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        session = await sessions.peek(db, cookie_of(request, realm), portal.clock, realm)
    return _seconds(request, session)


async def go_on(request: web.Request, *, realm: Realm) -> web.StreamResponse:
    """Put the end off."""
    await read_json(request, Nothing)
    async with request.app[PORTAL].database.transaction() as db:
        session = await find_session(request, db, realm)
    if session is not None:
        check_header_token(request, session)
    return _seconds(request, session)


def _seconds(request: web.Request, session: Session | None) -> web.Response:
    if session is None or not sessions.logged_in(session):
        raise SessionEnded
    return json_answer({"seconds": sessions.seconds_left(session, request.app[PORTAL].clock())})
