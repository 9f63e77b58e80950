"""The document of an application, what the portal wrote down beside it, and the signatures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from portal_demo import challenges, documents
from portal_demo import signatures as jwa
from portal_demo.applications import number_of
from portal_demo.card_errors import CertificateMalformed
from portal_demo.certificates import parse_certificate
from portal_demo.documents import ApplicationDocument, CertificateNote
from portal_demo.errors import PortalError
from portal_demo.holders import short_name
from portal_demo.language import Text
from portal_demo.models import Application, Signature
from portal_demo.paths import CLOCK_SKEW
from portal_demo.procedures import BY_KIND, Kind
from portal_demo.verification.report import Check, Finding, Outcome, judged


def document(application: Application, *, readable: bool) -> Finding:
    """Tell whether the document is the one that was received."""
    return judged(
        Check.DOCUMENT,
        Text("受け付けた時の内容のままです。", "It is as it was received."),
        Text("受け付けた後に変更されています。", "It was changed after it was received."),
        ok=readable and documents.digest_of(application.document) == application.document_sha256,
    )


def record(application: Application, signed: ApplicationDocument, company_number: str) -> Finding:
    """Compare what the office sees of an application with what was signed.

    `company_number` is what the signed number is called now: it may have been merged.
    """
    cards = [f"card:{note.sha256}" for note in log_ins(signed)]
    pairs = {
        "number": (application.number, number_of(application.id, application.created)),
        "company_number": (application.company_number, company_number),
        "confirmation": (application.confirmation, signed.confirmation),
        "procedure": (BY_KIND[Kind(application.procedure)].title.ja, signed.procedure),
        "owner": (application.owner in cards, bool(cards)),
    }
    wrong = ", ".join(name for name, (stored, said) in pairs.items() if stored != said)
    return judged(
        Check.RECORD,
        Text("申請文書と一致します。", "It says what the document says."),
        Text("申請文書と異なります（{names}）。", "It differs from the document: {names}.").fill(
            names=wrong
        ),
        ok=not wrong,
    )


def log_ins(signed: ApplicationDocument | None) -> list[CertificateNote]:
    """Return the log-in certificates of the cards that a document names."""
    notes = (signed.login_certificate, signed.replaced_login_certificate) if signed else ()
    return [note for note in notes if note]


def time(application: Application, signed: ApplicationDocument) -> Finding:
    """Hold the time of receipt to the time in the document, which was signed."""
    latest = signed.time + challenges.LIFETIME + CLOCK_SKEW
    return judged(
        Check.TIME,
        Text("署名された文書の時刻と合います。", "It fits the time in the signed document."),
        Text(
            "署名された文書の時刻と合いません。", "It does not fit the time in the signed document."
        ),
        ok=signed.time - CLOCK_SKEW <= application.created <= latest,
    )


def signatures(application: Application, signed: ApplicationDocument | None) -> Iterator[Finding]:
    """Verify each signature, by the certificates that the document names."""
    rows = application.signatures
    notes = (signed.signing_certificate, signed.replaced_signing_certificate) if signed else ()
    expected = [note.sha256 for note in notes if note]
    if signed and not expected and not rows:
        text = Text(
            "ICカードを使わない申請です。署名はありません。",
            "It was made without an IC card: nothing was signed.",
        )
        yield Finding(Check.SIGNATURE, Outcome.NONE, text)
    elif signed and [hashlib.sha256(row.certificate).hexdigest() for row in rows] != expected:
        text = Text(
            "申請文書に記載された証明書による署名が揃っていません。",
            "The signatures are not those of the certificates that the document names.",
        )
        yield Finding(Check.SIGNATURE, Outcome.BAD, text)
    for row in rows:
        yield _signature(row, application.document)


def _signature(row: Signature, content: bytes) -> Finding:
    about = row.algorithm
    bad = Text(
        "保存されている文書への署名ではありません。", "It is not over the document that is stored."
    )
    ok = False
    try:
        certificate = parse_certificate(row.certificate)
        about = f"{short_name(certificate.subject)}, {row.algorithm}"
        jwa.verify(certificate.public_key(), row.algorithm, row.signature, content)
        ok = True
    except CertificateMalformed as e:
        bad = e.message()
    except PortalError:
        pass
    good = Text("この文書への署名です。", "It is over this document.")
    return judged(Check.SIGNATURE, good, bad, ok=ok, about=about)
