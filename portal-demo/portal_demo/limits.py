"""How often somebody may ask: counted in the database, so that several processes count together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network

from aiohttp import web
from sqlalchemy import case
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.errors import TooManyRequests
from portal_demo.models import Rate, Session
from portal_demo.rows import insert, sweep
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
    sweep(db, Rate, Rate.ends <= now)
    over, ends = Rate.ends <= now, now + limit.span
    counted = insert(db, Rate, {"key": key, "ends": ends, "count": 1}).on_conflict_do_update(
        index_elements=[Rate.key],
        set_={
            "count": case((over, 1), else_=Rate.count + 1),
            "ends": case((over, ends), else_=Rate.ends),
        },
    )
    if (await db.execute(counted.returning(Rate.count))).scalar_one() > limit.count:
        raise TooManyRequests


def asker(request: web.Request, session: Session | None) -> str:
    """Return who is counted: the log-in, or the address of a browser that has none.

    Of an IPv6 address the first 64 bits count: the rest is the browser's to choose.
    """
    if session and logged_in(session):
        return session.id
    remote = request.remote or "unknown"
    return str(ip_network(f"{remote}/64", strict=False)) if ":" in remote else remote
