"""The tables of the back office."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal_demo.models import Base, UtcDateTime


class Officer(Base):
    """Somebody of the authority, who logs in at `/office`.

    `password_hash` is argon2id, or empty until they have set one. `totp_secret`, as `vault` encrypted it,
    counts
    once `totp_enrolled`; `totp_step` is the last period whose code was taken, so that none is taken
    twice. `certificate_sha256` is the log-in certificate of their card.
    """

    __tablename__ = "officer"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    login: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    mail: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(128), default="")
    totp_secret: Mapped[str] = mapped_column(String(200), default="")
    totp_enrolled: Mapped[bool] = mapped_column(default=False)
    totp_step: Mapped[int] = mapped_column(default=0)
    certificate_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    disabled: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class Decision(Base):
    """受理 or 不受理 of an application, made once.

    What is decided is a registration: the changes and renewals that came before the decision are
    decided with it and have rows of their own, with the same `token`, the one of the page.
    """

    __tablename__ = "decision"

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), primary_key=True)
    token: Mapped[str] = mapped_column(String(43))
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    accepted: Mapped[bool]
    reason: Mapped[str] = mapped_column(String(1000))
    made: Mapped[datetime] = mapped_column(UtcDateTime)
    officer: Mapped[Officer] = relationship(lazy="joined")


class AuditEntry(Base):
    """Who did what in the office; triggers of the database refuse to change or delete one.

    `digest` is the SHA-256 over the entry and the digest of the one before (`audit`). A revision
    that alters this table has to make the triggers of SQLite anew.
    """

    __tablename__ = "office_audit"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    made: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[str] = mapped_column(String(40), index=True)
    action: Mapped[str] = mapped_column(String(32), index=True)
    subject: Mapped[str] = mapped_column(String(100), index=True)
    detail: Mapped[str] = mapped_column(String(1100))
    address: Mapped[str] = mapped_column(String(45))
    previous: Mapped[str] = mapped_column(String(64), unique=True)
    digest: Mapped[str] = mapped_column(String(64))


class OneTimeLink(Base):
    """A link that was mailed to an officer or a user, to set a password with; once.

    `sha256` is that of what stands in the link, which is stored nowhere.
    """

    __tablename__ = "one_time_link"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), index=True)
    expires: Mapped[datetime] = mapped_column(UtcDateTime)


class RecoveryCode(Base):
    """A code that lets an officer in once in place of the authenticator's; gone once used."""

    __tablename__ = "recovery_code"

    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)


class InquiryAnswer(Base):
    """What an officer has answered to an inquiry."""

    __tablename__ = "inquiry_answer"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    inquiry_id: Mapped[int] = mapped_column(ForeignKey("inquiry.id"), index=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    text: Mapped[str] = mapped_column(String(4000))
    made: Mapped[datetime] = mapped_column(UtcDateTime)
    officer: Mapped[Officer] = relationship(lazy="joined")
