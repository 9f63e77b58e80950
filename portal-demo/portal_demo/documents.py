"""The application document: everything shown, as canonical JSON, the bytes that are signed.

Canonical means: UTF-8, members sorted, no white space, no floats; for the ASCII member names used
here that is RFC 8785.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec
from cryptography import x509

from portal_demo.certificates import sha256_of
from portal_demo.fields import Field, Table
from portal_demo.holders import holder_of

TYPE = "urn:portal-demo:application:1"


class Item(msgspec.Struct, frozen=True):
    """One line of the form; its labels are the Japanese ones, in whatever language it was shown."""

    name: str
    label: str
    section: str
    value: str


class CertificateNote(msgspec.Struct, frozen=True, rename="camel"):
    """Which certificate, and whom it names."""

    sha256: str
    subject: str
    issuer: str
    serial_number: str
    holder_name: str | None
    holder_organization: str | None


class ApplicationDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the card signs; `time` is RFC 3339 in UTC, `confirmation` names the confirmed screen.

    Without a card there is a `user` and no certificate; the replaced ones are those of the old card
    in an ICカード更新, which signs as well.
    """

    type: str = TYPE
    procedure: str
    procurement: str
    status: str
    origin: str
    company_number: str
    difference_accepted: bool
    items: tuple[Item, ...]
    login_certificate: CertificateNote | None = None
    signing_certificate: CertificateNote | None = None
    replaced_login_certificate: CertificateNote | None = None
    replaced_signing_certificate: CertificateNote | None = None
    user: str | None = None
    password_changed: bool = False
    confirmation: str
    challenge: str = ""
    time: datetime

    def value(self, name: str) -> str:
        """Return a line of the form; an empty text where it has no such line."""
        return next((item.value for item in self.items if item.name == name), "")

    def canonical(self) -> bytes:
        """Return the bytes to sign."""
        return msgspec.json.encode(self, order="sorted")


def parse_document(content: bytes) -> ApplicationDocument:
    """Return the document of stored bytes."""
    return msgspec.json.decode(content, type=ApplicationDocument)


def note(certificate: x509.Certificate) -> CertificateNote:
    """Describe a certificate."""
    holder = holder_of(certificate)
    return CertificateNote(
        sha256=sha256_of(certificate),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial_number=f"{certificate.serial_number:x}",
        holder_name=holder.name,
        holder_organization=holder.organization,
    )


def items_of(table: Table, values: dict[str, str]) -> tuple[Item, ...]:
    """Return the whole form, read-only lines included and secrets left out, in its order."""
    return tuple(
        Item(line.name, line.label.ja, line.section.title.ja, values[line.name])
        for line in table.layout
        if not (isinstance(line, Field) and line.secret)
    )


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a document, lower-case hex."""
    return hashlib.sha256(content).hexdigest()
