"""Log in to the office, with password and code or with a card; log out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web

from portal_demo import csrf, sessions
from portal_demo.card_errors import CardError, CertificateMalformed, SignatureInvalid
from portal_demo.certificates import sha256_of
from portal_demo.challenges import Purpose
from portal_demo.errors import LockedOut, PersonError, PortalError
from portal_demo.limits import Limit, asker, take
from portal_demo.models import Session
from portal_demo.office import audit, demo
from portal_demo.office.audit import Action
from portal_demo.office.demo import Hint
from portal_demo.office.errors import OfficeLogInRefused, OfficerCardUnknown
from portal_demo.office.models import Officer
from portal_demo.office.officers import (
    MAX_LOGIN,
    check_log_in,
    find_by_card,
    find_officer,
    ready,
    unchanged,
)
from portal_demo.office.paging import words_of
from portal_demo.office.roles import ROLE_NAMES, Permission
from portal_demo.office.views.desk import HOME, LOG_IN, SET_UP, Desk, Route, actor_of, see_other
from portal_demo.pages import PORTAL, json_answer, render
from portal_demo.sessions import Realm
from portal_demo.views.common import (
    TokenBody,
    find_session,
    give_challenge,
    read_form,
    read_json,
    read_token,
)

# A password is dear to check: nobody is to keep the server busy with it, whatever name they type.
LIMIT = Limit("office-log-in", 20, timedelta(minutes=1))


async def show_log_in(request: web.Request) -> web.StreamResponse:
    """Ask for name, password and code."""
    return await _open(request, "office/login.html", "office-login")


async def show_card(request: web.Request) -> web.StreamResponse:
    """Ask for the officer's card."""
    return await _open(request, "office/login_card.html", "office-login-card")


async def _open(request: web.Request, template: str, screen: str) -> web.StreamResponse:
    portal = request.app[PORTAL]
    cookie = None
    async with portal.database.transaction() as db:
        session = await find_session(request, db, Realm.OFFICE)
        if session is None:
            session, cookie = await sessions.start(db, portal.clock, Realm.OFFICE)
    if session.officer_id is not None:
        return see_other(HOME)
    response = await _page(request, session, template=template, screen=screen)
    if cookie:
        _set_cookie(request, response, cookie)
    return response


async def log_in(request: web.Request) -> web.StreamResponse:
    """Check name, password and code."""
    portal = request.app[PORTAL]
    posted = await read_form(request)
    async with portal.database.transaction() as db:
        await take(db, LIMIT, asker(request, None), portal.clock())
        session = await find_session(request, db, Realm.OFFICE)
    if session is None:
        return see_other(LOG_IN)
    csrf.check_token(session, posted.get(csrf.FORM_FIELD))
    login = words_of(posted.get("login"), MAX_LOGIN).lower()
    password, code = posted.get("password", ""), posted.get("code", "")
    actor = actor_of(request, login)
    try:
        officer = await check_log_in(
            portal.database,
            portal.vault,
            actor,
            password=password,
            code=code,
            clock=portal.clock,
        )
        _, response = await _welcome(request, session, officer, "password", None)
    except (LockedOut, OfficeLogInRefused) as error:
        if isinstance(error, OfficeLogInRefused):
            await _record_refusal(request, login)
        return await _page(request, session, login=login, error=error)
    return response


async def give_card_challenge(request: web.Request) -> web.StreamResponse:
    """Give the page of the card a one-use challenge."""
    csrf.check_source(request, request.app[PORTAL].settings.origin)
    return await give_challenge(request, Purpose.LOGIN, Realm.OFFICE)


async def log_in_with_card(request: web.Request) -> web.StreamResponse:
    """Verify a token, and look whose card it is."""
    body = await read_json(request, TokenBody)
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        await take(db, LIMIT, asker(request, None), portal.clock())
    der = body.token.unverified_certificate
    try:
        session, certificate = await read_token(request, body, Purpose.LOGIN, Realm.OFFICE)
        async with portal.database.transaction() as db:
            officer = await find_by_card(db, sha256_of(certificate))
        if officer is None or officer.disabled:
            raise OfficerCardUnknown
        cookie, see = await _welcome(request, session, officer, "card", der)
    except OfficeLogInRefused as error:
        raise OfficerCardUnknown from error
    except (CardError, OfficerCardUnknown) as error:
        await _record_refused_card(request, der, error)
        raise
    response = json_answer({"location": see.headers["Location"]})
    _set_cookie(request, response, cookie)
    return response


