"""The demo CA: a root made on the spot and kept in a directory, and what it signs with.

No private key is ever shipped. The directory is private (0700, files 0600); `ca.pem` in it is the
root certificate that a verifier trusts. Beside it stands what was issued (`register`).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from bridged.virtual.register import Register, key_id
from bridged.virtual.revocation import pointers

CERTIFICATE_FILE = "ca.pem"
KEY_FILE = "ca-key.pem"
ROOT_VALIDITY = timedelta(days=3650)
CLOCK_SKEW = timedelta(minutes=5)

ROOT_NAME = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "bridged demo"),
        x509.NameAttribute(NameOID.COMMON_NAME, "bridged demo CA - do not trust"),
    ]
)


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension of a certificate to be issued."""

    value: x509.ExtensionType
    critical: bool = False


def new_rsa_key() -> rsa.RSAPrivateKey:
    """Generate an RSA-2048 key with e = 65537; takes some 100 ms."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_usage(*names: str) -> Extension:
    """Return a critical keyUsage with the named bits (RFC 5280, 4.2.1.3), as cryptography names them."""
    bits = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return Extension(x509.KeyUsage(**{bit: bit in names for bit in bits}), critical=True)


@dataclass(frozen=True, slots=True)
class DemoCa:
    """A CA of the demo: its certificate and its key; what it issues is noted in `register`."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    register: Register | None = None

    @classmethod
    def load_or_create(cls, directory: Path) -> Self:
        """Return the root kept in `directory`, making it at the first call.

        Processes that start together agree on one root: key and certificate are one file that is
        linked into place, and only the first link succeeds.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        bundle = directory / KEY_FILE
        if not bundle.exists():
            with (
                contextlib.suppress(FileExistsError),
                _written(_bundle(cls.create()), bundle) as new,
            ):
                bundle.hardlink_to(new)
        ca = cls.load(bundle, Register(directory))
        certificate = directory / CERTIFICATE_FILE
        if not certificate.exists():
            with _written(ca.pem, certificate) as new:
                new.replace(certificate)
        return ca

    @classmethod
    def load(cls, bundle: Path, register: Register | None = None) -> Self:
        """Return the CA whose key and certificate stand in one file."""
        pem = bundle.read_bytes()
        key = load_pem_private_key(pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{bundle} holds no RSA key")
        return cls(x509.load_pem_x509_certificate(pem), key, register)

    @classmethod
    def create(cls) -> Self:
        """Make a root that lives in memory alone."""
        key = new_rsa_key()
        now = datetime.now(UTC)
        certificate = _sign(
            ROOT_NAME,
            key.public_key(),
            (now - CLOCK_SKEW, now + ROOT_VALIDITY),
            _ca_extensions(path_length=1),
            issuer=ROOT_NAME,
            issuer_key=key,
        )
        return cls(certificate, key)

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self,
        subject: x509.Name,
        public_key: CertificatePublicKeyTypes,
        validity: tuple[datetime, datetime],
        extensions: Iterable[Extension],
    ) -> x509.Certificate:
        """Sign a certificate for a holder's key (sha256WithRSAEncryption)."""
        basic = Extension(x509.BasicConstraints(ca=False, path_length=None))
        return self._issue(subject, public_key, validity, [basic, *extensions])

    def subordinate(self, subject: x509.Name) -> DemoCa:
        """Make an issuing CA below this one, valid as long."""
        key = new_rsa_key()
        validity = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        # Policies must run through the whole path (RFC 5280, 6.1.3 d).
        every = x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None)
        extensions = [*_ca_extensions(path_length=0), Extension(x509.CertificatePolicies([every]))]
        certificate = self._issue(subject, key.public_key(), validity, extensions)
        below = DemoCa(certificate, key, self.register)
        if self.register is not None:
            with _written(_bundle(below), self.register.issuer_file(key_id(certificate))) as new:
                new.replace(self.register.issuer_file(key_id(certificate)))
        return below

    def _issue(
        self,
        subject: x509.Name,
        public_key: CertificatePublicKeyTypes,
        validity: tuple[datetime, datetime],
        extensions: Iterable[Extension],
    ) -> x509.Certificate:
        address = self.register and self.register.address
        told = pointers(address, key_id(self.certificate)) if address else []
        certificate = _sign(
            subject,
            public_key,
            validity,
            [*extensions, *map(Extension, told)],
            issuer=self.certificate.subject,
            issuer_key=self.key,
        )
        if self.register is not None:
            self.register.note(certificate)
        return certificate


def _bundle(ca: DemoCa) -> bytes:
    return ca.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + ca.pem


def _ca_extensions(*, path_length: int) -> list[Extension]:
    return [
        Extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True),
        key_usage("key_cert_sign", "crl_sign"),
    ]


def _sign(
    subject: x509.Name,
    public_key: CertificatePublicKeyTypes,
    validity: tuple[datetime, datetime],
    extensions: Iterable[Extension],
    *,
    issuer: x509.Name,
    issuer_key: rsa.RSAPrivateKey,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    for extension in extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(issuer_key, hashes.SHA256())


@contextlib.contextmanager
def _written(content: bytes, beside: Path) -> Iterator[Path]:
    """Give a complete 0600 file in the directory of `beside`, gone afterwards if not moved."""
    handle, name = tempfile.mkstemp(dir=beside.parent, prefix=f".{beside.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
