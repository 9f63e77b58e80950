"""The Web eID authentication token (format `web-eid:1.0`)."""

from __future__ import annotations

import hashlib

from bridged.cards.key import Key
from bridged.errors import AlgorithmUnsupported
from bridged.model import Algorithm, AuthenticationToken
from bridged.signing.algorithms import hash_name, supported_by

FORMAT = "web-eid:1.0"


def algorithm(key: Key) -> Algorithm:
    """Return the algorithm to make a token with; raises `AlgorithmUnsupported`.

    The format knows none for Ed25519, and its receivers would refuse the token.
    """
    for candidate in supported_by(key):
        if candidate is not Algorithm.EdDSA:
            return candidate
    raise AlgorithmUnsupported(algorithm=FORMAT, supported=())


def digest(origin: str, challenge: str, algorithm: Algorithm) -> bytes:
    """Return what the card signs: H(H(origin) || H(challenge))."""
    name = hash_name(algorithm)
    parts = (hashlib.new(name, text.encode()).digest() for text in (origin, challenge))
    return hashlib.new(name, b"".join(parts)).digest()


def token(
    certificate: bytes, algorithm: Algorithm, signature: bytes, version: str
) -> AuthenticationToken:
    """Return the token; the receiver must verify all of it."""
    return AuthenticationToken(
        unverified_certificate=certificate,
        algorithm=algorithm,
        signature=signature,
        format=FORMAT,
        app_version=f"bridged/{version}",
    )
