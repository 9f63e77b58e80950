"""Screen 5: log in with the card. The PIN goes to the bridge, never here."""

from __future__ import annotations

from functools import partial
from typing import Literal

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import sessions
from portal_demo.card_errors import (
    CardReplaced,
    CardUnregistered,
    CertificateNotValid,
    CertificateRegistered,
    RenewalTooLate,
    SameCard,
)
from portal_demo.cards import login_certificate, registered_with, require_registered
from portal_demo.certificates import sha256_of, to_pem
from portal_demo.challenges import Purpose
from portal_demo.drafts import find_draft, open_draft, unconfirm
from portal_demo.errors import PortalError
from portal_demo.models import Application, Card, Company, Session
from portal_demo.pages import PORTAL, Portal, json_answer, render
from portal_demo.procedures import (
    BY_KIND,
    CARD_STEP,
    CHANGE,
    NEW_CARD_STEP,
    REGISTER,
    RENEW,
    Kind,
    Procedure,
)
from portal_demo.views.common import (
    ApiBody,
    TokenBody,
    elsewhere,
    find_session,
    give_challenge,
    parse_chain,
    read_json,
    read_token,
    require_login,
)
from portal_demo.views.receipt import receipt_path


class ChallengeBody(ApiBody, frozen=True):
    """What the challenge is for."""

    purpose: Literal["login", "new-card"] = "login"


class LoginBody(TokenBody, frozen=True):
    """What the card made of a challenge, and for which procedure."""

    procedure: Kind = Kind.REGISTER


def add_routes(router: web.UrlDispatcher) -> None:
    """Add screen 5 of the procedures with a card, and its requests."""
    for procedure in (REGISTER, CHANGE, RENEW):
        router.add_get(procedure.entry, partial(show, procedure=procedure))
    for procedure in (CHANGE, RENEW):
        router.add_get(f"{procedure.root}/refused", partial(show_refused, procedure=procedure))
    router.add_get("/registration/registered", show_registered)
    router.add_get("/renewal/new-card", show_new_card)
    router.add_post("/api/challenge", new_challenge)
    router.add_post("/api/login", log_in)
    router.add_post("/api/renewal/card", take_new_card)


