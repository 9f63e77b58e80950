"""A certificate as a card gives it: it may be anything at all."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm


def load(der: bytes) -> x509.Certificate:
    """Read a certificate with a public key of a known kind; raises `ValueError` and nothing else."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.public_key()
    except (UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise ValueError(str(error)) from None
    return certificate


def is_certificate(der: bytes) -> bool:
    """Whether `load` can read it."""
    try:
        load(der)
    except ValueError:
        return False
    return True
