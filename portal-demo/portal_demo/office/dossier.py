"""All that an application consists of: what stands in it, what changed, and its files."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.documents import ApplicationDocument, parse_document
from portal_demo.language import Text
from portal_demo.models import Application, EvidenceFile
from portal_demo.status import Status


@dataclass(frozen=True, slots=True)
class Value:
    """A line of the form; `earlier` is what stood there before, where that is another."""

    name: str
    label: str
    value: str
    earlier: str | None


@dataclass(frozen=True, slots=True)
class Section:
    """The lines under one heading."""

    title: str
    values: list[Value]


@dataclass(frozen=True, slots=True)
class File:
    """A file to be saved."""

    name: str
    label: Text
    content: bytes
    content_type: str


_EVIDENCE = {
    "certificate": (
        Text("認証局の証明書など", "Certificate of the path"),
        "cer",
        "application/pkix-cert",
    ),
    "ocsp": (Text("失効確認の応答（OCSP）", "OCSP response"), "ors", "application/ocsp-response"),
    "crl": (Text("失効リスト（CRL）", "Revocation list (CRL)"), "crl", "application/pkix-crl"),
}


async def before(db: AsyncSession, application: Application) -> Application | None:
    """Return the application of the same card or user that this one follows."""
    found: Application | None = await db.scalar(
        select(Application)
        .where(
            Application.owner == application.owner,
            Application.id < application.id,
            Application.company_number == application.company_number,
            Application.status != Status.REJECTED,
        )
        .order_by(Application.id.desc())
        .limit(1)
    )
    return found


def sections_of(document: ApplicationDocument, earlier: Application | None) -> list[Section]:
    """Return what a document says, with what the earlier application said where it differs."""
    old = parse_document(earlier.document).items if earlier else ()
    values_before = {item.name: item.value for item in old}
    found = []
    for title, items in groupby(document.items, key=lambda item: item.section):
        values = []
        for item in items:
            value = values_before.get(item.name, item.value)
            values.append(
                Value(item.name, item.label, item.value, value if value != item.value else None)
            )
        found.append(Section(title, values))
    return found


def files_of(application: Application, evidence: list[EvidenceFile]) -> list[File]:
    """Return the signed bytes, the signatures, their certificates, and what showed them good."""
    stem = f"application-{application.number}"
    files = [
        File(
            f"{stem}.json",
            Text("申請データ（JSON）", "Application (JSON)"),
            application.document,
            "application/json",
        )
    ]
    for position, signature in enumerate(application.signatures):
        which = "-old" if position else ""
        whose = Text("（更新前のICカード）", " (old card)") if position else Text("", "")
        files += [
            File(
                f"{stem}{which}.sig",
                Text("電子署名{whose}", "Signature{whose}").fill(whose=whose),
                signature.signature,
                "application/octet-stream",
            ),
            File(
                f"{stem}{which}.cer",
                Text("署名した証明書{whose}", "Signing certificate{whose}").fill(whose=whose),
                signature.certificate,
                "application/pkix-cert",
            ),
        ]
    for one in evidence:
        label, suffix, content_type = _EVIDENCE[one.kind]
        files.append(File(f"{one.sha256[:16]}.{suffix}", label, one.content, content_type))
    return files
