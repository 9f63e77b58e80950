"""Screen 5: log in with the card. The PIN goes to the bridge, never here."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from msgspec import Meta

from portal_demo import challenges, sessions, webeid
from portal_demo.certificates import KeyPurpose, sha256_of
from portal_demo.challenges import Purpose
from portal_demo.errors import CertificateRegistered, SessionEnded
from portal_demo.pages import PORTAL, json_answer, render
from portal_demo.registration import login_certificate, registered_with
from portal_demo.views.common import (
    ApiBody,
    ChainDer,
    check_header_token,
    find_session,
    parse_chain,
    read_json,
    require_login,
)

AFTER_LOGIN = "/registration/search"


class LoginBody(ApiBody, frozen=True):
    """A challenge, what the card made of it, and the card's chain."""

    challenge: Annotated[str, Meta(max_length=128)]
    token: webeid.Token
    chain: ChainDer = ()


class Nothing(ApiBody, frozen=True):
    """No members."""


def add_routes(router: web.UrlDispatcher) -> None:
    """Add screen 5 and its two requests."""
    router.add_get("/registration/pin", show)
    router.add_get("/registration/registered", show_registered)
    router.add_post("/api/challenge", new_challenge)
    router.add_post("/api/login", log_in)


async def show(request: web.Request) -> web.StreamResponse:
    """Show the PIN entry; a browser without a session gets one."""
    portal = request.app[PORTAL]
    cookie = None
    async with portal.database.transaction() as db:
        session = await find_session(request, db)
        if session is None:
            session, cookie = await sessions.start(db, portal.clock)
    response = render(request, "pin.html", screen="5", step=1, session=session)
    if cookie:
        sessions.set_cookie(response, cookie, https=portal.settings.https)
    return response


async def new_challenge(request: web.Request) -> web.StreamResponse:
    """Give the page a one-use challenge."""
    portal = request.app[PORTAL]
    await read_json(request, Nothing)
    async with portal.database.transaction() as db:
        session = await find_session(request, db)
        if session is None:
            raise SessionEnded
        check_header_token(request, session)
        challenge = await challenges.issue(db, session, Purpose.LOGIN, portal.clock)
    return json_answer({"challenge": challenge})


async def log_in(request: web.Request) -> web.StreamResponse:
    """Verify a token and give the session a new id that belongs to the card."""
    portal = request.app[PORTAL]
    body = await read_json(request, LoginBody)
    async with portal.database.transaction() as db:
        session = await find_session(request, db)
        if session is None:
            raise SessionEnded
        check_header_token(request, session)
        taken = await challenges.consume(db, session, Purpose.LOGIN, body.challenge, portal.clock)
    taken.require_fresh()
    certificate = webeid.verify_token(
        body.token, origin=portal.settings.origin, challenge=taken.value
    )
    await portal.trust.verify(certificate, KeyPurpose.AUTHENTICATION, parse_chain(body.chain))
    async with portal.database.transaction() as db:
        der = body.token.unverified_certificate
        _, cookie = await sessions.log_in(db, session, der, portal.clock)
        registered = await registered_with(db, certificate)
    response = json_answer({"location": "/registration/registered" if registered else AFTER_LOGIN})
    sessions.set_cookie(response, cookie, https=portal.settings.https)
    return response


async def show_registered(request: web.Request) -> web.StreamResponse:
    """Say that the card is registered already, and lead to its receipt."""
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        session = await require_login(request, db)
        certificate = login_certificate(session)
        application = await registered_with(db, certificate)
    if application is None:
        raise web.HTTPSeeOther(AFTER_LOGIN)
    return render(
        request,
        "registered.html",
        screen="registered",
        step=1,
        session=session,
        status=409,
        application=application,
        receipt=application.login_certificate_sha256 == sha256_of(certificate),
        error=CertificateRegistered(),
    )
