"""JWA algorithms made out of what cards can do (RFC 7518, section 3; RFC 8037, section 3.1).

A curve has the one hash that JWA pairs with it, never longer than the curve, so no digest is ever
cut (FIPS 186-5, 6.4.1).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from bridged.cards.certificate import load
from bridged.cards.key import Input, Key
from bridged.errors import AlgorithmUnsupported, CardFault
from bridged.model import Algorithm

MAX_MESSAGE = 2048
"""EdDSA hashes the message itself: as much is sent to a card (bytes)."""

_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}

# DER of DigestInfo up to the digest (RFC 8017, section 9.2, note 1).
_DIGEST_INFO = {
    "256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
_RS = (Algorithm.RS256, Algorithm.RS384, Algorithm.RS512)
_PS = (Algorithm.PS256, Algorithm.PS384, Algorithm.PS512)
_EC = {
    "secp256r1": Algorithm.ES256,
    "secp384r1": Algorithm.ES384,
    "secp521r1": Algorithm.ES512,
}


def supported(public: CertificatePublicKeyTypes, inputs: frozenset[Input]) -> tuple[Algorithm, ...]:
    """Return what a key can sign with where its card takes `inputs`, the one to prefer first."""
    if isinstance(public, rsa.RSAPublicKey):
        rs = _RS if inputs & {Input.RSA_BLOCK, Input.RSA_DIGEST_INFO} else ()
        ps = _PS if inputs & {Input.RSA_BLOCK, Input.RSA_PSS} else ()
        return (*rs, *(a for a in ps if pss_fits(a, public.key_size)))
    if isinstance(public, ec.EllipticCurvePublicKey) and Input.EC_DIGEST in inputs:
        return (_EC[public.curve.name],) if public.curve.name in _EC else ()
    if isinstance(public, ed25519.Ed25519PublicKey) and Input.ED_MESSAGE in inputs:
        return (Algorithm.EdDSA,)
    return ()


def supported_by(key: Key) -> tuple[Algorithm, ...]:
    """Return the algorithms of a key; none while its certificate is unknown.

    Raises `ValueError` where the certificate is none.
    """
    if key.certificate is None:
        return ()
    return supported(load(key.certificate).public_key(), key.inputs)


def require(algorithm: Algorithm, key: Key) -> None:
    """Raise `AlgorithmUnsupported` unless the key can sign so."""
    if algorithm not in (known := supported_by(key)):
        raise AlgorithmUnsupported(algorithm=algorithm, supported=known)


def for_documents(key: Key) -> Algorithm:
    """Return the algorithm to sign documents with; raises `AlgorithmUnsupported` for EdDSA keys."""
    known = supported_by(key)
    chosen = next((each for each in known if each.startswith(("RS", "ES"))), None)
    if chosen is None:
        raise AlgorithmUnsupported(algorithm="RS256", supported=known)
    return chosen


def digest_size(algorithm: Algorithm) -> int | None:
    """Return the length of the algorithm's digest (bytes); None for EdDSA, which takes messages."""
    return None if algorithm is Algorithm.EdDSA else _hash(algorithm).digest_size


def fingerprints(algorithm: Algorithm, digests: Sequence[bytes]) -> tuple[str, ...]:
    """Return what tells a person which documents are signed: hash and hexadecimal."""
    size = digest_size(algorithm)
    if size is None:
        return tuple(f"SHA-256: {hashlib.sha256(each).hexdigest()}" for each in digests)
    return tuple(f"SHA-{8 * size}: {each.hex()}" for each in digests)


def misfit(algorithm: Algorithm, digest: bytes) -> str | None:
    """Return what is wrong with the length of what is to be signed, if anything is."""
    size = digest_size(algorithm)
    if size is None:
        fits, expected = 1 <= len(digest) <= MAX_MESSAGE, f"1 to {MAX_MESSAGE}"
    else:
        fits, expected = len(digest) == size, f"{size}"
    return None if fits else f"{expected} bytes are expected"


