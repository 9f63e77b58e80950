"""登録番号の統合: several numbers of one company become a new one of 10 digits.

What belonged to the old numbers goes with the company; the old numbers stay known as merged ones.
Signed documents keep the number that was signed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import register
from portal_demo.announcements import numbers_merged
from portal_demo.language import Language
from portal_demo.matching import same_name
from portal_demo.merge_errors import (
    CompaniesDiffer,
    MergeEmpty,
    NumberMalformed,
    NumberMergedAlready,
    NumberUnknown,
    NumberUsed,
    UserIdsCollide,
)
from portal_demo.models import Application, Base, Card, Company, Draft, MergedNumber, User
from portal_demo.rows import insert_missing
from portal_demo.validation import is_mail, is_number


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge moves: rows by table; `mailed_to` are the contacts that are told."""

    new_number: str
    old_numbers: tuple[str, ...]
    company_name: str
    mailed_to: tuple[str, ...]
    moved: dict[str, int]


async def plan(
    db: AsyncSession,
    old_numbers: Sequence[str],
    new_number: str,
    *,
    names_differ_accepted: bool = False,
) -> tuple[Company, ...]:
    """Return the companies of the old numbers, locked until the transaction ends.

    Raises MergeEmpty, NumberMalformed, NumberUsed, NumberUnknown, NumberMergedAlready,
    CompaniesDiffer or UserIdsCollide.
    """
    old = tuple(dict.fromkeys(old_numbers))
    if not old:
        raise MergeEmpty
    for number in (new_number, *old):
        if not is_number(number):
            raise NumberMalformed(number=number[:20])
    await _require_new(db, new_number)
    found = await _lock(db, old)
    for number in old:
        if number in found:
            continue
        merged = await db.get(MergedNumber, number)
        if merged is None:
            raise NumberUnknown(number=number)
        raise NumberMergedAlready(number=number, new_number=merged.company_number)
    companies = tuple(found[number] for number in old)
    names = tuple(dict.fromkeys(company.name for company in companies))
    if not names_differ_accepted and not all(same_name(names[0], name) for name in names):
        raise CompaniesDiffer(names="、".join(names))
    await _require_distinct_users(db, old)
    return companies


async def merge(
    db: AsyncSession,
    old_numbers: Sequence[str],
    new_number: str,
    *,
    portal: str,
    now: datetime,
    names_differ_accepted: bool = False,
) -> Merge:
    """Merge numbers in the caller's transaction and write to the company's contacts.

    The company goes on as the register has it under the first of the old numbers. Raises what
    `plan` does.
    """
    await register.record_change(db, "merge", now)  # first: merges wait for one another here
    await _lock_belongings(db, old_numbers)
    companies = await plan(db, old_numbers, new_number, names_differ_accepted=names_differ_accepted)
    old = tuple(company.number for company in companies)
    recipients = await contacts(db, old)
    await _add_company(db, companies[0], new_number)
    moved = await _move(db, old, new_number)
    # Nobody has confirmed a form with the new number on it.
    await db.execute(
        update(Draft)
        .where(Draft.company_number == new_number)
        .values(confirmation=None, new_password_hash=None)
    )
    await db.execute(delete(Company).where(Company.number.in_(old)))
    db.add_all(MergedNumber(number=number, company_number=new_number) for number in old)
    name = companies[0].name
    await numbers_merged(
        db,
        recipients,
        company=name,
        old_numbers=old,
        new_number=new_number,
        portal=portal,
        now=now,
    )
    return Merge(new_number, old, name, tuple(recipients), moved)


async def contacts(db: AsyncSession, numbers: Sequence[str]) -> dict[str, Language]:
    """Return the addresses of the main contacts (代表窓口) of companies, and what they read."""
    cards = (
        select(Card.values, Application.language)
        .join(Application, Application.id == Card.application_id)
        .where(Card.company_number.in_(numbers), Card.replaced_by.is_(None))
    )
    users = select(User.values, literal(Language.JA.value)).where(User.company_number.in_(numbers))
    found = {
        values.get("contact_mail", ""): Language(language)
        for query in (users, cards)
        for values, language in await db.execute(query)
    }
    return {address: found[address] for address in sorted(found) if is_mail(address)}


async def _require_new(db: AsyncSession, number: str) -> None:
    used = await db.get(Company, number) is not None
    if used or await db.get(MergedNumber, number) is not None:
        raise NumberUsed(number=number)


async def _lock(db: AsyncSession, numbers: Sequence[str]) -> dict[str, Company]:
    """Return companies by number: who else wants to merge or to apply for them has to wait."""
    rows = select(Company).where(Company.number.in_(numbers)).order_by(Company.number)
    return {company.number: company for company in await db.scalars(rows.with_for_update())}


async def _lock_belongings(db: AsyncSession, numbers: Sequence[str]) -> None:
    """Wait for who works with what belongs to the companies.

    In the order that others lock in, the company last: so nobody waits for another in turn.
    """
    for key, number in (
        (Application.id, Application.company_number),
        (Draft.id, Draft.company_number),
        (User.id, User.company_number),
        (Card.login_sha256, Card.company_number),
    ):
        rows = select(key).where(number.in_(numbers)).order_by(key)
        await db.execute(rows.with_for_update())


async def _require_distinct_users(db: AsyncSession, numbers: Sequence[str]) -> None:
    """Refuse a merge after which two users of the company would have the same ユーザID."""
    names = Counter(await db.scalars(select(User.name).where(User.company_number.in_(numbers))))
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise UserIdsCollide(names="、".join(twice))


async def _add_company(db: AsyncSession, old: Company, number: str) -> None:
    values = {name: getattr(old, name) for name in register.COLUMNS}
    if not await insert_missing(db, Company, number=number, **values):
        raise NumberUsed(number=number)  # taken at the same moment


async def _move(db: AsyncSession, old: Sequence[str], new_number: str) -> dict[str, int]:
    """Let all that refers to the old numbers refer to the new one, whatever table it is in."""
    moved = {}
    for column in _references():
        change = update(column.table).where(column.in_(old)).values({column.name: new_number})
        result = await db.execute(change)
        assert isinstance(result, CursorResult)
        moved[column.table.name] = result.rowcount
    return moved


def _references() -> list[ColumnElement[Any]]:
    number = Company.__table__.c.number
    tables = Base.metadata.sorted_tables
    return [key.parent for table in tables for key in table.foreign_keys if key.column is number]
