"""The outbox: mail is written in the transaction of what it tells of, and sent afterwards.

One row for each event and recipient, so that telling the same twice sends one mail. An event's key
names it for good: `application-received:20260604-000001`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import String, cast, event, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.characters import visible
from portal_demo.db import MAIL_WAITING
from portal_demo.fields import MAIL_LENGTH
from portal_demo.language import Language, Text
from portal_demo.mail.models import Mail
from portal_demo.mail.templates import Template
from portal_demo.rows import insert_missing
from portal_demo.validation import is_mail

MAX_SUBJECT = 200
BATCH = 500


class Status(StrEnum):
    """How far a mail has come. `shown`: there is no mail server, it is kept to be read here."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SHOWN = "shown"


STATUS_LABELS = {
    Status.WAITING: Text("送信待ち", "Waiting"),
    Status.SENDING: Text("送信中", "Being sent"),
    Status.SENT: Text("送信済み", "Sent"),
    Status.FAILED: Text("送信できませんでした", "Failed"),
    Status.SHOWN: Text("表示のみ（送信していません）", "Shown only, not sent"),
}


async def enqueue(
    db: AsyncSession,
    event_key: str,
    template: Template,
    to: str | Iterable[str],
    values: Mapping[str, object],
    *,
    language: Language,
    now: datetime,
) -> None:
    """Write a mail to each recipient, in the caller's transaction; a known one is left as it is.

    Of an event whose mail was forgotten nothing is written: who got it is not known any more.
    `values` are those of the template, and `portal`, the portal's address. Raises ValueError for
    what is no mail address: it is to be checked where it was typed.
    """
    subject, body = template.render(language, {name: _told(v) for name, v in values.items()})
    recipients = list(dict.fromkeys([to] if isinstance(to, str) else to))
    for recipient in recipients:
        if not is_mail(recipient) or len(recipient) > MAIL_LENGTH:
            raise ValueError(f"no mail address: {recipient!r}")
    gone = select(Mail.id).where(Mail.event_key == event_key, Mail.forgotten.is_not(None)).limit(1)
    if await db.scalar(gone) is not None:
        return
    for recipient in recipients:
        await insert_missing(
            db,
            Mail,
            event_key=event_key,
            recipient=recipient,
            template=template.name,
            language=language,
            subject=" ".join(subject.split())[:MAX_SUBJECT],
            body=body,
            secret=template.secret,
            token=secrets.token_hex(16),
            status=Status.WAITING,
            created=now,
            due=now,
        )
    wake_after_commit(db)


async def mails(
    db: AsyncSession, *, status: Status | None = None, limit: int = 100, offset: int = 0
) -> list[Mail]:
    """Return mails, the newest first."""
    query = select(Mail).order_by(Mail.id.desc()).limit(limit).offset(offset)
    if status:
        query = query.where(Mail.status == status)
    return list(await db.scalars(query))


async def mails_of(db: AsyncSession, event_key: str) -> list[Mail]:
    """Return the mails of one event."""
    query = select(Mail).where(Mail.event_key == event_key).order_by(Mail.id)
    return list(await db.scalars(query))


async def try_again(db: AsyncSession, mail_id: int, now: datetime) -> bool:
    """Let a mail that failed be sent once more; False if it has not failed or is forgotten."""
    mail = await db.get(Mail, mail_id, with_for_update=True)
    if mail is None or mail.status != Status.FAILED or not mail.body:
        return False
    mail.status, mail.due, mail.error = Status.WAITING, now, ""
    mail.attempts = mail.interruptions = 0
    wake_after_commit(db)
    return True


async def forget_before(db: AsyncSession, moment: datetime, now: datetime) -> int:
    """Remove text and address of mails written before; return of how many, at most BATCH.

    That the event was told, and how that ended, stays. What is still to be sent stays whole.
    """
    ended = Mail.status.in_((Status.SENT, Status.SHOWN, Status.FAILED))
    old = select(Mail.id).where(Mail.forgotten.is_(None), Mail.created < moment, ended)
    batch = old.order_by(Mail.created).limit(BATCH).with_for_update(skip_locked=True)
    forgotten = await db.scalars(
        update(Mail)
        .where(Mail.id.in_(batch))
        .values(recipient=cast(Mail.id, String), body="", error="", forgotten=now)
        .returning(Mail.id),
        execution_options={"synchronize_session": False},
    )
    return len(forgotten.all())


def wake_after_commit(db: AsyncSession) -> None:
    """Wake this process's worker once the transaction is committed."""
    waiting = db.info[MAIL_WAITING]
    event.listen(db.sync_session, "after_commit", lambda _session: waiting.set(), once=True)


def _told(value: object) -> object:
    """Return a value without characters that are not to be seen; its lines are kept."""
    if isinstance(value, Text):
        return Text(visible(value.ja), visible(value.en))
    return visible(str(value))
