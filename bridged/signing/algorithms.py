"""JWA algorithms made out of what cards can do (RFC 7518, section 3; RFC 8017, section 9.2)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bridged.cards.certificate import load
from bridged.errors import AlgorithmUnsupported, CardFault
from bridged.model import Algorithm

DIGEST_SIZE = {"256": 32, "384": 48, "512": 64}

# DER of DigestInfo up to the digest (RFC 8017, section 9.2, note 1).
_DIGEST_INFO = {
    "256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
_RSA = (Algorithm.RS256, Algorithm.RS384, Algorithm.RS512)
_EC = {"secp256r1": (Algorithm.ES256,), "secp384r1": (Algorithm.ES384,)}


def supported(key: CertificatePublicKeyTypes) -> tuple[Algorithm, ...]:
    """Return the algorithms of a public key, the one to prefer first."""
    if isinstance(key, rsa.RSAPublicKey):
        return _RSA
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _EC.get(key.curve.name, ())
    return ()


def supported_by(certificate: bytes) -> tuple[Algorithm, ...]:
    """Return the algorithms of a certificate's key; raises `ValueError` where it is none."""
    return supported(load(certificate).public_key())


def require(algorithm: Algorithm, certificate: bytes) -> None:
    """Raise `AlgorithmUnsupported` unless the certificate's key can sign so."""
    if algorithm not in (known := supported_by(certificate)):
        raise AlgorithmUnsupported(algorithm=algorithm, supported=known)


def digest_size(algorithm: Algorithm) -> int:
    """Return the length of the algorithm's digest (bytes)."""
    return DIGEST_SIZE[algorithm[2:]]


def hash_name(algorithm: Algorithm) -> str:
    """Return the name `hashlib` has for the algorithm's hash."""
    return f"sha{algorithm[2:]}"


def digest_info(algorithm: Algorithm, digest: bytes) -> bytes:
    """Return the DigestInfo that PKCS#1 v1.5 signs."""
    return _DIGEST_INFO[algorithm[2:]] + digest


def pkcs1_block(algorithm: Algorithm, digest: bytes, size: int) -> bytes:
    """Return EMSA-PKCS1-v1_5 of a digest for a modulus of `size` bytes."""
    info = digest_info(algorithm, digest)
    return b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info


def raw_ecdsa(signature: bytes, bits: int) -> bytes:
    """Turn DER r, s as cards give it into r||s; raises `CardFault`."""
    width = (bits + 7) // 8
    try:
        r, s = decode_dss_signature(signature)
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    except (ValueError, OverflowError):
        raise CardFault(sw="") from None
