"""Officers: how they log in, with password and code or with a card, and how they are set up."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.clock import Clock
from portal_demo.db import Database
from portal_demo.language import Text
from portal_demo.models import Session
from portal_demo.office import audit, recovery, totp
from portal_demo.office.audit import Action, Actor
from portal_demo.office.errors import CodeWrong, OfficeLogInRefused, PasswordNotTheirs
from portal_demo.office.models import Officer
from portal_demo.office.roles import Role
from portal_demo.office.vault import Vault
from portal_demo.users import (
    count_guess,
    forget_guesses,
    guess_key,
    password_matches,
)

PASSWORD_LENGTHS = (12, 256)
PASSWORD_FAULT = Text(
    "パスワードは12文字以上256文字以内で、担当者IDを含まないものを入力して下さい。",
    "A password has 12 to 256 characters and does not contain the officer ID.",
)

MAX_LOGIN = 40
_LOGIN = re.compile("[a-z][a-z0-9._-]{2,39}")


def is_login(text: str) -> bool:
    """Tell whether a text can be an officer's log-in name."""
    return bool(_LOGIN.fullmatch(text))


def key_of(login: str) -> str:
    """Return the key under which an officer's wrong passwords are counted."""
    return guess_key("office", login)


def ready(officer: Officer, session: Session) -> bool:
    """Tell whether an officer may work: a password alone is good for enrolling a second factor."""
    return officer.totp_enrolled or session.certificate is not None


async def find_officer(db: AsyncSession, login: str) -> Officer | None:
    """Return the officer of a log-in name."""
    found: Officer | None = await db.scalar(select(Officer).where(Officer.login == login))
    return found


def access_of(officer: Officer) -> tuple[object, ...]:
    """Return what lets an officer in now."""
    return (
        officer.password_hash,
        officer.totp_secret,
        officer.totp_enrolled,
        officer.certificate_sha256,
        officer.disabled,
    )


async def unchanged(db: AsyncSession, officer: Officer) -> bool:
    """Tell whether an officer is let in as when they were looked up, in another transaction.

    The caller holds the officer's access (`sessions.hold_access`).
    """
    return access_of(await db.get_one(Officer, officer.id)) == access_of(officer)


async def check_log_in(
    database: Database, vault: Vault, actor: Actor, *, password: str, code: str, clock: Clock
) -> Officer:
    """Return the officer. Raises LockedOut, OfficeLogInRefused or SecretUnreadable.

    A recovery code is taken in place of a code, and written into the audit with `actor`, who says
    whose officer they are. The code is not asked of somebody who has not enrolled an authenticator yet: they get no
    further than to do so. Runs transactions of its own, for a refusal must be remembered.
    """
    login = actor.login
    async with database.transaction() as db:
        await count_guess(db, key_of(login), clock)
        officer = await find_officer(db, login)
    good = await password_matches(officer.password_hash if officer else "", password)
    if officer is None or not good or officer.disabled:
        raise OfficeLogInRefused
    async with database.transaction() as db:
        if officer.totp_enrolled and not (
            await _take_recovery_code(db, officer, actor, code, clock())
            or await _take_code(db, vault, officer, code, clock())
        ):
            raise OfficeLogInRefused
        await forget_guesses(db, key_of(login))
    return officer


async def find_by_card(db: AsyncSession, sha256: str) -> Officer | None:
    """Return the officer whose card has a log-in certificate."""
    found: Officer | None = await db.scalar(
        select(Officer).where(Officer.certificate_sha256 == sha256)
    )
    return found


async def begin_enrolment(db: AsyncSession, vault: Vault, officer: Officer) -> str:
    """Return the secret to enrol; the same until it has been enrolled. Raises SecretUnreadable."""
    if not officer.totp_secret:
        officer.totp_secret = vault.seal(totp.new_secret())
        await db.flush()
    return vault.open(officer.totp_secret)


async def enrol(db: AsyncSession, vault: Vault, officer: Officer, code: str, now: datetime) -> None:
    """Let the authenticator count from now on. Raises CodeWrong or SecretUnreadable."""
    if not officer.totp_secret or not await _take_code(db, vault, officer, code, now):
        raise CodeWrong
    officer.totp_enrolled = True


async def _take_code(
    db: AsyncSession, vault: Vault, officer: Officer, code: str, now: datetime
) -> bool:
    """Use a code up; of two at once only one finds it unused."""
    step = totp.matching_step(vault.open(officer.totp_secret), code, now)
    if step is None:
        return False
    taken = await db.scalar(
        update(Officer)
        .where(Officer.id == officer.id, Officer.totp_step < step)
        .values(totp_step=step)
        .returning(Officer.id)
    )
    return taken is not None


async def _take_recovery_code(
    db: AsyncSession, officer: Officer, actor: Actor, code: str, now: datetime
) -> bool:
    if not await recovery.take_code(db, officer.id, code):
        return False
    left = str(await recovery.codes_left(db, officer.id))
    await audit.record(db, actor, Action.RECOVERY_CODE_USED, officer.login, now=now, detail=left)
    return True


async def check_own_password(
    database: Database, officer: Officer, password: str, clock: Clock
) -> None:
    """Raise LockedOut or PasswordNotTheirs: who sits there may not be them.

    Wrong ones are counted with those of the log-in.
    """
    async with database.transaction() as db:
        await count_guess(db, key_of(officer.login), clock)
    if not await password_matches(officer.password_hash, password):
        raise PasswordNotTheirs
    async with database.transaction() as db:
        await forget_guesses(db, key_of(officer.login))


def password_fault(login: str, password: str) -> Text | None:
    """Return what is wrong with a new password."""
    shortest, longest = PASSWORD_LENGTHS
    fits = shortest <= len(password) <= longest and login.casefold() not in password.casefold()
    return None if fits else PASSWORD_FAULT


async def add_officer(
    db: AsyncSession,
    *,
    login: str,
    name: str,
    mail: str,
    role: Role,
    now: datetime,
    password_hash: str = "",
) -> Officer:
    """Store a new officer; without a password they cannot log in before they have set one."""
    officer = Officer(
        login=login,
        name=name,
        mail=mail,
        role=role,
        password_hash=password_hash,
        created=now,
    )
    db.add(officer)
    await db.flush()
    return officer
