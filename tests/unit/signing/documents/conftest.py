"""Documents, keys that sign them, and a time-stamp authority."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from bridged.model import Algorithm, DocumentFormat
from bridged.signing.algorithms import raw_ecdsa
from bridged.signing.documents.job import Job
from bridged.virtual import certificates
from bridged.virtual.ca import DemoCa, Extension, key_usage, new_rsa_key

XML = '<?xml version="1.0"?>\n<申請書 xmlns="urn:bid" xml:lang="ja"><名前>長野 太郎</名前></申請書>\n'.encode()

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass
class Desk:
    """A signer's key with its certificate, and what an `Outside` does."""

    algorithm: Algorithm
    key: PrivateKey
    certificate: x509.Certificate
    ca: DemoCa
    tsa: Authority
    signed: list[bytes] = field(default_factory=list)

    def sign(self, digest: bytes) -> bytes:
        self.signed.append(digest)
        hash_ = {"256": hashes.SHA256(), "384": hashes.SHA384()}[self.algorithm[2:]]
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(digest, padding.PKCS1v15(), Prehashed(hash_))
        der = self.key.sign(digest, ec.ECDSA(Prehashed(hash_)))
        return raw_ecdsa(der, self.key.key_size)

    def timestamp(self, request: bytes) -> bytes:
        return self.tsa.answer(request)

    def job(self, form: DocumentFormat, content: bytes, **more: object) -> Job:
        return Job(
            format=form,
            content=content,
            certificate=self.certificate.public_bytes(Encoding.DER),
            algorithm=self.algorithm,
            **more,  # type: ignore[arg-type]
        )

    @property
    def roots(self) -> tuple[bytes, ...]:
        return (self.ca.certificate.public_bytes(Encoding.DER),)


@dataclass
class Authority:
    """A time-stamp authority; `bend` changes what it answers."""

    stamper: DummyTimeStamper
    bend: Callable[[tsp.TimeStampResp], bytes] = lambda response: bytes(response.dump())
    asked: list[bytes] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        ca: DemoCa,
        *,
        purpose: bool = True,
        critical: bool = True,
        days: int = 30,
        kind: type[DummyTimeStamper] = DummyTimeStamper,
    ) -> Authority:
        key = new_rsa_key()
        extensions = [key_usage("digital_signature")]
        if purpose:
            extensions.append(
                Extension(
                    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=critical
                )
            )
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "demo TSA")])
        certificate = ca.issue(name, key.public_key(), certificates.valid_for(days), extensions)
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        stamper = kind(
            tsa_cert=asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER)),
            tsa_key=asn1_keys.PrivateKeyInfo.load(der),
            certs_to_embed=None,
        )
        return cls(stamper)

    def answer(self, request: bytes) -> bytes:
        self.asked.append(request)
        response = self.stamper.request_tsa_response(tsp.TimeStampReq.load(request))
        return self.bend(response)


@pytest.fixture(scope="session")
def _signers(ca: DemoCa) -> dict[Algorithm, tuple[PrivateKey, x509.Certificate]]:
    keys: dict[Algorithm, PrivateKey] = {
        Algorithm.RS256: new_rsa_key(),
        Algorithm.ES256: ec.generate_private_key(ec.SECP256R1()),
        Algorithm.ES384: ec.generate_private_key(ec.SECP384R1()),
    }
    holder, validity = certificates.Cardholder(), certificates.valid_for(30)
    return {
        algorithm: (key, certificates.ebid_signature(ca, key.public_key(), holder, validity))  # type: ignore[arg-type]
        for algorithm, key in keys.items()
    }


@pytest.fixture(scope="session")
def _authority(ca: DemoCa) -> Authority:
    return Authority.of(ca)


@pytest.fixture(params=[Algorithm.RS256, Algorithm.ES256, Algorithm.ES384])
def desk(request, ca, _signers, _authority) -> Desk:
    key, certificate = _signers[request.param]
    return Desk(request.param, key, certificate, ca, Authority(_authority.stamper))


@pytest.fixture
def rsa_desk(ca, _signers, _authority) -> Desk:
    key, certificate = _signers[Algorithm.RS256]
    return Desk(Algorithm.RS256, key, certificate, ca, Authority(_authority.stamper))
