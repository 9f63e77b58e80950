"""A digest in, a signature out: fits a JWA algorithm to what the card's command takes."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bridged.cards.base import Driver, Input, Key
from bridged.cards.certificate import load
from bridged.errors import CardFault
from bridged.model import Algorithm
from bridged.signing import algorithms


def sign_digest(
    driver: Driver, key: Key, certificate: bytes, algorithm: Algorithm, digest: bytes
) -> bytes:
    """Sign one digest with an algorithm of the key, ECDSA as r||s; raises as the driver does."""
    public = load(certificate).public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        return algorithms.raw_ecdsa(driver.sign(key, digest), public.key_size)
    if not isinstance(public, rsa.RSAPublicKey):
        raise CardFault(sw="")
    size = (public.key_size + 7) // 8
    if key.input is Input.RSA_BLOCK:
        signature = driver.sign(key, algorithms.pkcs1_block(algorithm, digest, size))
    else:
        signature = driver.sign(key, algorithms.digest_info(algorithm, digest))
    if len(signature) != size:
        raise CardFault(sw="")
    return signature
