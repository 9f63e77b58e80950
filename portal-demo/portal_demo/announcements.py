"""What people are told by mail, and to which addresses: written with what it tells of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import documents
from portal_demo.clock import english_minute, japanese_minute
from portal_demo.documents import ApplicationDocument
from portal_demo.errors import TooManyRequests
from portal_demo.language import Language, Text
from portal_demo.limits import Limit, take
from portal_demo.mail import templates
from portal_demo.mail.outbox import enqueue
from portal_demo.mail.templates import Template
from portal_demo.models import Application, Inquiry
from portal_demo.procedures import BY_KIND, Kind
from portal_demo.status import Status

CONTACT_MAILS = ("contact_mail", "card_mail", "requester_mail")
"""The fields of a form that hold the addresses of its two contacts."""
# The address is whatever a visitor typed: nobody is to be flooded through this portal.
_INQUIRY_MAILS = Limit("inquiry-mail", 3, timedelta(hours=1))
_PROVISIONAL = Text(
    "現在は仮登録です。発注機関が本登録処理を実施するまでは、システムを利用する事ができません。\n"
    "審査の結果は、このメールアドレスにお知らせします。",
    "The registration is provisional (仮登録): the system cannot be used before the authority has\n"
    "made it final (本登録). You are going to be told at this address.",
)
_EFFECTIVE = Text("内容は受付票でご確認ください。", "See the receipt for its content.")


def recipients(document: ApplicationDocument) -> tuple[str, ...]:
    """Return the addresses of the two contacts, each once."""
    found = (item.value for item in document.items if item.name in CONTACT_MAILS)
    return tuple(dict.fromkeys(found))


async def application_received(db: AsyncSession, application: Application) -> None:
    """Tell both contacts that their application has come in."""
    moment = application.created
    await _tell(
        db,
        templates.APPLICATION_RECEIVED,
        application,
        application,
        now=moment,
        time=Text(japanese_minute(moment), english_minute(moment)),
        status=application.status,
        next=_PROVISIONAL if application.status == Status.PROVISIONAL else _EFFECTIVE,
    )


async def application_decided(
    db: AsyncSession,
    application: Application,
    latest: Application,
    *,
    accepted: bool,
    reason: str,
    now: datetime,
) -> None:
    """Tell both contacts what was decided: 利用申請 受理のお知らせ or 不受理のお知らせ.

    The contacts are those of the `latest` application that belongs to it. They are told the reason
    of a rejection alone.
    """
    if accepted:
        await _tell(db, templates.APPLICATION_ACCEPTED, application, latest, now=now)
    else:
        template = templates.APPLICATION_REJECTED
        await _tell(db, template, application, latest, now=now, reason=reason)


async def inquiry_received(db: AsyncSession, inquiry: Inquiry, portal: str, now: datetime) -> None:
    """Tell who has left a question its number; nothing that was typed is repeated."""
    try:
        await take(db, _INQUIRY_MAILS, inquiry.mail.casefold(), now)
    except TooManyRequests:
        return
    await enqueue(
        db,
        f"{templates.INQUIRY_RECEIVED.name}:{inquiry.number}",
        templates.INQUIRY_RECEIVED,
        inquiry.mail,
        {"number": inquiry.number, "portal": portal},
        language=Language(inquiry.language),
        now=now,
    )


async def inquiry_answered(
    db: AsyncSession, inquiry: Inquiry, answer: str, portal: str, now: datetime
) -> None:
    """Send the office's answer to who has left a question; another answer is another mail."""
    digest = hashlib.sha256(answer.encode()).hexdigest()[:16]
    values = {
        "number": inquiry.number,
        "name": inquiry.name,
        "question": inquiry.question,
        "answer": answer,
        "portal": portal,
    }
    await enqueue(
        db,
        f"{templates.INQUIRY_ANSWERED.name}:{inquiry.number}:{digest}",
        templates.INQUIRY_ANSWERED,
        inquiry.mail,
        values,
        language=Language(inquiry.language),
        now=now,
    )


async def numbers_merged(
    db: AsyncSession,
    to: Mapping[str, Language],
    *,
    company: str,
    old_numbers: Sequence[str],
    new_number: str,
    portal: str,
    now: datetime,
) -> None:
    """Tell a company's contacts its new registration number, each in their language."""
    values = {
        "company": company,
        "old_numbers": "、".join(old_numbers),
        "new_number": new_number,
        "portal": portal,
    }
    template = templates.NUMBERS_MERGED
    key = f"{template.name}:{new_number}"
    for address, language in to.items():
        await enqueue(db, key, template, address, values, language=language, now=now)


async def _tell(
    db: AsyncSession,
    template: Template,
    application: Application,
    latest: Application,
    *,
    now: datetime,
    **more: object,
) -> None:
    document = documents.parse_document(latest.document)
    values = {
        "number": application.number,
        "procedure": BY_KIND[Kind(application.procedure)].title,
        "company_number": application.company_number,
        "company": document.value("company_name"),
        "portal": document.origin,
        **more,
    }
    await enqueue(
        db,
        f"{template.name}:{application.number}",
        template,
        recipients(document),
        values,
        language=Language(application.language),
        now=now,
    )
