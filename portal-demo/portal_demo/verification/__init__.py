"""An application verified again, years later, from nothing but what was stored with it.

The moment that counts is the one it was received at: the time in the document, which was signed,
holds it. Certificates may have expired since; the authority has to be in the trust list still.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import documents, evidence, register
from portal_demo.authorities import Authority
from portal_demo.certificates import KeyPurpose
from portal_demo.documents import ApplicationDocument
from portal_demo.errors import ApplicationUnknown
from portal_demo.models import Application, EvidenceFile
from portal_demo.paths import PathFinder
from portal_demo.verification import certificates, records
from portal_demo.verification.report import Check, Finding, Outcome, Report

__all__ = ["Check", "Finding", "Outcome", "Report", "verify"]


async def verify(db: AsyncSession, number: str, authorities: Iterable[Authority]) -> Report:
    """Verify a stored application by the authorities of a trust list; asks nobody.

    Raises ApplicationUnknown.
    """
    application: Application | None = await db.scalar(
        select(Application).where(Application.number == number)
    )
    if application is None:
        raise ApplicationUnknown
    files = await evidence.attached_to(db, application.id)
    document = _parse(application.document)
    findings = [records.document(application, readable=document is not None)]
    if document:
        company = await register.number_now(db, document.company_number)
        findings.append(records.record(application, document, company))
        findings.append(records.time(application, document))
    findings += records.signatures(application, document)
    paths = PathFinder(authorities)
    findings += [one async for one in _look(application, document, files, paths)]
    digest = documents.digest_of(application.document)
    return Report(number, application.created, digest, tuple(findings))


async def _look(
    application: Application,
    document: ApplicationDocument | None,
    files: Sequence[EvidenceFile],
    paths: PathFinder,
) -> AsyncIterator[Finding]:
    """Look at the certificates, and at what showed that they were good."""
    for file in files:
        yield certificates.file(file)
    look = certificates.Look(application.created, files, paths, application.log_in_kept)
    for row in application.signatures:
        async for found in look.certificate(row.certificate, KeyPurpose.SIGNATURE):
            yield found
    for note in records.log_ins(document):
        async for found in look.log_in(note.sha256):
            yield found


def _parse(content: bytes) -> ApplicationDocument | None:
    try:
        return documents.parse_document(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
