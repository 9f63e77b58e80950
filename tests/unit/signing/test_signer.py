"""A digest in, a signature of the right form out, whatever the card takes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.cards.base import Input, Key, PinObject
from bridged.errors import CardFault
from bridged.model import Algorithm, PinAlphabet, PinRules, Usage
from bridged.signing import algorithms
from bridged.signing.signer import sign_digest
from bridged.virtual import certificates

PIN = PinObject("80", "PIN", PinRules(min_length=6, max_length=8, alphabet=PinAlphabet.DIGITS))
DIGEST = bytes(range(32))


@dataclass
class Scripted:
    """A driver that answers one thing and tells what it was given."""

    answer: bytes
    given: list[bytes] = field(default_factory=list)

    def sign(self, key: Key, data: bytes) -> bytes:
        self.given.append(data)
        return self.answer


def key(kind: Input) -> Key:
    return Key("9c", Usage.SIGNATURE, "key", PIN, pin_always=False, input=kind, certificate=None)


@pytest.fixture(scope="module")
def rsa_der(ca) -> bytes:
    return ca.certificate.public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def certify(ca):
    def make(public_key) -> bytes:
        holder, validity = certificates.Cardholder(), certificates.valid_for(1)
        issued = certificates.ebid_signature(ca, public_key, holder, validity)
        return issued.public_bytes(Encoding.DER)

    return make


def test_a_card_that_pads_nothing_gets_the_whole_block(rsa_der: bytes) -> None:
    driver = Scripted(bytes(256))
    sign_digest(driver, key(Input.RSA_BLOCK), rsa_der, Algorithm.RS256, DIGEST)
    assert driver.given == [algorithms.pkcs1_block(Algorithm.RS256, DIGEST, 256)]


def test_a_card_that_pads_gets_the_digest_info(rsa_der: bytes) -> None:
    driver = Scripted(bytes(256))
    sign_digest(driver, key(Input.RSA_DIGEST_INFO), rsa_der, Algorithm.RS256, DIGEST)
    assert driver.given == [algorithms.digest_info(Algorithm.RS256, DIGEST)]


def test_an_elliptic_card_gets_the_digest_and_its_answer_is_made_raw(certify) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    driver = Scripted(encode_dss_signature(1, 2))
    der = certify(private.public_key())
    raw = sign_digest(driver, key(Input.EC_DIGEST), der, Algorithm.ES256, DIGEST)
    assert driver.given == [DIGEST]
    assert raw == (1).to_bytes(32, "big") + (2).to_bytes(32, "big")


@pytest.mark.parametrize("size", [0, 255, 257, 65536])
@pytest.mark.parametrize("kind", [Input.RSA_BLOCK, Input.RSA_DIGEST_INFO])
def test_a_signature_of_the_wrong_length_is_a_card_fault(
    rsa_der: bytes, kind: Input, size: int
) -> None:
    with pytest.raises(CardFault):
        sign_digest(Scripted(bytes(size)), key(kind), rsa_der, Algorithm.RS256, DIGEST)


def test_a_key_of_another_kind_is_a_card_fault(ca) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([])
    before, after = certificates.valid_for(1)
    certificate = (
        x509.CertificateBuilder(name, name, private.public_key(), 1, before, after)
        .sign(ca.key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    driver = Scripted(bytes(64))
    with pytest.raises(CardFault):
        sign_digest(driver, key(Input.RSA_BLOCK), certificate, Algorithm.RS256, DIGEST)
    assert driver.given == []
