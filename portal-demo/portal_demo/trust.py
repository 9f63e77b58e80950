"""Whether a card is to be believed: a valid path, and nobody has revoked what is on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from portal_demo import evidence
from portal_demo.authorities import Authority
from portal_demo.card_errors import CertificateRevoked, CertificateStatusUnknown
from portal_demo.certificates import KeyPurpose
from portal_demo.clock import Clock
from portal_demo.db import Database
from portal_demo.evidence import Evidence
from portal_demo.fetch import FetchError, get_crl, post_ocsp
from portal_demo.paths import Path, PathFinder
from portal_demo.revocation import Source, Unusable, judge, sources_of

log = logging.getLogger(__name__)

LONGEST_S = 15.0

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Verified:
    """A certificate that is good for a purpose now, and what shows it."""

    certificate: x509.Certificate
    evidence: tuple[Evidence, ...]


class Trust:
    """Verifies people's certificates; `hard` refuses those whose revocation cannot be learnt."""

    def __init__(
        self, authorities: Iterable[Authority], database: Database, clock: Clock, *, hard: bool
    ) -> None:
        self._paths = PathFinder(authorities)
        self._database = database
        self._clock = clock
        self._hard = hard

    async def verify(
        self,
        certificate: x509.Certificate,
        purpose: KeyPurpose,
        intermediates: Iterable[x509.Certificate] = (),
    ) -> Verified:
        """Verify a certificate for a purpose; call it outside of transactions, it may wait.

        Raises what `PathFinder.find` raises, CertificateRevoked or CertificateStatusUnknown.
        """
        now = self._clock()
        path = await self._paths.find(certificate, purpose, intermediates, now)
        answers: list[Evidence] = []
        until = asyncio.get_running_loop().time() + LONGEST_S
        try:
            for position in range(len(path.certificates)):
                answers += await self._ask(path, position, now, until)
        except TimeoutError:
            self._unknown("no answer in time")
        return Verified(certificate, (*_certificates(path), *answers))

    async def _ask(self, path: Path, position: int, now: datetime, until: float) -> list[Evidence]:
        """Return the answer that says the certificate at a position is good, if there is one."""
        sources = sources_of(path, position)
        for source in sources.allowed:
            try:
                return [await self._answer(source, path, position, now, until)]
            except (FetchError, Unusable) as e:
                log.warning("revocation: %s", e)
        if sources.offered:
            self._unknown("nobody could be asked")
        return []

    async def _answer(
        self, source: Source, path: Path, position: int, now: datetime, until: float
    ) -> Evidence:
        """Take a kept answer, else a new one, which is kept once it has been believed.

        Only the asking ends at `until`, or when the check is not wanted any more: a transaction that
        is broken off may leave its connection.
        """
        kept = await _whole(self._kept(source, now))
        if kept is not None:
            try:
                await judge(path, position, source.kind, kept, now)
            except Unusable:
                log.info("revocation: a kept answer of %s is of no use any more", source.url)
            else:
                return Evidence(source.kind, kept)
        async with asyncio.timeout_at(until):
            new = await _fetch(source)
        try:
            await judge(path, position, source.kind, new, now)
        except CertificateRevoked:
            await _whole(self._keep(source, new, now))
            raise
        await _whole(self._keep(source, new, now))
        return Evidence(source.kind, new)

    async def _kept(self, source: Source, now: datetime) -> bytes | None:
        async with self._database.transaction() as db:
            return await evidence.kept_answer(db, source.key, now)

    async def _keep(self, source: Source, answer: bytes, now: datetime) -> None:
        async with self._database.transaction() as db:
            await evidence.keep_answer(db, source, answer, now)

    def _unknown(self, why: str) -> None:
        if self._hard:
            raise CertificateStatusUnknown
        log.warning("revocation unknown, taken all the same: %s", why)


async def _whole(work: Coroutine[Any, Any, Result]) -> Result:
    """Do work to its end, even if it is cancelled, and only then be cancelled."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


async def _fetch(source: Source) -> bytes:
    if source.kind == "ocsp":
        return await post_ocsp(source.url, source.request)
    return await get_crl(source.url)


def _certificates(path: Path) -> tuple[Evidence, ...]:
    anchor = path.authority.certificate.public_bytes(Encoding.DER)
    below = (certificate.dump() for certificate in path.certificates)
    return tuple(Evidence("certificate", der) for der in (anchor, *below))
