"""What is to be signed, and what a format needs of the world outside its process."""

from __future__ import annotations

from typing import Protocol

import msgspec

from bridged.model import Algorithm, DocumentFormat, SignatureLevel


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A document, how to sign it, and the certificate of the key that will.

    Time-stamps must chain to one of `tsa_roots` where there are any (DER).
    """

    format: DocumentFormat
    content: bytes
    certificate: bytes
    algorithm: Algorithm
    chain: tuple[bytes, ...] = ()
    level: SignatureLevel = SignatureLevel.B_B
    detached: bool = False
    file_name: str | None = None
    reason: str | None = None
    location: str | None = None
    tsa_roots: tuple[bytes, ...] = ()


class GivenUp(Exception):
    """Nobody waits for the document any more."""


class Outside(Protocol):
    """The card and the network, neither of which a document's process has."""

    def sign(self, digest: bytes) -> bytes:
        """Return the card's signature of a digest, ECDSA as r||s; raises `GivenUp`."""

    def timestamp(self, request: bytes) -> bytes:
        """Return an authority's answer to a request (RFC 3161), unchecked; raises `GivenUp`."""
