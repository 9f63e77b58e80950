"""PAdES, verified by pyHanko's validator."""

from __future__ import annotations

from io import BytesIO

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

from bridged.errors import DocumentMalformed, DocumentProtected
from bridged.model import DocumentFormat, SignatureLevel
from bridged.signing.documents import pades
from bridged.signing.documents.cms import CardSigner

from .conftest import Desk
from .verifiers import pdf_signatures


def test_a_pdf_holds_a_signature_of_all_of_it(desk: Desk, pdf: bytes) -> None:
    job = desk.job(DocumentFormat.PADES, pdf, reason="入札書の提出", location="長野県")
    signed = pades.sign(job, desk)
    assert signed.startswith(pdf)
    (status,) = pdf_signatures(signed, desk.roots[0])
    assert status.bottom_line
    assert status.coverage.name == "ENTIRE_FILE"
    (embedded,) = PdfFileReader(BytesIO(signed)).embedded_signatures
    assert embedded.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert embedded.sig_object["/Reason"] == "入札書の提出"
    assert embedded.sig_object["/Location"] == "長野県"
    assert "/M" in embedded.sig_object
    signed_attributes = {each["type"].native for each in embedded.signer_info["signed_attrs"]}
    assert signed_attributes == {"content_type", "message_digest", "signing_certificate_v2"}
    assert len(desk.signed) == 1


def test_a_changed_pdf_is_found(rsa_desk: Desk, pdf: bytes) -> None:
    signed = pades.sign(rsa_desk.job(DocumentFormat.PADES, pdf), rsa_desk)
    changed = signed.replace(b"595 842", b"595 843")
    assert changed != signed
    (status,) = pdf_signatures(changed, rsa_desk.roots[0])
    assert not status.intact
    assert not status.bottom_line


def test_a_second_signature_leaves_the_first_as_it_was(rsa_desk: Desk, pdf: bytes) -> None:
    once = pades.sign(rsa_desk.job(DocumentFormat.PADES, pdf), rsa_desk)
    twice = pades.sign(rsa_desk.job(DocumentFormat.PADES, once), rsa_desk)
    assert twice.startswith(once)
    first, second = pdf_signatures(twice, rsa_desk.roots[0])
    assert first.bottom_line
    assert second.bottom_line
    fields = [s.field_name for s in PdfFileReader(BytesIO(twice)).embedded_signatures]
    assert fields == ["Signature1", "Signature2"]


def test_a_time_stamp_stands_beside_the_signature(desk: Desk, pdf: bytes) -> None:
    job = desk.job(
        DocumentFormat.PADES, pdf, level=SignatureLevel.B_T, tsa_roots=desk.roots, chain=desk.roots
    )
    (status,) = pdf_signatures(pades.sign(job, desk), desk.roots[0])
    assert status.bottom_line
    assert status.timestamp_validity is not None
    assert status.timestamp_validity.trusted
    assert len(desk.signed) == len(desk.tsa.asked) == 1


def test_an_encrypted_pdf_is_refused(rsa_desk: Desk, pdf: bytes) -> None:
    writer = copy_into_new_writer(PdfFileReader(BytesIO(pdf)))
    writer.encrypt(owner_pass="o", user_pass="u")
    out = BytesIO()
    writer.write(out)
    with pytest.raises(DocumentProtected):
        pades.sign(rsa_desk.job(DocumentFormat.PADES, out.getvalue()), rsa_desk)
    assert rsa_desk.signed == []


@pytest.mark.parametrize("allowed", MDPPerm)
def test_a_pdf_is_signed_where_its_certification_lets_it(
    rsa_desk: Desk, pdf: bytes, allowed: MDPPerm
) -> None:
    metadata = PdfSignatureMetadata(
        field_name="Author", md_algorithm="sha256", certify=True, docmdp_permissions=allowed
    )
    author = CardSigner(rsa_desk.job(DocumentFormat.PADES, pdf), rsa_desk)
    certified = (
        PdfSigner(metadata, author)
        .sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), bytes_reserved=16384)
        .getvalue()
    )
    job = rsa_desk.job(DocumentFormat.PADES, certified)
    if allowed is MDPPerm.NO_CHANGES:
        with pytest.raises(DocumentProtected):
            pades.sign(job, rsa_desk)
    else:
        statuses = pdf_signatures(pades.sign(job, rsa_desk), rsa_desk.roots[0])
        assert [status.bottom_line for status in statuses] == [True, True]


@pytest.mark.parametrize(
    "content", [b"no PDF", b"%PDF-1.7\n%%EOF", b"%PDF-1.7\nstartxref\n9999\n%%EOF"]
)
def test_what_is_no_pdf_is_refused(rsa_desk: Desk, content: bytes) -> None:
    with pytest.raises(DocumentMalformed) as refused:
        pades.sign(rsa_desk.job(DocumentFormat.PADES, content), rsa_desk)
    assert refused.value.detail
    assert rsa_desk.signed == []


def test_a_damaged_pdf_is_refused_or_signed_and_nothing_else(rsa_desk: Desk, pdf: bytes) -> None:
    refused = 0
    for at in range(0, len(pdf), 7):
        damaged = pdf[:at] + b"\xff" + pdf[at + 1 :]
        try:
            signed = pades.sign(rsa_desk.job(DocumentFormat.PADES, damaged), rsa_desk)
        except DocumentMalformed:
            refused += 1
        else:
            assert signed.startswith(damaged)
    assert refused


def test_a_pdf_has_no_detached_signature(rsa_desk: Desk, pdf: bytes) -> None:
    with pytest.raises(DocumentMalformed):
        pades.sign(rsa_desk.job(DocumentFormat.PADES, pdf, detached=True), rsa_desk)
