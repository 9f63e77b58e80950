"""What showed that a certificate was good: kept with an application, and for the next question."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.models import ApplicationEvidence, EvidenceFile, RevocationAnswer
from portal_demo.revocation import Source, next_update
from portal_demo.rows import insert, sweep

LONGEST_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A certificate of the path, or an answer about one, in DER."""

    kind: Literal["certificate", "ocsp", "crl"]
    content: bytes

    @property
    def sha256(self) -> str:
        """Return the name it is stored under: many applications share one list."""
        return hashlib.sha256(self.content).hexdigest()


async def attach(db: AsyncSession, application_id: int, evidence: Iterable[Evidence]) -> None:
    """Store evidence with an application."""
    # In one order, so that of two that store the same files none waits for the other in turn.
    files = [
        {"sha256": one.sha256, "kind": one.kind, "content": one.content}
        for one in sorted(set(evidence), key=lambda one: one.sha256)
    ]
    if files:
        await db.execute(insert(db, EvidenceFile, files).on_conflict_do_nothing())
    db.add_all(
        ApplicationEvidence(application_id=application_id, evidence_sha256=file["sha256"])
        for file in files
    )


async def attached_to(db: AsyncSession, application_id: int) -> list[EvidenceFile]:
    """Return the evidence of an application."""
    query = (
        select(EvidenceFile)
        .join(ApplicationEvidence, ApplicationEvidence.evidence_sha256 == EvidenceFile.sha256)
        .where(ApplicationEvidence.application_id == application_id)
    )
    return list(await db.scalars(query))


async def kept_answer(db: AsyncSession, key: str, now: datetime) -> bytes | None:
    """Return an answer that is still of its time."""
    found: bytes | None = await db.scalar(
        select(RevocationAnswer.content).where(
            RevocationAnswer.key == key, RevocationAnswer.expires > now
        )
    )
    return found


async def keep_answer(db: AsyncSession, source: Source, content: bytes, now: datetime) -> None:
    """Keep an answer until its next update, a day at most; one without is not kept."""
    sweep(db, RevocationAnswer, RevocationAnswer.expires <= now)
    until = next_update(source.kind, content)
    if until is not None:
        new = {"content": content, "expires": min(until, now + LONGEST_KEPT)}
        kept = insert(db, RevocationAnswer, {"key": source.key, **new})
        await db.execute(
            kept.on_conflict_do_update(index_elements=[RevocationAnswer.key], set_=new)
        )
