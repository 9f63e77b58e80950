"""Server-side sessions: the cookie holds 32 random bytes, the database their SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from aiohttp import web
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.clock import Clock
from portal_demo.models import Challenge, Draft, Session

IDLE = timedelta(minutes=60)
LONGEST = timedelta(hours=8)


def cookie_name(*, https: bool) -> str:
    """Return the cookie's name; `__Host-` binds it to this host and to https."""
    return "__Host-portal-session" if https else "portal-session"


def session_id(cookie: str) -> str:
    """Return the id under which the session of a cookie is stored."""
    return hashlib.sha256(cookie.encode()).hexdigest()


async def load(db: AsyncSession, cookie: str | None, clock: Clock) -> Session | None:
    """Return the live session of a cookie and put its end off."""
    if not cookie:
        return None
    now = clock()
    session = await db.scalar(
        select(Session).where(Session.id == session_id(cookie), Session.expires > now)
    )
    if session is None:
        return None
    expires = min(now + IDLE, session.created + LONGEST)
    if expires - session.expires > timedelta(minutes=1):
        session.expires = expires
    return session


async def start(db: AsyncSession, clock: Clock) -> tuple[Session, str]:
    """Store a new session without a card and return it with its cookie."""
    now = clock()
    await db.execute(delete(Session).where(Session.expires <= now))
    cookie = secrets.token_urlsafe(32)
    session = Session(
        id=session_id(cookie), csrf=secrets.token_urlsafe(32), created=now, expires=now + IDLE
    )
    db.add(session)
    await db.flush()
    return session, cookie


async def log_in(
    db: AsyncSession, old: Session, certificate: bytes, clock: Clock
) -> tuple[Session, str]:
    """Replace a session by one with a new id that belongs to a card.

    What the same card typed before is carried over; another card starts afresh.
    """
    session, cookie = await start(db, clock)
    session.certificate = certificate
    await db.flush()
    if old.certificate == certificate:
        await db.execute(
            update(Draft).where(Draft.session_id == old.id).values(session_id=session.id)
        )
    for table in (Challenge, Draft):
        await db.execute(delete(table).where(table.session_id == old.id))
    await db.execute(delete(Session).where(Session.id == old.id))
    return session, cookie


def set_cookie(response: web.StreamResponse, cookie: str, *, https: bool) -> None:
    """Give the browser its cookie, for this visit only."""
    response.set_cookie(
        cookie_name(https=https), cookie, path="/", httponly=True, secure=https, samesite="Strict"
    )
