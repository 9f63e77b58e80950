"""Server-side sessions: the cookie holds 32 random bytes, the database their SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from aiohttp import web
from sqlalchemy import delete, select
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
    session = await peek(db, cookie, clock, realm, alone=True)
    if session is not None:
        session.expires = min(clock() + IDLE, session.created + LONGEST)
    return session


async def peek(
    db: AsyncSession,
    cookie: str | None,
    clock: Clock,
    realm: Realm = Realm.BIDDER,
    *,
    alone: bool = False,
) -> Session | None:
    """Return the live session of a cookie; `alone` lets other requests of it wait."""
    if not cookie:
        return None
    live = select(Session).where(
        Session.id == session_id(cookie), Session.expires > clock(), Session.realm == realm
    )
    return (await db.scalars(live.with_for_update() if alone else live)).one_or_none()


def logged_in(session: Session) -> bool:
    """Tell whether a card, a user or an officer has logged in."""
    who = (session.certificate, session.user_id, session.officer_id)
    return any(one is not None for one in who)


def seconds_left(session: Session, now: datetime) -> int:
    """Return how long the session lasts if nothing happens."""
    return int((session.expires - now).total_seconds())


async def start(db: AsyncSession, clock: Clock, realm: Realm = Realm.BIDDER) -> tuple[Session, str]:
    """Store a new session of nobody and return it with its cookie."""
    now = clock()
    await sweep(db, Session, Session.expires <= now)
    cookie = secrets.token_urlsafe(32)
    session = Session(
        id=session_id(cookie),
        csrf=secrets.token_urlsafe(32),
        created=now,
        expires=now + IDLE,
        realm=realm,
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
    session, cookie = await start(db, clock, Realm(old.realm))
    session.certificate = certificate
    session.chain = chain
    session.user_id = user_id
    session.officer_id = officer_id
    await db.flush()
    await end(db, old)
    return session, cookie


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
