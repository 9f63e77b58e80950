"""One-use challenges: 32 random bytes, five minutes, one session, one purpose."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.clock import Clock
from portal_demo.errors import ChallengeExpired, ChallengeUnknown
from portal_demo.models import Challenge, Session
from portal_demo.rows import sweep

LIFETIME = timedelta(minutes=5)


class Purpose(StrEnum):
    """What the answer to a challenge is for."""

    LOGIN = "login"
    NEW_CARD = "new-card"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Consumed:
    """A challenge that has been taken back and can never be used again."""

    value: str
    document: bytes | None
    expired: bool

    def require_fresh(self) -> None:
        """Raise ChallengeExpired if it came back too late."""
        if self.expired:
            raise ChallengeExpired


def new_value() -> str:
    """Return 32 random bytes in base64: 44 characters, as Web eID asks at least."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


async def issue(
    db: AsyncSession,
    session: Session,
    purpose: Purpose,
    clock: Clock,
    *,
    value: str = "",
    document: bytes | None = None,
) -> str:
    """Store a challenge (`value`, or a new one) for the session and return it."""
    now = clock()
    sweep(db, Challenge, Challenge.expires <= now - LIFETIME)
    value = value or new_value()
    db.add(
        Challenge(
            value=value,
            session_id=session.id,
            purpose=purpose,
            expires=now + LIFETIME,
            document=document,
        )
    )
    await db.flush()
    return value


async def consume(
    db: AsyncSession, session: Session, purpose: Purpose, value: str, clock: Clock
) -> Consumed:
    """Take a challenge back, good or bad. Raises ChallengeUnknown.

    The caller commits before it judges `expired` or a signature, so that a refused answer uses
    the challenge up too. The DELETE is the first statement: of two at once only one finds it.
    """
    row = (
        await db.execute(
            delete(Challenge)
            .where(
                Challenge.value == value,
                Challenge.session_id == session.id,
                Challenge.purpose == purpose,
            )
            .returning(Challenge.value, Challenge.document, Challenge.expires)
        )
    ).one_or_none()
    if row is None:
        raise ChallengeUnknown
    return Consumed(row.value, row.document, expired=row.expires <= clock())
