"""PAdES baseline signatures in a PDF, invisible and appended to it (ETSI EN 319 142-1)."""

from __future__ import annotations

from io import BytesIO
from itertools import count

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.validation.pdf_embedded import read_certification_data

from bridged.errors import BridgedError, DocumentMalformed, DocumentProtected
from bridged.model import DocumentFormat, SignatureLevel
from bridged.signing.documents.cms import CardSigner, digest_algorithm, timestamper
from bridged.signing.documents.job import GivenUp, Job, Outside

SIGNATURE_ROOM = 4096
TIMESTAMP_ROOM = 16384
"""Bytes that a signature and a time-stamp take at the most, their certificates aside."""


def sign(job: Job, outside: Outside) -> bytes:
    """Return the PDF with a signature behind all there was; what was signed before stays so.

    Raises `DocumentProtected` and `DocumentMalformed`.
    """
    if job.detached:
        raise DocumentMalformed(
            format=DocumentFormat.PADES, detail="a PDF holds its signature itself"
        )
    try:
        return _sign(_writer(job.content), job, outside)
    except (BridgedError, GivenUp, MemoryError, RecursionError):
        raise
    except Exception as error:
        # A PDF may break its reader in any way.
        detail = str(error)[:200] or "it is no PDF"
        raise DocumentMalformed(format=DocumentFormat.PADES, detail=detail) from error


def _writer(content: bytes) -> IncrementalPdfFileWriter:
    """Read a PDF; hybrid ones are common (word processors make them), so not strictly."""
    writer = IncrementalPdfFileWriter(BytesIO(content), strict=False)
    if writer.prev.encrypted:
        raise DocumentProtected
    certified = read_certification_data(writer.prev)
    if certified is not None and certified.permission is MDPPerm.NO_CHANGES:
        raise DocumentProtected
    return writer


def _sign(writer: IncrementalPdfFileWriter, job: Job, outside: Outside) -> bytes:
    taken = {name for name, *_ in enumerate_sig_fields(writer.prev)}
    metadata = PdfSignatureMetadata(
        field_name=next(name for n in count(1) if (name := f"Signature{n}") not in taken),
        md_algorithm=digest_algorithm(job),
        subfilter=SigSeedSubFilter.PADES,
        reason=job.reason,
        location=job.location,
    )
    signer = PdfSigner(metadata, CardSigner(job, outside), timestamper=timestamper(job, outside))
    signed = signer.sign_pdf(writer, bytes_reserved=_room(job))
    return bytes(signed.getbuffer())


def _room(job: Job) -> int:
    """Return how many hexadecimal digits to leave for the signature."""
    stamp = 0 if job.level is SignatureLevel.B_B else TIMESTAMP_ROOM
    return 2 * (SIGNATURE_ROOM + stamp + len(job.certificate) + sum(map(len, job.chain)))
