"""Web eID authentication tokens, format `web-eid:1.0` (`docs/protocol.md`)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cryptography import x509
from msgspec import Meta

from portal_demo import signatures
from portal_demo.card_errors import TokenMalformed
from portal_demo.certificates import parse_certificate

FORMAT = "web-eid:1.0"


class Token(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The token as the page sends it."""

    unverified_certificate: Annotated[bytes, Meta(min_length=1, max_length=16384)]
    algorithm: Annotated[str, Meta(max_length=8)]
    signature: Annotated[bytes, Meta(min_length=1, max_length=1024)]
    format: Annotated[str, Meta(max_length=32)]
    app_version: Annotated[str, Meta(max_length=256)]


def signed_message(algorithm: str, origin: str, challenge: str) -> bytes:
    """Return what a token signs: `H(utf8(origin)) || H(utf8(challenge))`."""
    return signatures.digest(algorithm, origin.encode()) + signatures.digest(
        algorithm, challenge.encode()
    )


def verify_token(token: Token, *, origin: str, challenge: str) -> x509.Certificate:
    """Return the certificate that answered `challenge` for `origin`; whose it is, `Trust` tells.

    Raises TokenMalformed, CertificateMalformed or SignatureInvalid.
    """
    if token.format != FORMAT:
        raise TokenMalformed(detail="format")
    certificate = parse_certificate(token.unverified_certificate)
    signatures.verify(
        certificate.public_key(),
        token.algorithm,
        token.signature,
        signed_message(token.algorithm, origin, challenge),
    )
    return certificate
