"""What the views share: the session of a request, its card, checked forms and bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web
from cryptography import x509
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import challenges, csrf, sessions, webeid
from portal_demo.card_errors import CardReplaced, CardUnregistered, TokenMalformed
from portal_demo.cards import login_certificate, registered_with, require_registered
from portal_demo.certificates import KeyPurpose, parse_certificate
from portal_demo.challenges import Purpose
from portal_demo.errors import SessionEnded
from portal_demo.models import Session
from portal_demo.pages import PORTAL, json_answer
from portal_demo.procedures import REGISTER, Kind, Procedure
from portal_demo.sessions import Realm

CertificateDer = Annotated[bytes, Meta(min_length=1, max_length=16384)]
ChainDer = Annotated[tuple[CertificateDer, ...], Meta(max_length=4)]

Body = TypeVar("Body", bound=msgspec.Struct)


class ApiBody(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """Base of what pages send as JSON."""


class TokenBody(ApiBody, frozen=True):
    """A challenge, what the card made of it, and the card's chain."""

    challenge: Annotated[str, Meta(max_length=128)]
    token: webeid.Token
    chain: ChainDer = ()


def cookie_of(request: web.Request, realm: Realm = Realm.BIDDER) -> str | None:
    """Return the request's cookie for a side of the portal."""
    https = request.app[PORTAL].settings.https
    return request.cookies.get(sessions.cookie_name(https=https, realm=realm))


async def find_session(
    request: web.Request, db: AsyncSession, realm: Realm = Realm.BIDDER
) -> Session | None:
    """Return the request's session, if it has one."""
    clock = request.app[PORTAL].clock
    return await sessions.load(db, cookie_of(request, realm), clock, realm)


async def read_token(
    request: web.Request, body: TokenBody, purpose: Purpose, realm: Realm = Realm.BIDDER
) -> tuple[Session, x509.Certificate]:
    """Return the session and the certificate that answered its challenge."""
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        session = await _scripts_session(request, db, realm)
        taken = await challenges.consume(db, session, purpose, body.challenge, portal.clock)
    taken.require_fresh()
    certificate = webeid.verify_token(
        body.token, origin=portal.settings.origin, challenge=taken.value
    )
    await portal.trust.verify(certificate, KeyPurpose.AUTHENTICATION, parse_chain(body.chain))
    return session, certificate


async def give_challenge(
    request: web.Request, purpose: Purpose, realm: Realm = Realm.BIDDER
) -> web.Response:
    """Give a page a one-use challenge."""
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        session = await _scripts_session(request, db, realm)
        challenge = await challenges.issue(db, session, purpose, portal.clock)
    return json_answer({"challenge": challenge})


async def _scripts_session(request: web.Request, db: AsyncSession, realm: Realm) -> Session:
    """Return the session of a page's script, whose header proves it. Raises SessionEnded."""
    session = await find_session(request, db, realm)
    if session is None:
        raise SessionEnded
    check_header_token(request, session)
    return session


async def require_login(
    request: web.Request, db: AsyncSession, procedure: Procedure = REGISTER
) -> Session:
    """Return a session that a card, or a user without one, has logged in on. Raises SessionEnded."""
    session = await find_session(request, db)
    if session is None:
        raise SessionEnded
    if (session.certificate if procedure.by_card else session.user_id) is None:
        raise SessionEnded
    return session


async def elsewhere(db: AsyncSession, session: Session, procedure: Procedure) -> str | None:
    """Return the page a card has to be shown instead of the procedure's, if there is one."""
    if procedure.kind is Kind.REGISTER:
        registered = await registered_with(db, login_certificate(session))
        return f"{procedure.root}/registered" if registered else None
    if not procedure.by_card:
        return None
    try:
        await require_registered(db, session)
    except (CardUnregistered, CardReplaced):
        return f"{procedure.root}/refused"
    if procedure.kind is Kind.RENEW and session.new_certificate is None:
        return f"{procedure.root}/new-card"
    return None


async def read_form(request: web.Request) -> Mapping[str, str]:
    """Return the text fields of a posted form that comes from our own pages."""
    csrf.check_source(request, request.app[PORTAL].settings.origin)
    posted = await request.post()
    return {name: value for name, value in posted.items() if isinstance(value, str)}


async def read_json(request: web.Request, kind: type[Body]) -> Body:
    """Return the body of a request from our own pages. Raises TokenMalformed."""
    csrf.check_source(request, request.app[PORTAL].settings.origin)
    if request.content_type != "application/json":
        raise TokenMalformed(detail="Content-Type")
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise TokenMalformed(detail=str(e)) from e


def check_header_token(request: web.Request, session: Session) -> None:
    """Refuse a script's request without the session's token. Raises CsrfRefused."""
    csrf.check_token(session, request.headers.get(csrf.HEADER))


def parse_chain(chain: tuple[bytes, ...]) -> tuple[x509.Certificate, ...]:
    """Return the intermediates a card gave. Raises CertificateMalformed."""
    return tuple(map(parse_certificate, chain))
