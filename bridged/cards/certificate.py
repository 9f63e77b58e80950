"""A certificate as a card gives it: it may be anything at all."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm


def load(der: bytes) -> x509.Certificate:
    """Read a certificate with a public key of a known kind; raises `ValueError` and nothing else."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.public_key()
    except (UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise ValueError(str(error)) from None
    return certificate


def issued_by(der: bytes, ca: bytes) -> bool:
    """Whether one certificate is signed by the key of another and names it; both can be loaded.

    Names alone do not tell: generations of a CA share one.
    """
    try:
        load(der).verify_directly_issued_by(load(ca))
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def is_certificate(der: bytes) -> bool:
    """Whether `load` can read it."""
    try:
        load(der)
    except ValueError:
        return False
    return True
