"""What a person's certificate must be by itself: readable, an end entity's, of its time and use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from portal_demo.card_errors import (
    CertificateIsAuthority,
    CertificateMalformed,
    CertificateNotValid,
    CertificateUsage,
)
from portal_demo.clock import date_text
from portal_demo.holders import short_name

PARSE_ERRORS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_LOGIN = {
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.SMARTCARD_LOGON,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}
# Keys of services: their certificates have the KeyUsage of a person's, too.
_SERVICES = {
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.CODE_SIGNING,
    ExtendedKeyUsageOID.TIME_STAMPING,
    ExtendedKeyUsageOID.OCSP_SIGNING,
}


class KeyPurpose(Enum):
    """What a key is used for here, and which bits of KeyUsage allow it (one suffices)."""

    AUTHENTICATION = ("digital_signature",)
    SIGNATURE = ("content_commitment", "digital_signature")


def parse_certificate(der: bytes) -> x509.Certificate:
    """Return the certificate of a DER encoding. Raises CertificateMalformed."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        # These parse lazily; a certificate that fails later would be a fault of ours.
        certificate.public_key()
        certificate.subject.rfc4514_string()
        certificate.issuer.rfc4514_string()
        tuple(certificate.extensions)
    except PARSE_ERRORS as e:
        raise CertificateMalformed from e
    return certificate


def sha256_of(certificate: x509.Certificate) -> str:
    """Return the fingerprint of a certificate, lower-case hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def to_pem(certificates: Iterable[x509.Certificate]) -> str:
    """Return certificates as one text."""
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


def from_pem(text: str) -> list[x509.Certificate]:
    """Return the certificates of a text that `to_pem` made."""
    return x509.load_pem_x509_certificates(text.encode()) if text else []


def issuer_name(certificate: x509.Certificate) -> str:
    """Return the issuer in short: its common name, else its organization, else the whole DN."""
    return short_name(certificate.issuer)


def require_suitable(certificate: x509.Certificate, purpose: KeyPurpose, now: datetime) -> None:
    """Check what needs no authority.

    Raises CertificateIsAuthority, CertificateUsage or CertificateNotValid, in this order.
    """
    _require_end_entity(certificate)
    _require_usage(certificate, purpose)
    _require_extended_usage(certificate, purpose)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin <= now <= end:
        raise CertificateNotValid(not_before=date_text(begin), not_after=date_text(end))


def _require_end_entity(certificate: x509.Certificate) -> None:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return
    if constraints.value.ca:
        raise CertificateIsAuthority


def _require_usage(certificate: x509.Certificate, purpose: KeyPurpose) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as e:
        raise CertificateUsage from e
    if not any(getattr(usage, bit) for bit in purpose.value):
        raise CertificateUsage


def _require_extended_usage(certificate: x509.Certificate, purpose: KeyPurpose) -> None:
    try:
        usages = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return
    logs_in = purpose is KeyPurpose.AUTHENTICATION
    if not (usages & _LOGIN if logs_in else usages - _SERVICES):
        raise CertificateUsage
