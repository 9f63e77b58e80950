"""How often somebody may ask: counted in the database, so that several processes count together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network

from aiohttp import web
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.errors import TooManyRequests
from portal_demo.models import Rate, Session
from portal_demo.sessions import logged_in


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` requests in a window of `span`, which begins with the first of them."""

    name: str
    count: int
    span: timedelta


async def take(db: AsyncSession, limit: Limit, who: str, now: datetime) -> None:
    """Count one request of somebody. Raises TooManyRequests."""
    key = f"{limit.name} {who}"
    await db.execute(delete(Rate).where(Rate.ends <= now))
    count = await _count(db, key)
    if count is None:
        try:
            async with db.begin_nested():
                db.add(Rate(key=key, ends=now + limit.span, count=1))
            return
        except IntegrityError:  # another process counted the first one at the same moment
            count = await _count(db, key)
    if count is not None and count > limit.count:
        raise TooManyRequests


async def _count(db: AsyncSession, key: str) -> int | None:
    counted = update(Rate).where(Rate.key == key).values(count=Rate.count + 1)
    found: int | None = await db.scalar(counted.returning(Rate.count))
    return found


def asker(request: web.Request, session: Session | None) -> str:
    """Return who is counted: the log-in, or the address of a browser that has none.

    Of an IPv6 address the first 64 bits count: the rest is the browser's to choose.
    """
    if session and logged_in(session):
        return session.id
    remote = request.remote or "unknown"
    return str(ip_network(f"{remote}/64", strict=False)) if ":" in remote else remote