async def _welcome(
    request: web.Request, old: Session, officer: Officer, way: str, certificate: bytes | None
) -> tuple[str, web.Response]:
    """Give the browser a session of the officer's, with a new id.

    Raises OfficeLogInRefused if what let them in was changed since it was checked.
    """
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        await sessions.hold_access(db, officer_id=officer.id)
        if not await unchanged(db, officer):
            raise OfficeLogInRefused
        session, cookie = await sessions.log_in(
            db, old, portal.clock, certificate=certificate, officer_id=officer.id
        )
        actor = actor_of(request, officer.login)
        await audit.record(db, actor, Action.LOG_IN, officer.login, now=portal.clock(), detail=way)
    response = see_other(HOME if ready(officer, session) else SET_UP)
    _set_cookie(request, response, cookie)
    return cookie, response


async def _record_refusal(request: web.Request, login: str) -> None:
    """Write a refused log-in down; a name that is nobody's may be a password in the wrong field."""
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        if await find_officer(db, login):
            actor = actor_of(request, login)
            await audit.record(db, actor, Action.LOG_IN_REFUSED, login, now=portal.clock())


async def _record_refused_card(request: web.Request, der: bytes, error: PortalError) -> None:
    """Write a refused card down, whose key has answered: it is not told of others.

    One of the list as its officer's. Of another, who has it is unknown and what stands on it is none
    of the office's business: the fingerprint lets it be known again. A card that is not on the list
    and not to be believed either anybody can make.
    """
    if isinstance(error, SignatureInvalid | CertificateMalformed):
        return
    portal = request.app[PORTAL]
    sha256 = hashlib.sha256(der).hexdigest()
    async with portal.database.transaction() as db:
        officer = await find_by_card(db, sha256)
        if officer is None and not isinstance(error, OfficerCardUnknown):
            return
        login = officer.login if officer else ""
        detail = audit.DISABLED if officer and officer.disabled else error.reason
        await audit.record(
            db,
            actor_of(request, login),
            Action.LOG_IN_REFUSED,
            login or sha256,
            now=portal.clock(),
            detail=detail,
        )


async def log_out(desk: Desk) -> web.StreamResponse:
    """End the session."""
    async with desk.transaction() as db:
        await sessions.end(db, desk.session)
        await desk.record(db, Action.LOG_OUT, desk.officer.login)
    return see_other(LOG_IN)


async def _page(
    request: web.Request,
    session: Session,
    *,
    template: str = "office/login.html",
    screen: str = "office-login",
    login: str = "",
    error: PersonError | None = None,
) -> web.Response:
    portal = request.app[PORTAL]
    hints: Sequence[Hint] = ()
    if portal.settings.demo:
        async with portal.database.transaction() as db:
            hints = await demo.hints(db, portal.vault, portal.clock())
    return render(
        request,
        template,
        screen=screen,
        session=session,
        status=error.status if error else 200,
        login=login,
        hints=hints,
        roles=ROLE_NAMES,
        error=error,
    )


def _set_cookie(request: web.Request, response: web.StreamResponse, cookie: str) -> None:
    https = request.app[PORTAL].settings.https
    sessions.set_cookie(response, cookie, https=https, realm=Realm.OFFICE)


ROUTES = (Route("POST", "/office/logout", Permission.OWN_ACCOUNT, log_out, unready=True),)


def add_routes(router: web.UrlDispatcher) -> None:
    """Add what is there before a log-in."""
    router.add_get(LOG_IN, show_log_in)
    router.add_post(LOG_IN, log_in)
    router.add_get(f"{LOG_IN}/card", show_card)
    router.add_post("/api/office/challenge", give_card_challenge)
    router.add_post("/api/office/login", log_in_with_card)
