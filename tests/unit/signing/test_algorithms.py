"""JWA algorithms out of what cards can do."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from bridged.errors import AlgorithmUnsupported, CardFault
from bridged.model import Algorithm
from bridged.pcsc import tlv
from bridged.signing import algorithms
from bridged.virtual.keys import raw_rsa

HASHES = {
    Algorithm.RS256: hashes.SHA256(),
    Algorithm.RS384: hashes.SHA384(),
    Algorithm.RS512: hashes.SHA512(),
}


@pytest.fixture(scope="module")
def rsa_key(ca) -> rsa.RSAPrivateKey:
    return ca.key


@pytest.fixture(scope="module")
def der(ca) -> bytes:
    return ca.certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize("algorithm", HASHES)
def test_the_block_signed_raw_is_a_pkcs1_signature(rsa_key, algorithm: Algorithm) -> None:
    digest = hashlib.new(algorithms.hash_name(algorithm), "入札書".encode()).digest()
    block = algorithms.pkcs1_block(algorithm, digest, 256)
    assert len(block) == 256
    signature = raw_rsa(rsa_key, block)
    rsa_key.public_key().verify(signature, digest, padding.PKCS1v15(), Prehashed(HASHES[algorithm]))
    assert signature == rsa_key.sign(digest, padding.PKCS1v15(), Prehashed(HASHES[algorithm]))


@pytest.mark.parametrize("algorithm", HASHES)
def test_digest_info_is_the_object_of_rfc_8017(algorithm: Algorithm) -> None:
    digest = bytes(range(algorithms.digest_size(algorithm)))
    info = algorithms.digest_info(algorithm, digest)
    assert tlv.find(info, 0x30, 0x04) == digest
    oid = {"RS256": "0401", "RS384": "0402", "RS512": "0403"}[algorithm][2:]
    assert tlv.find(info, 0x30, 0x30, 0x06).hex() == "6086480165030402" + oid
    assert tlv.find(info, 0x30, 0x30, 0x05) == b""


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_the_digest_is_as_long_as_its_hash(algorithm: Algorithm) -> None:
    digest = hashlib.new(algorithms.hash_name(algorithm)).digest()
    assert len(digest) == algorithms.digest_size(algorithm)


@given(st.integers(1, 2**256 - 1), st.integers(1, 2**256 - 1))
def test_ecdsa_leaves_as_r_and_s_of_fixed_width(r: int, s: int) -> None:
    raw = algorithms.raw_ecdsa(encode_dss_signature(r, s), 256)
    assert raw == r.to_bytes(32, "big") + s.to_bytes(32, "big")


def test_p521_has_66_bytes_a_number() -> None:
    assert len(algorithms.raw_ecdsa(encode_dss_signature(1, 1), 521)) == 132


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"rubbish",
        encode_dss_signature(2**256, 1),
        encode_dss_signature(1, 2**300),
        bytes.fromhex("3006020180020101"),
        encode_dss_signature(1, 1) + b"\0",
        bytes(64),
    ],
    ids=["empty", "cut", "rubbish", "r too large", "s too large", "negative", "trailing", "raw"],
)
def test_an_ecdsa_answer_of_another_form_is_a_card_fault(der: bytes) -> None:
    with pytest.raises(CardFault):
        algorithms.raw_ecdsa(der, 256)


@given(st.binary(max_size=80))
def test_any_ecdsa_answer_is_a_signature_or_a_card_fault(der: bytes) -> None:
    try:
        raw = algorithms.raw_ecdsa(der, 256)
    except CardFault:
        return
    assert len(raw) == 64
    assert decode_dss_signature(der) == (
        int.from_bytes(raw[:32], "big"),
        int.from_bytes(raw[32:], "big"),
    )


def test_an_rsa_key_signs_pkcs1_and_prefers_sha256(rsa_key) -> None:
    assert algorithms.supported(rsa_key.public_key()) == tuple(HASHES)


@pytest.mark.parametrize(
    ("curve", "names"),
    [
        (ec.SECP256R1(), (Algorithm.ES256,)),
        (ec.SECP384R1(), (Algorithm.ES384,)),
        (ec.SECP521R1(), ()),
        (ec.SECP256K1(), ()),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_curve_has_its_one_algorithm(curve, names) -> None:
    assert algorithms.supported(ec.generate_private_key(curve).public_key()) == names


def test_a_key_of_another_kind_has_none() -> None:
    assert algorithms.supported(ed25519.Ed25519PrivateKey.generate().public_key()) == ()


def test_an_algorithm_the_key_has_not_is_refused_with_those_it_has(der: bytes) -> None:
    algorithms.require(Algorithm.RS512, der)
    for algorithm in (Algorithm.PS256, Algorithm.ES256):
        with pytest.raises(AlgorithmUnsupported) as caught:
            algorithms.require(algorithm, der)
        assert caught.value.algorithm == algorithm
        assert caught.value.supported == tuple(HASHES)


def test_what_is_no_certificate_has_no_algorithms() -> None:
    with pytest.raises(ValueError, match=r"."):
        algorithms.supported_by(b"rubbish")
