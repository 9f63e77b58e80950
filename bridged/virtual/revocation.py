"""How the demo CA tells of revocations: OCSP (RFC 6960) and CRL (RFC 5280)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from bridged.virtual.register import Register, Revocation, key_id

LASTS = timedelta(seconds=10)
"""So short that a revocation is seen at once in a demo; real CAs give hours or a day."""


class Issuer(Protocol):
    """A CA that signs for itself."""

    @property
    def certificate(self) -> x509.Certificate:
        """Its certificate."""

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """Its key."""


def pointers(address: str, key: str) -> list[x509.ExtensionType]:
    """Return what certificates say of where revocations are told, by the issuer's key."""
    uri = x509.UniformResourceIdentifier
    crl = x509.DistributionPoint([uri(f"{address}/{key}.crl")], None, None, None)
    access = (
        (AuthorityInformationAccessOID.OCSP, f"{address}/ocsp"),
        (AuthorityInformationAccessOID.CA_ISSUERS, f"{address}/{key}.cer"),
    )
    return [
        x509.CRLDistributionPoints([crl]),
        x509.AuthorityInformationAccess([x509.AccessDescription(m, uri(u)) for m, u in access]),
    ]


def make_crl(ca: Issuer, register: Register) -> bytes:
    """Return the list of everything that a CA has revoked, in DER."""
    now = _now()
    key = key_id(ca.certificate)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.certificate.subject)
        .last_update(now)
        .next_update(now + LASTS)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False
        )
    )
    for revocation in register.revocations(key):
        builder = builder.add_revoked_certificate(_entry(revocation))
    return builder.sign(ca.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _entry(revocation: Revocation) -> x509.RevokedCertificate:
    builder = (
        x509.RevokedCertificateBuilder()
        .serial_number(revocation.serial)
        .revocation_date(revocation.moment)
    )
    # "unspecified" is said by saying nothing (RFC 5280, 5.3.1).
    if revocation.reason is not x509.ReasonFlags.unspecified:
        builder = builder.add_extension(x509.CRLReason(revocation.reason), critical=False)
    return builder.build()


def answer(question: bytes, cas: dict[bytes, Issuer], register: Register) -> bytes:
    """Return the answer to an OCSP request, in DER; `cas` are by the SHA-1 of their keys."""
    try:
        asked = ocsp.load_der_ocsp_request(question)
        hash_algorithm, serial = asked.hash_algorithm, asked.serial_number
    except (ValueError, NotImplementedError):
        return _refusal(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    ca = cas.get(asked.issuer_key_hash) if isinstance(hash_algorithm, hashes.SHA1) else None
    if ca is None:
        return _refusal(ocsp.OCSPResponseStatus.UNAUTHORIZED)
    key, now = asked.issuer_key_hash.hex(), _now()
    revocation = register.revocation(key, serial)
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=asked.issuer_name_hash,
        issuer_key_hash=asked.issuer_key_hash,
        serial_number=serial,
        algorithm=hash_algorithm,
        cert_status=_status(revocation, known=register.has_issued(key, serial)),
        this_update=now,
        next_update=now + LASTS,
        revocation_time=revocation.moment if revocation else None,
        revocation_reason=revocation.reason if revocation else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, ca.certificate)
    for extension in asked.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            builder = builder.add_extension(extension.value, critical=False)
    return builder.sign(ca.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _status(revocation: Revocation | None, *, known: bool) -> ocsp.OCSPCertStatus:
    if revocation is not None:
        return ocsp.OCSPCertStatus.REVOKED
    return ocsp.OCSPCertStatus.GOOD if known else ocsp.OCSPCertStatus.UNKNOWN


def _refusal(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
