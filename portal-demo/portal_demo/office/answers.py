"""Questions that people left in the chat: worked through and answered by mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.announcements import inquiry_answered
from portal_demo.inquiries import OPEN
from portal_demo.language import Text
from portal_demo.models import Inquiry
from portal_demo.office.errors import AnsweredMeanwhile, EntryUnknown
from portal_demo.office.models import InquiryAnswer, Officer
from portal_demo.office.paging import Page, page_of

ANSWERED = "回答済"
CLOSED = "対応不要"
STATUSES = {
    "open": Text("未対応", "Open"),
    "answered": Text("回答済", "Answered"),
    "closed": Text("対応不要", "No answer needed"),
}
_STORED = {"open": OPEN, "answered": ANSWERED, "closed": CLOSED}
NAMES = {_STORED[key]: name for key, name in STATUSES.items()}
MAX_ANSWER = 4000


@dataclass(frozen=True, slots=True)
class Thread:
    """A question and what was answered."""

    inquiry: Inquiry
    answers: list[InquiryAnswer]


async def find(db: AsyncSession, status: str, after: int | None) -> Page[Inquiry]:
    """Return a page of the questions: open ones the oldest first, others the newest first."""
    query = select(Inquiry.id, Inquiry)
    if status:
        query = query.where(Inquiry.status == _STORED[status])
    newest = status != "open"
    return await page_of(db, query, Inquiry.id, after, newest=newest, line=lambda row: row[1])


async def thread(db: AsyncSession, number: str, *, lock: bool = False) -> Thread:
    """Return a question with its answers. Raises EntryUnknown."""
    query = select(Inquiry).where(Inquiry.number == number)
    inquiry: Inquiry | None = await db.scalar(query.with_for_update() if lock else query)
    if inquiry is None:
        raise EntryUnknown
    answers = await db.scalars(
        select(InquiryAnswer)
        .where(InquiryAnswer.inquiry_id == inquiry.id)
        .order_by(InquiryAnswer.id)
    )
    return Thread(inquiry, list(answers))


async def answer(
    db: AsyncSession,
    number: str,
    text: str,
    *,
    seen: int,
    officer: Officer,
    portal: str,
    now: datetime,
) -> bool:
    """Mail an answer; the same one sent twice is one, and False is returned.

    `seen` is how many answers the page showed. Raises EntryUnknown or AnsweredMeanwhile.
    """
    found = await thread(db, number, lock=True)
    if len(found.answers) != seen:
        last = found.answers[-1]
        if last.text == text and last.officer_id == officer.id:
            return False
        raise AnsweredMeanwhile(who=last.officer.name)
    db.add(InquiryAnswer(inquiry_id=found.inquiry.id, officer_id=officer.id, text=text, made=now))
    found.inquiry.status = ANSWERED
    await inquiry_answered(db, found.inquiry, text, portal, now)
    return True


async def close(db: AsyncSession, number: str) -> None:
    """Tell that a question needs no answer. Raises EntryUnknown."""
    found = await thread(db, number, lock=True)
    if found.inquiry.status == OPEN:
        found.inquiry.status = CLOSED
