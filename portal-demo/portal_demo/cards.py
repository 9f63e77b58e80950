"""Which cards a session has logged in with, and what they are registered as."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.card_errors import CardReplaced, CardUnregistered
from portal_demo.certificates import parse_certificate, sha256_of
from portal_demo.errors import SessionEnded
from portal_demo.models import Card, Session
from portal_demo.procedures import Kind, Procedure


@dataclass(frozen=True, slots=True)
class LogIn:
    """A card's log-in certificate, and the intermediates that the card gave with it (PEM)."""

    certificate: x509.Certificate
    chain: str


def login_certificate(session: Session) -> x509.Certificate:
    """Return the certificate that logged in. Raises SessionEnded."""
    if session.certificate is None:
        raise SessionEnded
    return parse_certificate(session.certificate)


def applying_certificate(session: Session, procedure: Procedure) -> x509.Certificate:
    """Return the log-in certificate of the card that is going to be the registered one."""
    if procedure.kind is not Kind.RENEW:
        return login_certificate(session)
    if session.new_certificate is None:
        raise SessionEnded
    return parse_certificate(session.new_certificate)


def log_ins(session: Session, procedure: Procedure) -> list[LogIn]:
    """Return what the cards that have to sign have logged in with. Raises SessionEnded."""
    if not procedure.by_card:
        return []
    first = LogIn(login_certificate(session), session.chain)
    if procedure.kind is not Kind.RENEW:
        return [first]
    return [LogIn(applying_certificate(session, procedure), session.new_chain), first]


async def registered_with(db: AsyncSession, *certificates: x509.Certificate) -> Card | None:
    """Return the registered card that one of the certificates is on."""
    prints = [sha256_of(certificate) for certificate in certificates]
    found: Card | None = await db.scalar(
        select(Card).where(or_(Card.login_sha256.in_(prints), Card.signing_sha256.in_(prints)))
    )
    return found


async def require_registered(db: AsyncSession, session: Session, *, lock: bool = False) -> Card:
    """Return the card that is logged in. Raises CardUnregistered or CardReplaced.

    With a `lock` nobody decides of it before the end of the transaction.
    """
    card = await db.get(Card, sha256_of(login_certificate(session)), with_for_update=lock or None)
    if card is None:
        raise CardUnregistered
    if card.replaced_by:
        raise CardReplaced
    return card
