"""Officers of the demonstration, one of each role; the log-in page shows what to type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.office import totp
from portal_demo.office.models import Officer
from portal_demo.office.officers import add_officer, find_officer
from portal_demo.office.roles import Role
from portal_demo.office.vault import Vault
from portal_demo.users import hash_password

PASSWORD = "hatchukikan-2024"  # noqa: S105 - of a demonstration, and printed by it
OFFICERS = (
    ("shinsa01", "審査 花子", Role.EXAMINER),
    ("kanri01", "管理 太郎", Role.ADMINISTRATOR),
    ("etsuran01", "閲覧 次郎", Role.VIEWER),
)


@dataclass(frozen=True, slots=True)
class Hint:
    """What to type for an officer now."""

    login: str
    role: str
    password: str
    code: str


async def fill_officers(db: AsyncSession, now: datetime) -> None:
    """Add the officers that are not there; `Vault.prepare` encrypts their secrets."""
    missing = [one for one in OFFICERS if await find_officer(db, one[0]) is None]
    password_hash = await hash_password(PASSWORD) if missing else ""
    for login, name, role in missing:
        officer = await add_officer(
            db,
            login=login,
            name=name,
            mail=f"{login}@example.jp",
            role=role,
            now=now,
            password_hash=password_hash,
        )
        officer.totp_secret, officer.totp_enrolled = totp.new_secret(), True


async def hints(db: AsyncSession, vault: Vault, now: datetime) -> Sequence[Hint]:
    """Return what lets a person in: the code is the first that has not been used."""
    step = int(now.timestamp()) // totp.PERIOD_S
    found = await db.scalars(
        select(Officer)
        .where(Officer.login.in_([login for login, _, _ in OFFICERS]))
        .order_by(Officer.id)
    )
    return [
        Hint(
            one.login,
            one.role,
            PASSWORD,
            totp.code_at(vault.open(one.totp_secret), max(step, one.totp_step + 1)),
        )
        for one in found
        if one.totp_enrolled
    ]
