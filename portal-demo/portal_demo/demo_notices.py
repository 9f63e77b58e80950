"""Sample notices for the demonstration, dated around the day it runs."""

from __future__ import annotations

import tomllib
from datetime import datetime, time, timedelta
from importlib import resources

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import notices
from portal_demo.clock import JST
from portal_demo.models import Notice

_INITIALS = {"goods": "BE", "small": "SB", "works": "KJ", "consulting": "CN"}
_CLOSES, _OPENS = time(17, 0), time(10, 0)


async def fill_notices(db: AsyncSession, now: datetime) -> None:
    """Put the sample notices in place of those that were there."""
    file = resources.files("portal_demo").joinpath("data", "notices.toml")
    entries = tomllib.loads(file.read_text("utf-8"))["notice"]
    today = now.astimezone(JST).date()
    await db.execute(delete(Notice))

    def moment(days: int | None, at: time) -> datetime | None:
        return None if days is None else datetime.combine(today + timedelta(days), at, JST)

    for position, entry in enumerate(entries, 1):
        published = today - timedelta(entry["published"])
        result = entry.get("result", ["", ""])
        db.add(
            Notice(
                number=f"{_INITIALS[entry['procurement']]}-{published.year}-{position:04d}",
                kind=entry["kind"],
                procurement=entry["procurement"],
                agency=entry["agency"],
                method=entry["method"],
                published=published,
                deadline=moment(entry.get("deadline"), _CLOSES),
                opening=moment(entry.get("opening"), _OPENS),
                title_ja=entry["title"][0],
                title_en=entry["title"][1],
                body_ja=entry["body"][0],
                body_en=entry["body"][1],
                place_ja=entry["place"][0],
                place_en=entry["place"][1],
                result_ja=result[0],
                result_en=result[1],
            )
        )
    await db.flush()
    await notices.index(db)
