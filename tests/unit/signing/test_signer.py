"""A digest in, a signature of the right form out, whatever the card takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.cards.key import Input, Key
from bridged.errors import CardFault
from bridged.model import Algorithm, Usage
from bridged.signing import algorithms
from bridged.signing.signer import sign_digest
from bridged.virtual import certificates
from bridged.virtual.keys import pkcs1_v15_block, raw_rsa

from .openssl import openssl_verifies

MESSAGE = "入札書".encode()
HASHES = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}


@dataclass
class Scripted:
    """A driver that answers one thing and tells what it was given."""

    answer: bytes
    given: list[tuple[Input, bytes]] = field(default_factory=list)

    def sign(self, key: Key, form: Input, data: bytes) -> bytes:
        self.given.append((form, data))
        return self.answer


@dataclass
class Honest:
    """A driver whose card does with its key what each form of input asks for."""

    private: PrivateKeyTypes

    def sign(self, key: Key, form: Input, data: bytes) -> bytes:
        assert form in key.inputs
        match self.private, form:
            case rsa.RSAPrivateKey() as private, Input.RSA_BLOCK:
                return raw_rsa(private, data)
            case rsa.RSAPrivateKey() as private, Input.RSA_DIGEST_INFO:
                return raw_rsa(private, pkcs1_v15_block(data, private.key_size // 8))
            case rsa.RSAPrivateKey() as private, Input.RSA_PSS:
                h = HASHES[len(data)]
                pss = padding.PSS(padding.MGF1(h), h.digest_size)
                return private.sign(data, pss, Prehashed(h))
            case ec.EllipticCurvePrivateKey() as private, Input.EC_DIGEST:
                return private.sign(data, ec.ECDSA(Prehashed(HASHES[len(data)])))
            case ed25519.Ed25519PrivateKey() as private, Input.ED_MESSAGE:
                return private.sign(data)
        raise AssertionError(form)


def key(*inputs: Input) -> Key:
    kinds = frozenset(inputs)
    return Key("9c", Usage.SIGNATURE, "key", None, pin_always=False, inputs=kinds, certificate=None)


def what_is_signed(algorithm: Algorithm) -> bytes:
    if algorithm is Algorithm.EdDSA:
        return MESSAGE
    return hashlib.new(algorithms.hash_name(algorithm), MESSAGE).digest()


@pytest.fixture(scope="module")
def certify(ca):
    def make(public_key) -> bytes:
        holder, validity = certificates.Cardholder(), certificates.valid_for(1)
        issued = certificates.ebid_signature(ca, public_key, holder, validity)
        return issued.public_bytes(Encoding.DER)

    return make


@pytest.fixture(scope="module")
def rsa_der(ca) -> bytes:
    return ca.certificate.public_bytes(Encoding.DER)


EVERY = [
    *(
        (a, form)
        for a in Algorithm
        if a[0] == "R"
        for form in (Input.RSA_BLOCK, Input.RSA_DIGEST_INFO)
    ),
    *((a, form) for a in Algorithm if a[0] == "P" for form in (Input.RSA_BLOCK, Input.RSA_PSS)),
    *((a, Input.EC_DIGEST) for a in Algorithm if a[:2] == "ES"),
    (Algorithm.EdDSA, Input.ED_MESSAGE),
]
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


@pytest.mark.parametrize(
    ("algorithm", "form"), EVERY, ids=lambda value: getattr(value, "name", None)
)
def test_openssl_verifies_every_algorithm(
    ca, certify, algorithm: Algorithm, form: Input, tmp_path: Path
) -> None:
    private: PrivateKeyTypes = ca.key
    if algorithm in CURVES:
        private = ec.generate_private_key(CURVES[algorithm])
    elif algorithm is Algorithm.EdDSA:
        private = ed25519.Ed25519PrivateKey.generate()
    der = certify(private.public_key())
    signature = sign_digest(Honest(private), key(form), der, algorithm, what_is_signed(algorithm))
    assert openssl_verifies(private.public_key(), algorithm, signature, MESSAGE, tmp_path)
    assert not openssl_verifies(private.public_key(), algorithm, signature, MESSAGE[1:], tmp_path)


def test_a_card_that_can_pad_is_left_to_do_it(ca, rsa_der: bytes) -> None:
    everything = key(Input.RSA_BLOCK, Input.RSA_DIGEST_INFO, Input.RSA_PSS)
    for algorithm, form in (
        (Algorithm.RS256, Input.RSA_DIGEST_INFO),
        (Algorithm.PS256, Input.RSA_PSS),
    ):
        driver = Scripted(b"")
        with pytest.raises(CardFault):
            sign_digest(driver, everything, rsa_der, algorithm, bytes(32))
        assert [given for given, _ in driver.given] == [form]


@pytest.mark.parametrize("algorithm", [Algorithm.PS256, Algorithm.ES256, Algorithm.EdDSA])
def test_what_the_card_cannot_is_not_asked_of_it(rsa_der: bytes, algorithm: Algorithm) -> None:
    driver = Scripted(bytes(256))
    with pytest.raises(CardFault):
        sign_digest(driver, key(Input.RSA_DIGEST_INFO), rsa_der, algorithm, bytes(32))
    assert driver.given == []


@pytest.mark.parametrize("form", [Input.RSA_BLOCK, Input.RSA_DIGEST_INFO])
@pytest.mark.parametrize("damage", ["nothing", "a bit", "short", "long", "of another digest"])
def test_an_rsa_signature_that_does_not_verify_never_leaves(
    ca, rsa_der: bytes, form: Input, damage: str
) -> None:
    good = ca.key.sign(bytes(32), padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    other = ca.key.sign(bytes(31) + b"\1", padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    damaged = {
        "nothing": b"",
        "a bit": good[:-1] + bytes((good[-1] ^ 1,)),
        "short": good[:-1],
        "long": good + b"\0",
        "of another digest": other,
    }
    sign_digest(Scripted(good), key(form), rsa_der, Algorithm.RS256, bytes(32))
    with pytest.raises(CardFault):
        sign_digest(Scripted(damaged[damage]), key(form), rsa_der, Algorithm.RS256, bytes(32))


def test_other_signatures_that_do_not_verify_never_leave(certify) -> None:
    elliptic, edwards = (
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    )
    good = elliptic.sign(bytes(32), ec.ECDSA(Prehashed(hashes.SHA256())))
    r, s = decode_dss_signature(good)
    for private, form, algorithm, answer in (
        (elliptic, Input.EC_DIGEST, Algorithm.ES256, encode_dss_signature(s, r)),
        (elliptic, Input.EC_DIGEST, Algorithm.ES256, encode_dss_signature(0, 0)),
        (elliptic, Input.EC_DIGEST, Algorithm.ES256, b"rubbish"),
        (edwards, Input.ED_MESSAGE, Algorithm.EdDSA, edwards.sign(bytes(31))),
        (edwards, Input.ED_MESSAGE, Algorithm.EdDSA, b""),
    ):
        der = certify(private.public_key())
        with pytest.raises(CardFault):
            sign_digest(Scripted(answer), key(form), der, algorithm, bytes(32))
