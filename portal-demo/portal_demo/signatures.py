"""Signatures by their JWA names (RFC 7518), verified with the public key of a certificate."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from portal_demo.card_errors import SignatureInvalid, TokenMalformed

MIN_RSA_BITS = 2048

_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}
ALGORITHMS = frozenset(family + bits for family in ("RS", "PS", "ES") for bits in _HASHES)


def hash_of(algorithm: str) -> hashes.HashAlgorithm:
    """Return the hash of an algorithm. Raises TokenMalformed."""
    if algorithm not in ALGORITHMS:
        raise TokenMalformed(detail="algorithm")
    return _HASHES[algorithm[2:]]()


def digest(algorithm: str, data: bytes) -> bytes:
    """Return the hash of `data` by the hash of an algorithm."""
    h = hashes.Hash(hash_of(algorithm))
    h.update(data)
    return h.finalize()


def verify(
    key: CertificatePublicKeyTypes, algorithm: str, signature: bytes, message: bytes
) -> None:
    """Check a signature over `message`. Raises SignatureInvalid or TokenMalformed."""
    h = hash_of(algorithm)
    try:
        if algorithm.startswith("ES"):
            _verify_ecdsa(key, algorithm, signature, message)
        elif not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_RSA_BITS:
            raise SignatureInvalid
        elif algorithm.startswith("PS"):
            pss = padding.PSS(padding.MGF1(hash_of(algorithm)), padding.PSS.DIGEST_LENGTH)
            key.verify(signature, message, pss, h)
        else:
            key.verify(signature, message, padding.PKCS1v15(), h)
    except InvalidSignature as e:
        raise SignatureInvalid from e


def _verify_ecdsa(
    key: CertificatePublicKeyTypes, algorithm: str, signature: bytes, message: bytes
) -> None:
    """Check raw r||s (RFC 7518, section 3.4) on the algorithm's own curve."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
        key.curve, _CURVES[algorithm]
    ):
        raise SignatureInvalid
    size = (key.key_size + 7) // 8
    if len(signature) != 2 * size:
        raise SignatureInvalid
    r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hash_of(algorithm)))
