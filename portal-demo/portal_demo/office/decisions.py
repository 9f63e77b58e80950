"""受理 and 不受理: what an officer decides of a registration, once, and what follows from it.

A registration is a chain of cards, each in the place of the one before (ICカード更新). While it is
仮登録, what the bidder changes applies at once and belongs to it, so that all of it is decided
together, with the application that began it. Accepted, cards and applications are 本登録: from then
on a 変更 or ICカード更新 is signed by a card that is registered for good, and takes effect at once.
Rejected, the cards are free again, and the bidder may apply anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.announcements import application_decided
from portal_demo.clock import english_minute, japanese_minute
from portal_demo.language import Text
from portal_demo.models import Application, Card
from portal_demo.office.errors import (
    AlreadyDecided,
    ApplicationMoved,
    EntryUnknown,
    NotDecidable,
)
from portal_demo.office.models import Decision, Officer
from portal_demo.rows import alone
from portal_demo.status import STATUS_NAMES, Status

_CARD = "card:"
MAX_REASON = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an officer decides, and what they had before them: `seen` as in `Review`."""

    accepted: bool
    reason: str
    seen: str
    token: str


@dataclass(frozen=True, slots=True)
class Review:
    """What is decided together: the pending applications, the oldest first, and their cards."""

    pending: list[Application]
    cards: list[Card]

    @property
    def main(self) -> Application | None:
        """Return the application that the decision is made on."""
        return self.pending[0] if self.pending else None

    @property
    def seen(self) -> str:
        """Name this state: another application of the bidder makes another one."""
        return ".".join(str(application.id) for application in self.pending)


async def review_of(db: AsyncSession, application: Application, *, lock: bool = False) -> Review:
    """Return what is decided together with an application; with a `lock` nobody changes it."""
    if not application.owner.startswith(_CARD):
        return Review([], [])
    cards = await _chain(db, application.owner.removeprefix(_CARD), lock=lock)
    owners = {application.owner, *(_CARD + card.login_sha256 for card in cards)}
    pending = await db.scalars(
        select(Application)
        .where(Application.owner.in_(owners), Application.status == Status.PROVISIONAL)
        .order_by(Application.id)
    )
    return Review(list(pending), cards)


async def _chain(db: AsyncSession, sha256: str, *, lock: bool) -> list[Card]:
    """Return a card and all that came in each other's place, the first one first."""
    found: dict[str, Card] = {}
    asked: set[str] = set()
    wanted = {sha256}
    while wanted:
        query = select(Card).where(or_(Card.login_sha256.in_(wanted), Card.replaced_by.in_(wanted)))
        for card in await db.scalars(query.with_for_update() if lock else query):
            found[card.login_sha256] = card
        asked |= wanted
        wanted = {*found, *(c.replaced_by for c in found.values() if c.replaced_by)} - asked
    return sorted(found.values(), key=lambda card: card.application_id)


async def decide(
    db: AsyncSession,
    number: str,
    verdict: Verdict,
    *,
    officer: Officer,
    now: datetime,
) -> bool:
    """Accept or reject, and tell the bidder; False if the same page has done so already.

    Raises EntryUnknown, AlreadyDecided, NotDecidable or ApplicationMoved.
    """
    await alone(db, "decisions")  # two on cards of one chain would wait for each other in turn
    application = await find_any(db, number, lock=True)
    if done := await db.get(Decision, application.id):
        if done.token == verdict.token:
            return False
        raise AlreadyDecided(
            who=done.officer.name,
            what=STATUS_NAMES[Status.FINAL if done.accepted else Status.REJECTED],
            when=Text(japanese_minute(done.made), english_minute(done.made)),
        )
    review = await review_of(db, application, lock=True)
    if application is not review.main:
        raise NotDecidable
    if review.seen != verdict.seen:
        raise ApplicationMoved
    await application_decided(
        db,
        application,
        review.pending[-1],
        accepted=verdict.accepted,
        reason=verdict.reason,
        now=now,
    )
    await _settle(db, review, accepted=verdict.accepted)
    db.add_all(
        Decision(
            application_id=one.id,
            token=verdict.token,
            officer_id=officer.id,
            accepted=verdict.accepted,
            reason=verdict.reason,
            made=now,
        )
        for one in review.pending
    )
    await db.flush()
    return True


async def find_any(db: AsyncSession, number: str, *, lock: bool = False) -> Application:
    """Return the application of a number, whoever's it is. Raises EntryUnknown."""
    query = select(Application).where(Application.number == number)
    found: Application | None = await db.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise EntryUnknown
    return found


async def decision_on(db: AsyncSession, application: Application) -> Decision | None:
    """Return what was decided of an application."""
    return await db.get(Decision, application.id)


async def rejected_last(db: AsyncSession, owner: str) -> Application | None:
    """Return the last application of a card if it was rejected."""
    last: Application | None = await db.scalar(
        select(Application)
        .where(Application.owner == owner)
        .order_by(Application.id.desc())
        .limit(1)
    )
    return last if last and last.status == Status.REJECTED else None


async def _settle(db: AsyncSession, review: Review, *, accepted: bool) -> None:
    for application in review.pending:
        application.status = Status.FINAL if accepted else Status.REJECTED
    provisional = [card for card in review.cards if card.status == Status.PROVISIONAL]
    for card in provisional:
        if accepted:
            card.status = Status.FINAL
        else:
            await db.delete(card)
    await db.flush()
