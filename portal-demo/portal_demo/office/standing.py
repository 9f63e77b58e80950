"""Whether an applicant's card is good now: it may have been revoked since the application."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from portal_demo.card_errors import CertificateRevoked, CertificateStatusUnknown
from portal_demo.certificates import KeyPurpose, parse_certificate, sha256_of
from portal_demo.documents import ApplicationDocument
from portal_demo.errors import PortalError
from portal_demo.models import Application, EvidenceFile
from portal_demo.trust import Trust

PATIENCE_S = 5.0
"""How long an officer waits for an authority."""


async def against(
    trust: Trust,
    application: Application,
    document: ApplicationDocument,
    evidence: Iterable[EvidenceFile],
) -> CertificateRevoked | CertificateStatusUnknown | None:
    """Return what an authority says against the card now; None if nothing, or if there is no card.

    Whether the card was good when it signed `verification` tells. Call it outside of transactions.
    """
    try:
        kept = [parse_certificate(one.content) for one in evidence if one.kind == "certificate"]
        asked = [
            (parse_certificate(signature.certificate), KeyPurpose.SIGNATURE)
            for signature in application.signatures[:1]  # the second is that of a replaced card
        ]
        login = document.login_certificate
        asked += [
            (one, KeyPurpose.AUTHENTICATION)
            for one in kept
            if login and sha256_of(one) == login.sha256
        ]
        async with asyncio.timeout(PATIENCE_S):
            for certificate, purpose in asked:
                await trust.verify(certificate, purpose, kept)
    except (CertificateRevoked, CertificateStatusUnknown) as error:
        return error
    except TimeoutError:
        return CertificateStatusUnknown()
    except PortalError:  # as one that has expired: nobody is asked about it any more
        return None
    return None
