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

from bridged.cards.key import Input, Key
from bridged.errors import AlgorithmUnsupported, CardFault
from bridged.model import Algorithm, Usage
from bridged.pcsc import tlv
from bridged.signing import algorithms
from bridged.virtual.keys import raw_rsa

HASHED = [algorithm for algorithm in Algorithm if algorithm is not Algorithm.EdDSA]
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


@pytest.mark.parametrize("algorithm", HASHED)
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


# ---- PSS ----


@pytest.fixture(scope="module", params=[1536, 1538, 1542])
def odd_key(request) -> rsa.RSAPrivateKey:
    """Keys whose top bit stands at the edges of a byte, or near."""
    return rsa.generate_private_key(public_exponent=65537, key_size=request.param)


@pytest.mark.parametrize("algorithm", [Algorithm.PS256, Algorithm.PS384, Algorithm.PS512])
def test_the_block_signed_raw_is_a_pss_signature(odd_key, algorithm: Algorithm) -> None:
    key, bits = odd_key, odd_key.key_size
    digest = hashlib.new(algorithms.hash_name(algorithm), "入札書".encode()).digest()
    block = algorithms.pss_block(algorithm, digest, bits)
    assert len(block) == (bits + 7) // 8
    numbers = key.private_numbers()
    signature = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
    hashed = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
    h = hashed[algorithm[2:]]
    pss = padding.PSS(padding.MGF1(h), h.digest_size)
    public = key.public_key()
    public.verify(signature.to_bytes(len(block), "big"), digest, pss, Prehashed(h))


def test_each_pss_block_has_a_salt_of_its_own() -> None:
    blocks = {algorithms.pss_block(Algorithm.PS256, bytes(32), 2048) for _ in range(8)}
    assert len(blocks) == 8


def test_a_salt_as_long_as_the_hash_has_to_fit() -> None:
    fits = {
        (a, bits): algorithms.pss_fits(Algorithm(a), bits)
        for a in ("PS256", "PS384", "PS512")
        for bits in (1024, 1033, 1034, 2048)
    }
    assert [key for key, fit in fits.items() if not fit] == [("PS512", 1024), ("PS512", 1033)]
    assert len(algorithms.pss_block(Algorithm.PS512, bytes(64), 1034)) == 130


# ---- what a key can ----

BLOCK, INFO, PSS = (
    frozenset({form}) for form in (Input.RSA_BLOCK, Input.RSA_DIGEST_INFO, Input.RSA_PSS)
)
RS = tuple(HASHES)
PS = (Algorithm.PS256, Algorithm.PS384, Algorithm.PS512)
EC, ED = frozenset({Input.EC_DIGEST}), frozenset({Input.ED_MESSAGE})


@pytest.mark.parametrize(
    ("inputs", "names"),
    [(BLOCK, RS + PS), (INFO, RS), (PSS, PS), (INFO | PSS, RS + PS), (EC | ED, ())],
    ids=["block", "DigestInfo", "PSS", "DigestInfo and PSS", "none"],
)
def test_an_rsa_key_signs_what_its_card_can_be_given(rsa_key, inputs, names) -> None:
    assert algorithms.supported(rsa_key.public_key(), inputs) == names


@pytest.mark.parametrize(
    ("curve", "names"),
    [
        (ec.SECP256R1(), (Algorithm.ES256,)),
        (ec.SECP384R1(), (Algorithm.ES384,)),
        (ec.SECP521R1(), (Algorithm.ES512,)),
        (ec.SECP256K1(), ()),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_curve_has_its_one_algorithm(curve, names) -> None:
    public = ec.generate_private_key(curve).public_key()
    assert algorithms.supported(public, EC) == names
    assert algorithms.supported(public, BLOCK) == ()


def test_ed25519_is_eddsa() -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    assert algorithms.supported(public, ED) == (Algorithm.EdDSA,)
    assert algorithms.supported(public, EC) == ()


def key_of(der: bytes | None, inputs: frozenset[Input]) -> Key:
    return Key("9c", Usage.SIGNATURE, "key", None, pin_always=False, inputs=inputs, certificate=der)


def test_an_algorithm_the_key_has_not_is_refused_with_those_it_has(der: bytes) -> None:
    algorithms.require(Algorithm.RS512, key_of(der, INFO))
    for algorithm in (Algorithm.PS256, Algorithm.ES256, Algorithm.ES384, Algorithm.EdDSA):
        with pytest.raises(AlgorithmUnsupported) as caught:
            algorithms.require(algorithm, key_of(der, INFO))
        assert caught.value.algorithm == algorithm
        assert caught.value.supported == RS


def test_a_locked_key_has_no_algorithms_yet() -> None:
    assert algorithms.supported_by(key_of(None, BLOCK)) == ()


def test_what_is_no_certificate_has_no_algorithms() -> None:
    with pytest.raises(ValueError, match=r"."):
        algorithms.supported_by(key_of(b"rubbish", BLOCK))


@pytest.mark.parametrize(
    ("algorithm", "length", "wrong"),
    [
        (Algorithm.RS256, 32, None),
        (Algorithm.ES384, 48, None),
        (Algorithm.PS512, 64, None),
        (Algorithm.ES256, 48, "32 bytes are expected"),
        (Algorithm.RS256, 31, "32 bytes are expected"),
        (Algorithm.EdDSA, 1, None),
        (Algorithm.EdDSA, algorithms.MAX_MESSAGE, None),
        (Algorithm.EdDSA, 0, "1 to 2048 bytes are expected"),
        (Algorithm.EdDSA, algorithms.MAX_MESSAGE + 1, "1 to 2048 bytes are expected"),
    ],
)
def test_what_is_to_be_signed_has_the_length_of_the_algorithm(
    algorithm: Algorithm, length: int, wrong: str | None
) -> None:
    assert algorithms.misfit(algorithm, bytes(length)) == wrong
