"""The certificates of an application: whose they are, and who said that they were good."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from portal_demo.card_errors import CertificateMalformed, CertificateRevoked
from portal_demo.certificates import KeyPurpose, parse_certificate
from portal_demo.errors import PortalError
from portal_demo.holders import short_name
from portal_demo.language import Text
from portal_demo.models import EvidenceFile
from portal_demo.paths import Path, PathFinder
from portal_demo.revocation import Unusable, judge, sources_of
from portal_demo.verification.report import Check, Finding, Outcome, judged


def file(stored: EvidenceFile) -> Finding:
    """Tell whether a certificate or an answer is the one that was stored."""
    return judged(
        Check.EVIDENCE,
        Text("保存した時のままです。", "It is as it was stored."),
        Text("保存した後に変更されています。", "It was changed after it was stored."),
        ok=hashlib.sha256(stored.content).hexdigest() == stored.sha256,
        about=f"{stored.kind} {stored.sha256[:16]}",
    )


@dataclass(frozen=True, slots=True)
class Look:
    """Looks at certificates as of the moment the application came, with nothing but its evidence."""

    moment: datetime
    files: Sequence[EvidenceFile]
    paths: PathFinder
    log_in_kept: bool

    async def log_in(self, sha256: str) -> AsyncIterator[Finding]:
        """Follow the certificate that a card logged in with, by the fingerprint in the document."""
        for stored in self.files:
            if stored.kind == "certificate" and stored.sha256 == sha256:
                async for found in self.certificate(stored.content, KeyPurpose.AUTHENTICATION):
                    yield found
                return
        if not self.log_in_kept:
            text = Text(
                "ログインの証明書を保存する前の版（データベースの版0010より前）で受け付けたため、"
                "ログインに使われた証明書は確認できません。",
                "It was received by a version that did not keep log-in certificates yet (before "
                "revision 0010 of the database): the certificate that logged in cannot be verified.",
            )
            yield Finding(Check.PATH, Outcome.NOT_KEPT, text, sha256[:16])
            return
        text = Text(
            "ログインに使われた証明書が保存されていません。",
            "The certificate that logged in is not stored.",
        )
        yield Finding(Check.PATH, Outcome.BAD, text, sha256[:16])

    async def certificate(self, der: bytes, purpose: KeyPurpose) -> AsyncIterator[Finding]:
        """Follow a certificate to an authority, and see that none on the way was revoked."""
        about = ""
        try:
            certificate = parse_certificate(der)
            about = f"{short_name(certificate.subject)}, {purpose.name.lower()}"
            given = _certificates(self.files)
            path = await self.paths.find(certificate, purpose, given, self.moment)
        except PortalError as e:
            yield Finding(Check.PATH, Outcome.BAD, e.message(), about)
            return
        text = Text(
            "受付時に有効で、認証局「{anchor}」まで確認できました。",
            "It was valid then, and leads to the authority {anchor}.",
        )
        anchor = short_name(path.authority.certificate.subject)
        yield Finding(Check.PATH, Outcome.GOOD, text.fill(anchor=anchor), about)
        yield await self._revocation(path, 0, about)
        for position, between in enumerate(path.certificates[1:], start=1):
            subject = x509.load_der_x509_certificate(between.dump()).subject
            yield await self._revocation(path, position, short_name(subject))

    async def _revocation(self, path: Path, position: int, about: str) -> Finding:
        for stored in self.files:
            if stored.kind == "certificate":
                continue
            try:
                await judge(path, position, stored.kind, stored.content, self.moment)
            except CertificateRevoked as e:
                return Finding(Check.REVOCATION, Outcome.BAD, e.message(), about)
            except Unusable:
                continue
            text = Text("失効していませんでした（{kind}）。", "It was not revoked ({kind}).")
            return Finding(
                Check.REVOCATION, Outcome.GOOD, text.fill(kind=stored.kind.upper()), about
            )
        if not sources_of(path, position).offered:
            text = Text(
                "認証局が失効情報を提供していません。", "Its authority tells no revocations."
            )
            return Finding(Check.REVOCATION, Outcome.NONE, text, about)
        text = Text(
            "失効していなかったことを示す有効な回答が保存されていません。",
            "No answer is stored that shows that it was not revoked.",
        )
        return Finding(Check.REVOCATION, Outcome.BAD, text, about)


def _certificates(files: Iterable[EvidenceFile]) -> Iterator[x509.Certificate]:
    for stored in files:
        if stored.kind == "certificate":
            try:
                yield parse_certificate(stored.content)
            except CertificateMalformed:
                continue  # `file` has told that it was changed
