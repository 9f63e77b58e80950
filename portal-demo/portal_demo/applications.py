"""Applications as they are kept: numbered, never taken twice, shown to whom they belong."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import register
from portal_demo.announcements import application_received
from portal_demo.clock import JST
from portal_demo.documents import ApplicationDocument, digest_of
from portal_demo.drafts import Form
from portal_demo.errors import ApplicationUnknown, FormIncomplete
from portal_demo.language import Language
from portal_demo.models import Application, Card, Session, Signature
from portal_demo.sessions import owner_of
from portal_demo.status import Status


async def store(
    db: AsyncSession,
    session: Session,
    form: Form,
    *,
    document: ApplicationDocument,
    content: bytes,
    signatures: list[Signature],
    status: Status,
    language: Language,
    now: datetime,
) -> Application:
    """Store an application under its number, end its draft and write to both contacts.

    `status` is that of now; the document has the one it was drawn up with.
    Raises FormIncomplete if the company's number was merged at the same moment.
    """
    if not await register.hold(db, form.company.number):
        raise FormIncomplete
    application = Application(
        procedure=form.procedure.kind,
        owner=owner_of(session),
        company_number=form.company.number,
        confirmation=document.confirmation,
        document=content,
        document_sha256=digest_of(content),
        status=status,
        language=language,
        created=now,
        signatures=signatures,
    )
    db.add(application)
    await db.delete(form.draft)
    await db.flush()
    application.number = number_of(application.id, now)
    await application_received(db, application)
    return application


def number_of(application_id: int, received: datetime) -> str:
    """Return the number that an application is known by outside of the portal."""
    return f"{received.astimezone(JST):%Y%m%d}-{application_id:06d}"


async def find_confirmed(
    db: AsyncSession, session: Session, confirmation: str
) -> Application | None:
    """Return the application that a confirmation has led to already."""
    found: Application | None = await db.scalar(
        select(Application).where(
            Application.confirmation == confirmation, Application.owner == owner_of(session)
        )
    )
    return found


async def find_application(db: AsyncSession, session: Session, number: str) -> Application:
    """Return an application of the card or user that is logged in. Raises ApplicationUnknown.

    A new card also sees the application that it came in by.
    """
    owner = owner_of(session)
    came_in_by = select(Card.application_id).where("card:" + Card.login_sha256 == owner)
    application = await db.scalar(
        select(Application).where(
            Application.number == number,
            or_(Application.owner == owner, Application.id.in_(came_in_by)),
        )
    )
    if application is None:
        raise ApplicationUnknown
    return application
