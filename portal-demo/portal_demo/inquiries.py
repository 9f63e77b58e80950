"""Questions that people leave for the office: the queue that its staff works through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.characters import visible
from portal_demo.clock import JST
from portal_demo.language import Language, Text
from portal_demo.models import Inquiry
from portal_demo.validation import is_mail

OPEN = "未対応"
LENGTHS = {"name": 60, "mail": 100, "company": 60, "question": 2000}
REQUIRED = ("name", "mail", "question")
LABELS = {
    "name": Text("お名前", "Your name"),
    "company": Text("商号又は名称", "Company"),
    "mail": Text("メールアドレス", "Mail address"),
    "question": Text("ご質問", "Your question"),
}
_EMPTY = Text("{label}を入力して下さい。", "{label}: this item is required.")
_MAIL = Text(
    "{label}は半角で、name@example.jpのような形式で入力して下さい。",
    "{label}: half-width, please, in the form of name@example.jp.",
)
_LONG = Text("{label}は{n}文字以内で入力して下さい。", "{label}: up to {n} characters, please.")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, without control characters, and what is wrong with it."""

    values: dict[str, str]
    faults: dict[str, Text]


def check(posted: Mapping[str, str]) -> Typed:
    """Check the contact form; any script and character is welcome in it."""
    values = {name: visible(posted.get(name, "")).strip() for name in LENGTHS}
    faults: dict[str, Text] = {}
    for name, longest in LENGTHS.items():
        if name in REQUIRED and not values[name]:
            faults[name] = _EMPTY.fill(label=LABELS[name])
        elif len(values[name]) > longest:
            faults[name] = _LONG.fill(label=LABELS[name], n=longest)
    if "mail" not in faults and not is_mail(values["mail"]):
        faults["mail"] = _MAIL.fill(label=LABELS["mail"])
    return Typed(values, faults)


async def leave(
    db: AsyncSession,
    values: Mapping[str, str],
    *,
    token: str,
    screen: str,
    language: Language,
    now: datetime,
) -> Inquiry:
    """Store an inquiry; the same form sent twice is one inquiry."""
    known: Inquiry | None = await db.scalar(select(Inquiry).where(Inquiry.token == token))
    if known is not None:
        return known
    inquiry = Inquiry(
        **values, token=token, screen=screen, language=language, status=OPEN, created=now
    )
    db.add(inquiry)
    await db.flush()
    inquiry.number = f"Q{now.astimezone(JST):%Y%m%d}-{inquiry.id:05d}"
    return inquiry
