"""A digest in, a signature out: fits a JWA algorithm to what the card's command takes."""

from __future__ import annotations

import logging

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from bridged.cards.base import Driver
from bridged.cards.certificate import load
from bridged.cards.key import Input, Key
from bridged.errors import CardFault
from bridged.model import Algorithm
from bridged.signing import algorithms

log = logging.getLogger(__name__)


def sign_digest(
    driver: Driver, key: Key, certificate: bytes, algorithm: Algorithm, digest: bytes
) -> bytes:
    """Sign one digest (EdDSA: a message) with an algorithm of the key, ECDSA as r||s.

    Raises as the driver does. A signature that does not verify with the certificate never leaves:
    another program may have the card do something else, and a faulty RSA signature gives away the
    key (Boneh, DeMillo, Lipton).
    """
    public = load(certificate).public_key()
    form, data = _to_card(key, public, algorithm, digest)
    signature = driver.sign(key, form, data)
    if isinstance(public, ec.EllipticCurvePublicKey):
        signature = algorithms.raw_ecdsa(signature, public.key_size)
    if not algorithms.verifies(public, algorithm, digest, signature):
        log.error("a signature of %s does not verify with its certificate", key.label)
        raise CardFault(sw="")
    return signature


def _to_card(
    key: Key, public: CertificatePublicKeyTypes, algorithm: Algorithm, digest: bytes
) -> tuple[Input, bytes]:
    """Return what to send: what leaves more of the work to the card, where there is a choice."""
    if algorithm not in algorithms.supported(public, key.inputs):
        raise CardFault(sw="")
    if isinstance(public, rsa.RSAPublicKey):
        return _rsa(key, public.key_size, algorithm, digest)
    if algorithm is Algorithm.EdDSA:
        return Input.ED_MESSAGE, digest
    return Input.EC_DIGEST, digest


def _rsa(key: Key, bits: int, algorithm: Algorithm, digest: bytes) -> tuple[Input, bytes]:
    if algorithm.startswith("PS"):
        if Input.RSA_PSS in key.inputs:
            return Input.RSA_PSS, digest
        return Input.RSA_BLOCK, algorithms.pss_block(algorithm, digest, bits)
    if Input.RSA_DIGEST_INFO in key.inputs:
        return Input.RSA_DIGEST_INFO, algorithms.digest_info(algorithm, digest)
    return Input.RSA_BLOCK, algorithms.pkcs1_block(algorithm, digest, (bits + 7) // 8)
