"""One-time links: what is mailed to somebody who has to set a password; nobody else ever sees it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.office.errors import LinkUnknown
from portal_demo.office.models import OneTimeLink
from portal_demo.rows import sweep

OFFICER_LIFETIME = timedelta(hours=24)
USER_LIFETIME = timedelta(hours=1)
PATH = "/password"


async def make_link(
    db: AsyncSession,
    portal: str,
    now: datetime,
    *,
    officer_id: int | None = None,
    user_id: int | None = None,
) -> str:
    """Return the address of a new link; those before it are no good any more."""
    column, who, lifetime = (
        (OneTimeLink.officer_id, officer_id, OFFICER_LIFETIME)
        if user_id is None
        else (OneTimeLink.user_id, user_id, USER_LIFETIME)
    )
    await db.execute(delete(OneTimeLink).where(column == who))
    sweep(db, OneTimeLink, OneTimeLink.expires <= now)
    token = secrets.token_urlsafe(32)
    db.add(
        OneTimeLink(
            sha256=_digest(token), officer_id=officer_id, user_id=user_id, expires=now + lifetime
        )
    )
    await db.flush()
    return f"{portal}{PATH}/{token}"


async def open_link(
    db: AsyncSession, *, officer_id: int | None = None, user_id: int | None = None
) -> str | None:
    """Name the link that somebody was mailed and has not used; None if there is none."""
    whose = (
        OneTimeLink.officer_id == officer_id if user_id is None else OneTimeLink.user_id == user_id
    )
    found: str | None = await db.scalar(select(OneTimeLink.sha256).where(whose))
    return found


async def find_link(db: AsyncSession, token: str, now: datetime) -> OneTimeLink:
    """Return the link of what stands in an address. Raises LinkUnknown."""
    found: OneTimeLink | None = await db.scalar(
        select(OneTimeLink).where(OneTimeLink.sha256 == _digest(token), OneTimeLink.expires > now)
    )
    if found is None:
        raise LinkUnknown
    return found


async def use_link(db: AsyncSession, link: OneTimeLink) -> None:
    """Take a link back; of two at once only one finds it. Raises LinkUnknown."""
    taken = await db.scalar(
        delete(OneTimeLink).where(OneTimeLink.sha256 == link.sha256).returning(OneTimeLink.sha256)
    )
    if taken is None:
        raise LinkUnknown


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
