"""CAdES baseline signatures of any bytes (ETSI EN 319 122-1)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes

from bridged.signing.documents.cms import CardSigner, digest_algorithm, timestamper
from bridged.signing.documents.job import Job, Outside


def sign(job: Job, outside: Outside) -> bytes:
    """Return SignedData in DER, with the content in it unless it is detached."""
    signed = asyncio.run(
        CardSigner(job, outside).async_sign_general_data(
            job.content,
            digest_algorithm(job),
            detached=job.detached,
            use_cades=True,
            timestamper=timestamper(job, outside),
            signed_attr_settings=PdfCMSSignedAttributes(signing_time=datetime.now(UTC)),
        )
    )
    return bytes(signed.dump())
