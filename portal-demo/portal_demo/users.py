"""Users without an IC card: passwords (argon2id), and what slows a guesser down.

Nothing is kept in the process. An attempt is counted before the password is looked at, so that
many at once gain nothing; the right password takes the count back.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.clock import Clock
from portal_demo.db import Database
from portal_demo.errors import LockedOut, NobodyRegistered, PasswordWrong
from portal_demo.language import Text
from portal_demo.models import LoginFailures, User
from portal_demo.rows import insert_missing, sweep

FREE_ATTEMPTS = 5
LOCKED = timedelta(minutes=15)
FORGOTTEN = timedelta(hours=1)

_HASHER = PasswordHasher()
# Of no password that anybody could type; spends the same time for a user that does not exist.
_NOBODY = _HASHER.hash("nobody's password")


async def hash_password(password: str) -> str:
    """Return the hash to store."""
    return await asyncio.to_thread(_HASHER.hash, password)


async def check_password(
    database: Database, company_number: str, name: str, password: str, clock: Clock
) -> User:
    """Return the user. Raises LockedOut, NobodyRegistered or PasswordWrong.

    Runs transactions of its own, for a refusal must be remembered.
    """
    key = guess_key(company_number, name)
    async with database.transaction() as db:
        await count_guess(db, key, clock)
        users = list(await db.scalars(select(User).where(User.company_number == company_number)))
    user = next((user for user in users if user.name == name), None)
    good = await password_matches(user.password_hash if user else "", password)
    if not users:
        raise NobodyRegistered
    if user is None or not good:
        raise PasswordWrong
    async with database.transaction() as db:
        await forget_guesses(db, key)
    return user


async def require_unchanged(db: AsyncSession, user: User) -> None:
    """Refuse who was let in by a password that has been changed since. Raises PasswordWrong.

    The caller holds the user's access (`sessions.hold_access`).
    """
    now = await db.scalar(select(User.password_hash).where(User.id == user.id))
    if now != user.password_hash:
        raise PasswordWrong


def delay_after(failures: int) -> timedelta:
    """Return how long nobody may try again after so many failures in a row."""
    return LOCKED if failures >= FREE_ATTEMPTS else timedelta(seconds=2 ** (failures - 1))


def guess_key(*who: str) -> str:
    """Return the key under which wrong passwords of somebody are counted."""
    return hashlib.sha256(" ".join(who).encode()).hexdigest()


async def forget_guesses(db: AsyncSession, key: str) -> None:
    """Take the count of wrong passwords back."""
    await db.execute(delete(LoginFailures).where(LoginFailures.key == key))


async def count_guess(db: AsyncSession, key: str, clock: Clock) -> None:
    """Count an attempt before it is looked at. Raises LockedOut."""
    now = clock()
    sweep(db, LoginFailures, LoginFailures.not_before <= now - FORGOTTEN)
    await insert_missing(db, LoginFailures, key=key, count=0, not_before=now)
    row = await db.get_one(LoginFailures, key, with_for_update=True)
    if row.not_before <= now - FORGOTTEN:
        row.count = 0
    if row.not_before > now:
        raise LockedOut(wait=_in_words(row.not_before - now))
    row.count += 1
    row.not_before = now + delay_after(row.count)


def _in_words(span: timedelta) -> Text:
    seconds = max(1, round(span.total_seconds()))
    if seconds < 60:
        return Text(f"{seconds}秒", f"{seconds} s")
    minutes = -(-seconds // 60)
    return Text(f"{minutes}分", f"{minutes} min")


async def password_matches(stored: str, password: str) -> bool:
    """Tell whether a password is the stored one; takes as long where none is stored."""
    return await asyncio.to_thread(_matches, stored or _NOBODY, password) and bool(stored)


def _matches(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except VerificationError:
        return False
