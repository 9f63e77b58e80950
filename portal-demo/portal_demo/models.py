"""The tables."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, LargeBinary, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC (SQLite keeps no zone)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Drop the zone after moving to UTC."""
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Put the zone back."""
        return value.replace(tzinfo=UTC) if value else None


class Base(DeclarativeBase):
    """Root of the tables."""


class Company(Base):
    """A company of the qualification register (資格審査情報), by its 登録番号."""

    __tablename__ = "company"

    number: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    permit_number: Mapped[str] = mapped_column(String(20))
    postal: Mapped[str] = mapped_column(String(8))
    address: Mapped[str] = mapped_column(String(120))
    representative_name: Mapped[str] = mapped_column(String(40))
    representative_title: Mapped[str] = mapped_column(String(40))
    phone: Mapped[str] = mapped_column(String(15))
    fax: Mapped[str] = mapped_column(String(15))
    region: Mapped[str] = mapped_column(String(60))
    qualification: Mapped[str] = mapped_column(String(120))
    branch: Mapped[str] = mapped_column(String(30))


class MergedNumber(Base):
    """An old number and the company it went to."""

    __tablename__ = "merged_number"

    number: Mapped[str] = mapped_column(String(10), primary_key=True)
    company_number: Mapped[str] = mapped_column(ForeignKey("company.number"))


class Session(Base):
    """A browser's session; `id` is the SHA-256 of the cookie, which is stored nowhere.

    `certificate` is the DER of the one that logged in.
    """

    __tablename__ = "session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    csrf: Mapped[str] = mapped_column(String(43))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)


class Challenge(Base):
    """A one-use challenge of a session; for `sign` with the document it stands in."""

    __tablename__ = "challenge"

    value: Mapped[str] = mapped_column(String(44), primary_key=True)
    session_id: Mapped[str] = mapped_column(
        ForeignKey("session.id", ondelete="CASCADE"), index=True
    )
    purpose: Mapped[str] = mapped_column(String(8))
    expires: Mapped[datetime] = mapped_column(UtcDateTime)
    document: Mapped[bytes | None] = mapped_column(LargeBinary)


class Rate(Base):
    """How many requests of one kind somebody has sent in the window that ends at `ends`."""

    __tablename__ = "rate"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    ends: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    count: Mapped[int]


class Draft(Base):
    """What a session has typed so far.

    `checked` is set once the person has asked for the confirmation, so that faults are shown.
    `confirmation` names one confirmed content; a change of the content takes it away.
    """

    __tablename__ = "draft"

    session_id: Mapped[str] = mapped_column(
        ForeignKey("session.id", ondelete="CASCADE"), primary_key=True
    )
    company_number: Mapped[str] = mapped_column(ForeignKey("company.number"))
    values: Mapped[dict[str, str]] = mapped_column(JSON)
    difference_accepted: Mapped[bool] = mapped_column(default=False)
    checked: Mapped[bool] = mapped_column(default=False)
    confirmation: Mapped[str | None] = mapped_column(String(43))


class Application(Base):
    """A signed application as it was received; never changed but for its status."""

    __tablename__ = "application"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    number: Mapped[str | None] = mapped_column(String(24), unique=True)
    company_number: Mapped[str] = mapped_column(ForeignKey("company.number"), index=True)
    confirmation: Mapped[str] = mapped_column(String(43), unique=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    algorithm: Mapped[str] = mapped_column(String(8))
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    certificate_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    login_certificate_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    status: Mapped[str] = mapped_column(String(8))
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class EvidenceFile(Base):
    """A certificate, OCSP response or CRL (`kind`) in DER, that one or more applications rest on."""

    __tablename__ = "evidence"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ApplicationEvidence(Base):
    """What showed that an application's certificate was good when it was received."""

    __tablename__ = "application_evidence"

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), primary_key=True)
    evidence_sha256: Mapped[str] = mapped_column(ForeignKey("evidence.sha256"), primary_key=True)


class RevocationAnswer(Base):
    """An answer about a certificate, kept for the next question; `key` names the question."""

    __tablename__ = "revocation_answer"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    expires: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