def hash_name(algorithm: Algorithm) -> str:
    """Return the name `hashlib` has for the algorithm's hash; not for EdDSA."""
    return _hash(algorithm).name


def digest_info(algorithm: Algorithm, digest: bytes) -> bytes:
    """Return the DigestInfo that PKCS#1 v1.5 signs."""
    return _DIGEST_INFO[algorithm[2:]] + digest


def pkcs1_block(algorithm: Algorithm, digest: bytes, size: int) -> bytes:
    """Return EMSA-PKCS1-v1_5 of a digest for a modulus of `size` bytes."""
    info = digest_info(algorithm, digest)
    return b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info


def pss_fits(algorithm: Algorithm, bits: int) -> bool:
    """Whether a modulus has room for EMSA-PSS with a salt as long as the hash."""
    return (bits + 6) // 8 >= 2 * _hash(algorithm).digest_size + 2


def pss_block(
    algorithm: Algorithm, digest: bytes, bits: int, *, salt: bytes | None = None
) -> bytes:
    """Return EMSA-PSS of a digest for a modulus of `bits`, as long as the modulus.

    RFC 8017, section 9.1.1, with MGF1 of the same hash. The salt is random and as long as the
    hash, as JWA has it (RFC 7518, section 3.5).
    """
    size = _hash(algorithm).digest_size
    salt = secrets.token_bytes(size) if salt is None else salt
    length = (bits + 6) // 8
    seed = _digest(algorithm, bytes(8) + digest + salt)
    data = bytes(length - len(salt) - size - 2) + b"\x01" + salt
    mask = _mgf1(algorithm, seed, len(data))
    masked = bytearray(a ^ b for a, b in zip(data, mask, strict=True))
    masked[0] &= 0xFF >> (8 * length - (bits - 1))
    return (bytes(masked) + seed + b"\xbc").rjust((bits + 7) // 8, b"\0")


def _mgf1(algorithm: Algorithm, seed: bytes, length: int) -> bytes:
    """Return the mask of RFC 8017, appendix B.2.1."""
    size = _hash(algorithm).digest_size
    rounds = range(-(-length // size))
    mask = b"".join(_digest(algorithm, seed + i.to_bytes(4, "big")) for i in rounds)
    return mask[:length]


def _digest(algorithm: Algorithm, data: bytes) -> bytes:
    digest = hashes.Hash(_hash(algorithm))
    digest.update(data)
    return digest.finalize()


def raw_ecdsa(signature: bytes, bits: int) -> bytes:
    """Turn DER r, s as cards give it into r||s; raises `CardFault`."""
    width = (bits + 7) // 8
    try:
        r, s = decode_dss_signature(signature)
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    except (ValueError, OverflowError):
        raise CardFault(sw="") from None


def verifies(
    public: CertificatePublicKeyTypes, algorithm: Algorithm, digest: bytes, signature: bytes
) -> bool:
    """Whether a signature is one of the key over the digest (EdDSA: the message)."""
    try:
        _verify(public, algorithm, digest, signature)
    except InvalidSignature:
        return False
    return True


def _verify(
    public: CertificatePublicKeyTypes, algorithm: Algorithm, digest: bytes, signature: bytes
) -> None:
    if isinstance(public, rsa.RSAPublicKey):
        hashed = _hash(algorithm)
        pss = padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        how = pss if algorithm in _PS else padding.PKCS1v15()
        public.verify(signature, digest, how, Prehashed(hashed))
    elif isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(der_ecdsa(signature), digest, ec.ECDSA(Prehashed(_hash(algorithm))))
    elif isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, digest)
    else:
        raise InvalidSignature


def _hash(algorithm: Algorithm) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    return _HASHES[algorithm[2:]]


def der_ecdsa(signature: bytes) -> bytes:
    """Turn r||s into the DER that CMS has (RFC 5753, section 7.2)."""
    half = len(signature) // 2
    r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    return encode_dss_signature(r, s)


def is_ecdsa(algorithm: Algorithm) -> bool:
    """Whether signatures are r||s."""
    return algorithm.startswith("ES")
