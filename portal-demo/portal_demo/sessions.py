"""Server-side sessions: the cookie holds 32 random bytes, the database their SHA-256.

A request locks its session before anything else, and who ends other people's sessions locks them
before what those may be waiting for: so nobody waits for another in turn.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from aiohttp import web
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.clock import Clock
from portal_demo.errors import SessionEnded
from portal_demo.models import Session
from portal_demo.rows import alone, sweep

IDLE = timedelta(minutes=10)
LONGEST = timedelta(hours=8)


class Realm(StrEnum):
    """Which side of the portal a session is for; none is ever good for the other side."""

    BIDDER = "bidder"
    OFFICE = "office"


_COOKIES = {Realm.BIDDER: "portal-session", Realm.OFFICE: "portal-office"}


def cookie_name(*, https: bool, realm: Realm = Realm.BIDDER) -> str:
    """Return the cookie's name; `__Host-` binds it to this host and to https."""
    return f"__Host-{_COOKIES[realm]}" if https else _COOKIES[realm]


def session_id(cookie: str) -> str:
    """Return the id under which the session of a cookie is stored."""
    return hashlib.sha256(cookie.encode()).hexdigest()


async def load(
    db: AsyncSession, cookie: str | None, clock: Clock, realm: Realm = Realm.BIDDER
) -> Session | None:
    """Return the live session of a cookie and put its end off; another request of it waits."""
    if not cookie:
        return None
    now = clock()
    put_off = update(Session).where(*_live(cookie, realm, now)).values(expires=now + IDLE)
    found = put_off.returning(Session).execution_options(synchronize_session=False)
    return (await db.scalars(found)).one_or_none()


async def peek(
    db: AsyncSession, cookie: str | None, clock: Clock, realm: Realm = Realm.BIDDER
) -> Session | None:
    """Return the live session of a cookie as it is."""
    if not cookie:
        return None
    return (await db.scalars(select(Session).where(*_live(cookie, realm, clock())))).one_or_none()


def _live(cookie: str, realm: Realm, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Session.id == session_id(cookie),
        Session.realm == realm,
        Session.expires > now,
        Session.created > now - LONGEST,
    )


def logged_in(session: Session) -> bool:
    """Tell whether a card, a user or an officer has logged in."""
    who = (session.certificate, session.user_id, session.officer_id)
    return any(one is not None for one in who)


def seconds_left(session: Session, now: datetime) -> int:
    """Return how long the session lasts if nothing happens."""
    return int((min(session.expires, session.created + LONGEST) - now).total_seconds())


async def start(db: AsyncSession, clock: Clock, realm: Realm = Realm.BIDDER) -> tuple[Session, str]:
    """Store a new session of nobody and return it with its cookie."""
    return await _store(db, clock, realm)


async def _store(
    db: AsyncSession, clock: Clock, realm: Realm, **who: object
) -> tuple[Session, str]:
    now = clock()
    sweep(db, Session, Session.expires <= now)
    cookie = secrets.token_urlsafe(32)
    session = Session(
        id=session_id(cookie),
        csrf=secrets.token_urlsafe(32),
        created=now,
        expires=now + IDLE,
        realm=realm,
        **who,
    )
    db.add(session)
    await db.flush()
    return session, cookie


async def log_in(
    db: AsyncSession,
    old: Session,
    clock: Clock,
    *,
    certificate: bytes | None = None,
    chain: str = "",
    user_id: int | None = None,
    officer_id: int | None = None,
) -> tuple[Session, str]:
    """Replace a session by one with a new id that belongs to a card, a user or an officer."""
    realm = Realm(old.realm)
    await end(db, old)
    return await _store(
        db,
        clock,
        realm,
        certificate=certificate,
        chain=chain,
        user_id=user_id,
        officer_id=officer_id,
    )


async def end(db: AsyncSession, session: Session) -> None:
    """End a session, and what it was asked."""
    await db.execute(delete(Session).where(Session.id == session.id))


async def hold_access(
    db: AsyncSession, *, user_id: int | None = None, officer_id: int | None = None
) -> None:
    """Let whoever else logs a user or an officer in, or changes what lets them in, wait.

    Before anything else is locked. A session that is being made is nobody's yet to be ended: so a
    log-in looks, holding this, whether what it was let in by is still good.
    """
    who = f"user {user_id}" if officer_id is None else f"officer {officer_id}"
    await alone(db, f"access of {who}")


async def hold(db: AsyncSession, session: Session) -> None:
    """Let other requests of a session wait that was found in a transaction before."""
    await db.execute(select(Session.id).where(Session.id == session.id).with_for_update())


async def hold_users(db: AsyncSession, cookie: str | None) -> list[str]:
    """Let every request of the user of a session wait, and log-ins, before anything else is locked.

    Returns the ids of the user's sessions, for `end_held`.
    """
    this = select(Session.user_id).where(Session.id == session_id(cookie or ""))
    user_id = await db.scalar(this)
    if user_id is None:
        return []
    await hold_access(db, user_id=user_id)
    return await _hold_all(db, Session.user_id == user_id)


async def end_held(db: AsyncSession, held: Sequence[str], *, but: Session) -> None:
    """End sessions that this transaction holds, but for one of them."""
    await db.execute(delete(Session).where(Session.id.in_(held), Session.id != but.id))


async def end_all(
    db: AsyncSession,
    *,
    user_id: int | None = None,
    officer_id: int | None = None,
    but: Session | None = None,
) -> None:
    """End the sessions of a user or an officer, but for one of them.

    Before the user or the officer is changed: who has one of the sessions may wait for them.
    """
    column, who = (
        (Session.officer_id, officer_id) if user_id is None else (Session.user_id, user_id)
    )
    held = await _hold_all(db, column == who)
    others = [one for one in held if but is None or one != but.id]
    await db.execute(delete(Session).where(Session.id.in_(others)))


async def _hold_all(db: AsyncSession, own: ColumnElement[bool]) -> list[str]:
    """Lock sessions in one order, so that of two who do so none waits for the other in turn."""
    return list(
        await db.scalars(select(Session.id).where(own).order_by(Session.id).with_for_update())
    )


def owner_of(session: Session) -> str:
    """Name the card or user of a session, as drafts and applications do. Raises SessionEnded."""
    if session.certificate is not None:
        return f"card:{hashlib.sha256(session.certificate).hexdigest()}"
    if session.user_id is not None:
        return f"user:{session.user_id}"
    raise SessionEnded


def set_cookie(
    response: web.StreamResponse, cookie: str, *, https: bool, realm: Realm = Realm.BIDDER
) -> None:
    """Give the browser its cookie, for this visit only."""
    name = cookie_name(https=https, realm=realm)
    response.set_cookie(name, cookie, path="/", httponly=True, secure=https, samesite="Strict")
