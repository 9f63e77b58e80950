"""Sample companies for the demonstration; the first is the manual's own."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.models import Company, MergedNumber, User
from portal_demo.users import hash_password

_REGION = "長野県内に本店又は支店・営業所を有する"
_QUALIFICATION = "製造の請負(A) : [印刷・製本: 一般印刷]"

# number, name, permit, postal, address, representative, title, phone, fax, branch
_COMPANIES = (
    ("1234567890", "IT業者電子01", "20240001", "000-0002", "富士通県富士通市1-2-3",
     "富士通 次郎", "取締役社長", "000-000-0000", "000-000-0000", "総務部"),
    ("1234567891", "株式会社信州印刷", "20240002", "380-0001", "長野県長野市架空町1-1",
     "信濃 花子", "代表取締役", "026-000-0001", "026-000-0002", "本店"),
    ("1234567892", "有限会社アルプス事務機", "20240003", "390-0001", "長野県松本市架空町2-2",
     "安曇 一郎", "取締役", "0263-00-0001", "0263-00-0002", "松本営業所"),
    ("1234567893", "合同会社千曲データサービス", "20240004", "387-0001", "長野県千曲市架空町3-3",
     "千曲 三郎", "代表社員", "026-000-0003", "026-000-0004", "本店"),
    ("1234567897", "少額IT業者07", "20240007", "000-0002", "富士通県富士通市1-2-3",
     "富士通 次郎", "取締役社長", "000-000-0000", "000-000-0000", "総務部"),
    ("1234567894", "髙﨑工業株式会社", "20240005", "386-0001", "長野県上田市架空町4-4",
     "髙﨑 四郎", "代表取締役", "0268-00-0001", "0268-00-0002", "上田工場"),
)  # fmt: skip
# A user without an IC card (少額物品), as the demo tells people to type it.
USER_COMPANY, USER_ID, USER_PASSWORD = "1234567897", "shogaku07", "shogaku2024"
_CONTACT = {
    "department": "総務部",
    "postal": "380-0838",
    "address": "長野県長野市架空町7-7",
    "person": "長野 花子",
    "phone": "026-000-0007",
    "fax": "026-000-0008",
    "mail": "shogaku07@example.jp",
}
_MERGED = (("0000000123", "1234567890"), ("0000000456", "1234567891"))


async def fill_register(db: AsyncSession) -> None:
    """Put the sample companies into the register, replacing what was there of them.

    One whose number has been merged since is left alone.
    """
    merged = set(await db.scalars(select(MergedNumber.number)))
    for number, name, permit, postal, address, person, title, phone, fax, branch in _COMPANIES:
        if number in merged:
            continue
        await db.merge(
            Company(
                number=number,
                name=name,
                permit_number=permit,
                postal=postal,
                address=address,
                representative_name=person,
                representative_title=title,
                phone=phone,
                fax=fax,
                region=_REGION,
                qualification=_QUALIFICATION,
                branch=branch,
            )
        )
    await db.flush()
    db.add_all(
        MergedNumber(number=old, company_number=new) for old, new in _MERGED if old not in merged
    )


async def fill_users(db: AsyncSession) -> None:
    """Add the sample user, unless it is there: its password may have been changed."""
    there = await db.scalar(select(User.id).where(User.name == USER_ID))
    if there is None:
        values = {
            f"{prefix}_{name}": value
            for prefix in ("contact", "requester")
            for name, value in _CONTACT.items()
        }
        password_hash = await hash_password(USER_PASSWORD)
        db.add(
            User(
                company_number=USER_COMPANY,
                name=USER_ID,
                password_hash=password_hash,
                values=values,
            )
        )
