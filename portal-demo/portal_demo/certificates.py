"""Which certificates the portal takes: chain, validity, key usage (RFC 5280, section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from portal_demo.clock import japanese_date
from portal_demo.errors import (
    CertificateIsAuthority,
    CertificateMalformed,
    CertificateNotValid,
    CertificateUntrusted,
    CertificateUsage,
)
from portal_demo.holders import short_name

_PARSE_ERRORS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


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
    except _PARSE_ERRORS as e:
        raise CertificateMalformed from e
    return certificate


def sha256_of(certificate: x509.Certificate) -> str:
    """Return the fingerprint of a certificate, lower-case hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def load_anchors(paths: Iterable[Path]) -> TrustAnchors:
    """Read the authorities' certificates from PEM files. Raises OSError or ValueError."""
    found: list[x509.Certificate] = []
    for path in paths:
        found += x509.load_pem_x509_certificates(path.read_bytes())
    return TrustAnchors(found)


class TrustAnchors:
    """The authorities whose cards are taken."""

    def __init__(self, authorities: list[x509.Certificate]) -> None:
        self._store = Store(authorities) if authorities else None

    def verify(
        self,
        certificate: x509.Certificate,
        purpose: KeyPurpose,
        now: datetime,
        intermediates: Iterable[x509.Certificate] = (),
    ) -> None:
        """Check a person's certificate for a purpose at a time.

        `intermediates` come from the card and are believed only as far as an anchor vouches.

        Raises CertificateIsAuthority, CertificateUsage, CertificateNotValid or
        CertificateUntrusted, in this order of checks.
        """
        _require_end_entity(certificate)
        _require_usage(certificate, purpose)
        _require_validity(certificate, now)
        self._require_chain(certificate, now, list(intermediates))

    def _require_chain(
        self, certificate: x509.Certificate, now: datetime, intermediates: list[x509.Certificate]
    ) -> None:
        untrusted = CertificateUntrusted(issuer=issuer_name(certificate))
        if self._store is None:
            raise untrusted
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .time(now)
            .extension_policies(ca_policy=_ca_policy(), ee_policy=_ee_policy())
            .build_client_verifier()
        )
        try:
            verifier.verify(certificate, intermediates)
        except VerificationError as e:
            raise untrusted from e


def _ca_policy() -> ExtensionPolicy:
    return (
        ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _authority)
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_certificates)
        .may_be_present(x509.CertificatePolicies, Criticality.AGNOSTIC, None)
    )


def _ee_policy() -> ExtensionPolicy:
    """Allow what cards carry; JPKI marks its certificate policies as critical."""
    return (
        ExtensionPolicy.permit_all()
        .require_present(x509.KeyUsage, Criticality.AGNOSTIC, None)
        .may_be_present(x509.CertificatePolicies, Criticality.AGNOSTIC, None)
    )


def _authority(_policy: Policy, _cert: x509.Certificate, ext: x509.BasicConstraints) -> None:
    if not ext.ca:
        raise ValueError("the issuer is no authority")


def _signs_certificates(
    _policy: Policy, _cert: x509.Certificate, ext: x509.KeyUsage | None
) -> None:
    if ext is not None and not ext.key_cert_sign:
        raise ValueError("the issuer may not sign certificates")


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


def _require_validity(certificate: x509.Certificate, now: datetime) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin <= now <= end:
        raise CertificateNotValid(not_before=japanese_date(begin), not_after=japanese_date(end))


def issuer_name(certificate: x509.Certificate) -> str:
    """Return the issuer in short: its common name, else its organization, else the whole DN."""
    return short_name(certificate.issuer)
