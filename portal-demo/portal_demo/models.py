"""The tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


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
    """Root of the tables; every constraint has a name, by which a migration can change it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class CompanyColumns:
    """What the qualification register (資格審査情報) says of a company."""

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


class Company(CompanyColumns, Base):
    """A company of the qualification register, by its 登録番号."""

    __tablename__ = "company"

    number: Mapped[str] = mapped_column(String(10), primary_key=True)


class RegisterChange(Base):
    """A change of the register; each names the one before, so that no two follow the same one."""

    __tablename__ = "register_change"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    previous: Mapped[int] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(8))
    made: Mapped[datetime] = mapped_column(UtcDateTime)


class MergedNumber(Base):
    """An old number and the company it went to."""

    __tablename__ = "merged_number"

    number: Mapped[str] = mapped_column(String(10), primary_key=True)
    company_number: Mapped[str] = mapped_column(ForeignKey("company.number"))


class Session(Base):
    """A browser's session; `id` is the SHA-256 of the cookie, which is stored nowhere.

    Who logged in is a card (`certificate`, DER) or a user without one; `new_certificate` is the
    card that is going to replace the first (ICカード更新). The intermediates that each card gave
    stay with it (PEM). In the office's `realm` it is an officer.
    """

    __tablename__ = "session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    csrf: Mapped[str] = mapped_column(String(43))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    chain: Mapped[str] = mapped_column(Text, default="", server_default="")
    new_certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    new_chain: Mapped[str] = mapped_column(Text, default="", server_default="")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), index=True)
    realm: Mapped[str] = mapped_column(String(8), server_default="bidder")
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"), index=True)


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
    """What somebody has typed so far in a procedure; it outlives their session.

    `revision` counts the changes: a page that shows an older one changes nothing. `checked` is set
    once the person has asked for the confirmation, so that faults are shown. `confirmation` names
    one confirmed content; a change of the content takes it away.
    """

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("owner", "procedure"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True)
    owner: Mapped[str] = mapped_column(String(72))
    procedure: Mapped[str] = mapped_column(String(12))
    company_number: Mapped[str] = mapped_column(ForeignKey("company.number"))
    values: Mapped[dict[str, str]] = mapped_column(JSON)
    revision: Mapped[int] = mapped_column(default=0)
    difference_accepted: Mapped[bool] = mapped_column(default=False)
    checked: Mapped[bool] = mapped_column(default=False)
    confirmation: Mapped[str | None] = mapped_column(String(43))
    new_password_hash: Mapped[str | None] = mapped_column(String(128))
    changed: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Application(Base):
    """An application as it was received; never changed but for its status.

    `owner` is the card or user that applied, as in a draft; `language` the one they read.
    `log_in_kept` is false where it came before log-in certificates were kept as evidence.
    """

    __tablename__ = "application"
    __table_args__ = (Index("ix_application_status_id", "status", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    number: Mapped[str | None] = mapped_column(String(24), unique=True)
    procedure: Mapped[str] = mapped_column(String(12))
    owner: Mapped[str] = mapped_column(String(72), index=True)
    company_number: Mapped[str] = mapped_column(ForeignKey("company.number"), index=True)
    confirmation: Mapped[str] = mapped_column(String(43), unique=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    document_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(8))
    language: Mapped[str] = mapped_column(String(2), default="ja", server_default="ja")
    log_in_kept: Mapped[bool] = mapped_column(default=True, server_default=true())
    created: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    signatures: Mapped[list[Signature]] = relationship(lazy="selectin", order_by="Signature.id")


class Signature(Base):
    """A card's signature over an application's document, with its certificate (DER)."""

    __tablename__ = "signature"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    algorithm: Mapped[str] = mapped_column(String(8))
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    certificate: Mapped[bytes] = mapped_column(LargeBinary)


class Card(Base):
    """A registered IC card by the fingerprints of its two certificates: one card, one number.

    `values` are what is registered now; `replaced_by` is the card of a later ICカード更新.
    """

    __tablename__ = "card"

    login_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    signing_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    company_number: Mapped[str] = mapped_column(ForeignKey("company.number"), index=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    values: Mapped[dict[str, str]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(8))
    replaced_by: Mapped[str | None] = mapped_column(String(64), index=True)


class User(Base):
    """A user without an IC card (少額物品); `password_hash` is argon2id."""

    __tablename__ = "user"
    __table_args__ = (UniqueConstraint("company_number", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    company_number: Mapped[str] = mapped_column(ForeignKey("company.number"))
    name: Mapped[str] = mapped_column(String(256))
    password_hash: Mapped[str] = mapped_column(String(128))
    values: Mapped[dict[str, str]] = mapped_column(JSON)


class LoginFailures(Base):
    """Wrong passwords in a row for one 登録番号 and ユーザID, whether there is such a user or not."""

    __tablename__ = "login_failures"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    not_before: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class EvidenceFile(Base):
    """A certificate, OCSP response or CRL (`kind`) in DER, that one or more applications rest on."""

    __tablename__ = "evidence"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[Literal["certificate", "ocsp", "crl"]] = mapped_column(String(12))
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ApplicationEvidence(Base):
    """What showed that an application's certificates were good when it was received."""

    __tablename__ = "application_evidence"

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), primary_key=True)
    evidence_sha256: Mapped[str] = mapped_column(ForeignKey("evidence.sha256"), primary_key=True)


class RevocationAnswer(Base):
    """An answer about a certificate, kept for the next question; `key` names the question."""

    __tablename__ = "revocation_answer"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    expires: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Notice(Base):
    """A notice of the bid information service; days are those of Japan."""

    __tablename__ = "notice"

    number: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    procurement: Mapped[str] = mapped_column(String(16), index=True)
    agency: Mapped[str] = mapped_column(String(16), index=True)
    method: Mapped[str] = mapped_column(String(16))
    published: Mapped[date] = mapped_column(index=True)
    deadline: Mapped[datetime | None] = mapped_column(UtcDateTime)
    opening: Mapped[datetime | None] = mapped_column(UtcDateTime)
    title_ja: Mapped[str] = mapped_column(String(120))
    title_en: Mapped[str] = mapped_column(String(200))
    body_ja: Mapped[str] = mapped_column(String(2000))
    body_en: Mapped[str] = mapped_column(String(2000))
    place_ja: Mapped[str] = mapped_column(String(120))
    place_en: Mapped[str] = mapped_column(String(200))
    result_ja: Mapped[str] = mapped_column(String(200))
    result_en: Mapped[str] = mapped_column(String(200))


class Inquiry(Base):
    """A question that a person has left for the office; `status` is theirs to change."""

    __tablename__ = "inquiry"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    number: Mapped[str | None] = mapped_column(String(24), unique=True)
    token: Mapped[str] = mapped_column(String(43), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    mail: Mapped[str] = mapped_column(String(100))
    company: Mapped[str] = mapped_column(String(60))
    question: Mapped[str] = mapped_column(String(2000))
    screen: Mapped[str] = mapped_column(String(32))
    language: Mapped[str] = mapped_column(String(2))
    status: Mapped[str] = mapped_column(String(8))
    created: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
