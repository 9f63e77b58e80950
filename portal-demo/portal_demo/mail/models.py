"""The table of mails."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal_demo.models import Base, UtcDateTime


class Mail(Base):
    """A mail to one recipient, once per event; `status` is one of `mail.outbox.Status`.

    `due` is when it may be tried next, for one that is being sent until when it is its worker's
    (`claim`). `interruptions` counts the attempts of which nobody knows how they ended. `token`
    makes its Message-ID, which is the same at every attempt. When it is `forgotten` only the event
    and how it ended are kept: text and error are empty, `recipient` is its id.
    """

    __tablename__ = "mail"
    __table_args__ = (
        UniqueConstraint("event_key", "recipient"),
        Index("ix_mail_forgotten_created", "forgotten", "created"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    event_key: Mapped[str] = mapped_column(String(120))
    recipient: Mapped[str] = mapped_column(String(100))
    template: Mapped[str] = mapped_column(String(24))
    language: Mapped[str] = mapped_column(String(2))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    secret: Mapped[bool]
    token: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(8))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    due: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    claim: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    interruptions: Mapped[int] = mapped_column(default=0)
    sent: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str] = mapped_column(String(300), default="")
    forgotten: Mapped[datetime | None] = mapped_column(UtcDateTime)
