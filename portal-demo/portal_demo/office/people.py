"""Users without an IC card, as the office looks after them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import sessions
from portal_demo.language import Language
from portal_demo.mail import templates
from portal_demo.mail.outbox import enqueue
from portal_demo.models import Company, LoginFailures, User
from portal_demo.office.errors import EntryUnknown, NoMailAddress
from portal_demo.office.links import USER_LIFETIME, make_link
from portal_demo.office.paging import Page, page_of, words_of
from portal_demo.register import number_now
from portal_demo.users import guess_key
from portal_demo.validation import is_mail

_LONGEST = 60
_MAILS = ("requester_mail", "contact_mail")


@dataclass(frozen=True, slots=True)
class Person:
    """A user with the company's name and, if there is one, the end of a lock-out."""

    user: User
    company: str
    locked_until: datetime | None

    @property
    def mail(self) -> str:
        """Return where a link is mailed to: who asked for the ID, else the company's contact."""
        found = (self.user.values.get(name, "") for name in _MAILS)
        return next(filter(is_mail, found), "")


async def find(db: AsyncSession, words: str, after: int | None, now: datetime) -> Page[Person]:
    """Return a page of users, by a part of their ID, or their company's number, now or before, or name."""
    words = words_of(words, _LONGEST)
    query = select(User.id, User, Company.name).join(Company, Company.number == User.company_number)
    page = await page_of(
        db,
        query.where(*await _conditions(db, words)),
        User.id,
        after,
        newest=False,
        line=lambda row: Person(row[1], row[2], None),
    )
    locked = await _locked(db, [person.user for person in page.lines], now)
    lines = [Person(p.user, p.company, locked.get(key_of(p.user))) for p in page.lines]
    return Page(lines, page.next_after)


async def get(db: AsyncSession, user_id: int, now: datetime) -> Person:
    """Return a user. Raises EntryUnknown."""
    user = await db.get(User, user_id)
    if user is None:
        raise EntryUnknown
    company = await db.get_one(Company, user.company_number)
    locked = await _locked(db, [user], now)
    return Person(user, company.name, locked.get(key_of(user)))


async def send_link(db: AsyncSession, person: Person, portal: str, now: datetime) -> None:
    """Mail a link to set a new password with, and end what is open. Raises NoMailAddress."""
    if not person.mail:
        raise NoMailAddress
    link = await make_link(db, portal, now, user_id=person.user.id)
    await sessions.end_all(db, user_id=person.user.id)
    await enqueue(
        db,
        f"{templates.PASSWORD_RESET.name}:{person.user.id}:{now.isoformat()}",
        templates.PASSWORD_RESET,
        person.mail,
        {
            "link": link,
            "minutes": int(USER_LIFETIME.total_seconds() // 60),
            "portal": portal,
        },
        language=Language.JA,
        now=now,
    )


def key_of(user: User) -> str:
    """Return the key under which a user's wrong passwords are counted."""
    return guess_key(user.company_number, user.name)


async def _locked(db: AsyncSession, users: list[User], now: datetime) -> dict[str, datetime]:
    rows = await db.scalars(
        select(LoginFailures).where(
            LoginFailures.key.in_(map(key_of, users)), LoginFailures.not_before > now
        )
    )
    return {row.key: row.not_before for row in rows}


async def _conditions(db: AsyncSession, words: str) -> list[ColumnElement[bool]]:
    if not words:
        return []
    return [
        or_(
            User.company_number == await number_now(db, words),
            User.name.contains(words, autoescape=True),
            Company.name.contains(words, autoescape=True),
        )
    ]
