"""Server-side sessions: the cookie holds 32 random bytes, the database their SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from aiohttp import web
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.clock import Clock
from portal_demo.errors import SessionEnded
from portal_demo.models import Challenge, Session
from portal_demo.rows import sweep

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
    await sweep(db, Session, Session.expires <= now)
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
    started = await _store(
        db,
        clock,
        Realm(old.realm),
        certificate=certificate,
        chain=chain,
        user_id=user_id,
        officer_id=officer_id,
    )
    await end(db, old)
    return started


async def end(db: AsyncSession, session: Session) -> None:
    """End a session, and what it was asked."""
    await db.execute(delete(Challenge).where(Challenge.session_id == session.id))
    await db.execute(delete(Session).where(Session.id == session.id))


async def end_all(
    db: AsyncSession,
    *,
    user_id: int | None = None,
    officer_id: int | None = None,
    but: Session | None = None,
) -> None:
    """End the sessions of a user or an officer, but for one of them."""
    column, who = (
        (Session.officer_id, officer_id) if user_id is None else (Session.user_id, user_id)
    )
    await db.execute(delete(Session).where(column == who, Session.id != (but.id if but else "")))


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