async def show(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Show the PIN entry; a browser without a session gets one."""
    portal = request.app[PORTAL]
    cookie = None
    async with portal.database.transaction() as db:
        session = await find_session(request, db)
        if session is None:
            session, cookie = await sessions.start(db, portal.clock)
    response = render(
        request,
        "pin.html",
        screen=f"{procedure.screens}5",
        step=procedure.step(CARD_STEP),
        session=session,
        new_card=False,
        old_sha256="",
    )
    if cookie:
        sessions.set_cookie(response, cookie, https=portal.settings.https)
    return response


async def new_challenge(request: web.Request) -> web.StreamResponse:
    """Give the page a one-use challenge."""
    body = await read_json(request, ChallengeBody)
    return await give_challenge(request, Purpose(body.purpose))


async def log_in(request: web.Request) -> web.StreamResponse:
    """Verify a token and give the session a new id that belongs to the card."""
    portal = request.app[PORTAL]
    body = await read_json(request, LoginBody)
    procedure = BY_KIND[body.procedure]
    try:
        session, _ = await read_token(request, body, Purpose.LOGIN)
    except CertificateNotValid as e:
        if procedure is RENEW:
            raise RenewalTooLate(not_after=e.not_after) from e
        raise
    async with portal.database.transaction() as db:
        der = body.token.unverified_certificate
        session, cookie = await sessions.log_in(
            db, session, portal.clock, certificate=der, chain=to_pem(parse_chain(body.chain))
        )
        location = await _first_page(portal, db, session, procedure)
    response = json_answer({"location": location})
    sessions.set_cookie(response, cookie, https=portal.settings.https)
    return response


async def _first_page(
    portal: Portal, db: AsyncSession, session: Session, procedure: Procedure
) -> str:
    """Return the page after the log-in; what was typed before is shown again."""
    if away := await elsewhere(db, session, procedure):
        return away
    if procedure is REGISTER:
        draft = await find_draft(db, session, procedure)
        return _form(procedure, restored=True) if draft else f"{procedure.root}/search"
    card = await require_registered(db, session)
    return _form(procedure, restored=await _open(portal, db, session, procedure, card))


async def _open(
    portal: Portal, db: AsyncSession, session: Session, procedure: Procedure, card: Card
) -> bool:
    company = await db.get_one(Company, card.company_number)
    return await open_draft(db, session, procedure, company, first=card.values, clock=portal.clock)


def _form(procedure: Procedure, *, restored: bool) -> str:
    return f"{procedure.root}/form" + ("?restored" if restored else "")


async def take_new_card(request: web.Request) -> web.StreamResponse:
    """Verify the new card of an ICカード更新, and go on to the form."""
    portal = request.app[PORTAL]
    body = await read_json(request, LoginBody)
    async with portal.database.transaction() as db:
        await require_login(request, db, RENEW)
    _, certificate = await read_token(request, body, Purpose.NEW_CARD)
    async with portal.database.transaction() as db:
        session = await require_login(request, db, RENEW)
        card = await require_registered(db, session)
        if sha256_of(certificate) == card.login_sha256:
            raise SameCard
        if await registered_with(db, certificate):
            raise CertificateRegistered
        session.new_certificate = body.token.unverified_certificate
        session.new_chain = to_pem(parse_chain(body.chain))
        restored = await _open(portal, db, session, RENEW, card)
        if draft := await find_draft(db, session, RENEW):
            unconfirm(draft)
            draft.difference_accepted = False
    return json_answer({"location": _form(RENEW, restored=restored)})


async def show_new_card(request: web.Request) -> web.StreamResponse:
    """Ask for the new card."""
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db, RENEW)
        away = await elsewhere(db, session, RENEW)
    if away and away != request.path:
        raise web.HTTPSeeOther(away)
    return render(
        request,
        "pin.html",
        screen=f"{RENEW.screens}6",
        step=RENEW.step(NEW_CARD_STEP),
        session=session,
        new_card=True,
        old_sha256=sha256_of(login_certificate(session)),
    )


async def show_registered(request: web.Request) -> web.StreamResponse:
    """Say that the card is registered already, and lead to its receipt."""
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db)
        certificate = login_certificate(session)
        card = await registered_with(db, certificate)
        application = await db.get_one(Application, card.application_id) if card else None
    if card is None or application is None:
        raise web.HTTPSeeOther("/registration/search")
    receipt = receipt_path(BY_KIND[Kind(application.procedure)], application.number)
    own = card.login_sha256 == sha256_of(certificate)
    error = CardReplaced() if own and card.replaced_by else CertificateRegistered()
    return _refusal(
        request, session, REGISTER, error, application=application, receipt=receipt if own else ""
    )


async def show_refused(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Say why this card can be neither changed nor renewed, and what can be done."""
    error: PortalError
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db, procedure)
        try:
            await require_registered(db, session)
        except (CardUnregistered, CardReplaced) as e:
            error = e
        else:
            raise web.HTTPSeeOther(f"{procedure.root}/form")
    return _refusal(request, session, procedure, error)


def _refusal(
    request: web.Request,
    session: Session,
    procedure: Procedure,
    error: PortalError,
    *,
    application: Application | None = None,
    receipt: str = "",
) -> web.Response:
    registered = application is not None and not isinstance(error, CardReplaced)
    return render(
        request,
        "refused.html",
        screen="registered" if application else f"{procedure.screens}refused",
        step=procedure.step(CARD_STEP),
        session=session,
        status=409,
        error=error,
        application=application,
        receipt=receipt,
        registered=registered and bool(receipt),
    )
