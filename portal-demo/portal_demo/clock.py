"""The time: UTC inside, Japan Standard Time on paper and screen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

from portal_demo.language import Text

Clock = Callable[[], datetime]

JST = timezone(timedelta(hours=9), "JST")


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def japanese_minute(moment: datetime) -> str:
    """Return `YYYY年MM月DD日 HH時mm分` in Japan Standard Time."""
    return moment.astimezone(JST).strftime("%Y年%m月%d日 %H時%M分")


def japanese_date(moment: datetime) -> str:
    """Return `YYYY年MM月DD日` in Japan Standard Time."""
    return moment.astimezone(JST).strftime("%Y年%m月%d日")


def japanese_day(day: date) -> str:
    """Return `YYYY年MM月DD日` of a day."""
    return f"{day:%Y年%m月%d日}"


def english_day(day: date) -> str:
    """Return `4 June 2026` of a day."""
    return f"{day.day} {day:%B %Y}"


def english_minute(moment: datetime) -> str:
    """Return `4 June 2026, 13:33 (JST)`."""
    local = moment.astimezone(JST)
    return f"{local.day} {local:%B %Y, %H:%M} (JST)"


def english_date(moment: datetime) -> str:
    """Return `4 June 2026` in Japan Standard Time."""
    local = moment.astimezone(JST)
    return f"{local.day} {local:%B %Y}"


def date_text(moment: datetime) -> Text:
    """Return the date in both languages."""
    return Text(japanese_date(moment), english_date(moment))
