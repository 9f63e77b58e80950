"""The qualification register (資格審査情報): find a company by number and name."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.errors import CompanyUnknown, NameMismatch, NumberMerged
from portal_demo.matching import same_name
from portal_demo.models import Company, CompanyColumns, MergedNumber, RegisterChange
from portal_demo.rows import insert_missing

COLUMNS = tuple(column for column in CompanyColumns.__annotations__)
"""What the register says of a company, beside its number."""
NOT_ON_CARD = "（証明書に記載がありません）"


async def number_now(db: AsyncSession, number: str) -> str:
    """Return the number that a company goes by now, for one that it has or had."""
    merged = await db.get(MergedNumber, number)
    return merged.company_number if merged else number


async def hold(db: AsyncSession, number: str) -> bool:
    """Keep a number from being merged until the transaction ends; False if it is gone."""
    there = select(Company.number).where(Company.number == number)
    return await db.scalar(there.with_for_update(read=True, key_share=True)) is not None


async def last_change(db: AsyncSession) -> int:
    """Return the number of the register's last change; 0 before the first."""
    return await db.scalar(select(func.max(RegisterChange.id))) or 0


async def record_change(db: AsyncSession, kind: str, now: datetime) -> None:
    """Note a change of the register; of several at once, each waits for the one before."""
    while not await record_change_after(db, await last_change(db), kind, now):
        pass


async def record_change_after(db: AsyncSession, previous: int, kind: str, now: datetime) -> bool:
    """Note a change that follows from `previous`; False if another one has come after that."""
    return await insert_missing(db, RegisterChange, previous=previous, kind=kind, made=now)


async def search(db: AsyncSession, number: str, name: str) -> Company:
    """Return the company. Raises NumberMerged, CompanyUnknown or NameMismatch."""
    company = await db.get(Company, number)
    if company is None:
        raise NumberMerged if await db.get(MergedNumber, number) else CompanyUnknown
    if not same_name(company.name, name):
        raise NameMismatch
    return company


def read_only_values(company: Company) -> dict[str, str]:
    """Return what the register says, by the names of the form."""
    return {
        "permit_number": company.permit_number,
        "company_name": company.name,
        "company_postal": company.postal,
        "company_address": company.address,
        "representative_name": company.representative_name,
        "representative_title": company.representative_title,
        "region": company.region,
        "qualification": company.qualification,
        "company_phone": company.phone,
        "company_fax": company.fax,
        "branch_name": company.branch,
    }


def first_values(company: Company) -> dict[str, str]:
    """Return what the register proposes for the fields a person fills in."""
    return {
        "company_phone": company.phone,
        "company_fax": company.fax,
        "branch_name": company.branch,
        "qualification_name": company.name,
    }
