"""Recovery codes: what lets an officer in once whose authenticator app is lost.

80 random bits each, so that a plain SHA-256 tells nobody what a code is.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.office.models import RecoveryCode

COUNT = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz123456789"  # 32, without what is read as another one
_CODE = re.compile(f"[{_ALPHABET}]{{16}}")
_NOT_TYPED = re.compile(r"[\s\-‐－ー―]")


async def new_codes(db: AsyncSession, officer_id: int) -> list[str]:
    """Return a new set, which is told here alone; the codes before it are no good any more."""
    await forget_codes(db, officer_id)
    plain = ["".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(COUNT)]
    db.add_all(RecoveryCode(officer_id=officer_id, sha256=_digest(code)) for code in plain)
    await db.flush()
    return ["-".join(code[i : i + 4] for i in range(0, 16, 4)) for code in plain]


async def forget_codes(db: AsyncSession, officer_id: int) -> None:
    """Let none of an officer's codes be good any more."""
    await db.execute(delete(RecoveryCode).where(RecoveryCode.officer_id == officer_id))


async def codes_left(db: AsyncSession, officer_id: int) -> int:
    """Return how many codes an officer has not used."""
    counted = select(func.count()).select_from(RecoveryCode)
    return await db.scalar(counted.where(RecoveryCode.officer_id == officer_id)) or 0


async def take_code(db: AsyncSession, officer_id: int, typed: str) -> bool:
    """Use a code up, however it was typed; of two at once only one finds it."""
    code = _NOT_TYPED.sub("", unicodedata.normalize("NFKC", typed)).lower()
    if not _CODE.fullmatch(code):
        return False
    taken = await db.scalar(
        delete(RecoveryCode)
        .where(RecoveryCode.officer_id == officer_id, RecoveryCode.sha256 == _digest(code))
        .returning(RecoveryCode.officer_id)
    )
    return taken is not None


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
