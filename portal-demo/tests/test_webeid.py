from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from portal_demo import signatures
from portal_demo.card_errors import CertificateMalformed, SignatureInvalid, TokenMalformed
from portal_demo.challenges import new_value
from portal_demo.webeid import Token, signed_message, verify_token

CHALLENGE = new_value()


@pytest.fixture
def verify(tools):
    def verify(token: dict[str, str], *, origin=tools.ORIGIN, challenge=CHALLENGE):
        return verify_token(msgspec.convert(token, Token), origin=origin, challenge=challenge)

    return verify


def test_the_card_that_answered_is_known(verify, card, tools):
    assert verify(card.token(tools.ORIGIN, CHALLENGE)) == card.authentication


@pytest.mark.parametrize(
    "origin",
    [
        "http://portal.test.evil.example",
        "https://portal.test",
        "http://portal.test:80",
        "http://PORTAL.test",
        "",
    ],
)
def test_a_token_for_another_origin_is_refused(verify, card, origin):
    with pytest.raises(SignatureInvalid):
        verify(card.token(origin, CHALLENGE))


def test_a_token_for_another_challenge_is_refused(verify, card, tools):
    with pytest.raises(SignatureInvalid):
        verify(card.token(tools.ORIGIN, new_value()))


def test_an_altered_signature_is_refused(verify, card, tools):
    token = card.token(tools.ORIGIN, CHALLENGE)
    flipped = "B" if token["signature"][0] == "A" else "A"
    with pytest.raises(SignatureInvalid):
        verify(token | {"signature": flipped + token["signature"][1:]})


def test_a_certificate_of_another_card_is_refused(verify, card, authority, keys, tools):
    token = card.token(tools.ORIGIN, CHALLENGE)
    other = tools.base64_der(authority.issue(keys[2]))
    with pytest.raises(SignatureInvalid):
        verify(token | {"unverifiedCertificate": other})


@pytest.mark.parametrize("wrong", ["web-eid:1.1", "web-eid:2.0", "", "jwt"])
def test_another_format_is_refused(verify, card, tools, wrong):
    with pytest.raises(TokenMalformed):
        verify(card.token(tools.ORIGIN, CHALLENGE) | {"format": wrong})


@pytest.mark.parametrize("wrong", ["none", "HS256", "RS1", "rs256", "", "ES256", "PS256", "RS512"])
def test_another_algorithm_than_was_used_is_refused(verify, card, tools, wrong):
    with pytest.raises((TokenMalformed, SignatureInvalid)):
        verify(card.token(tools.ORIGIN, CHALLENGE) | {"algorithm": wrong})


def test_a_token_without_a_certificate_is_refused(verify, card, tools):
    with pytest.raises(CertificateMalformed):
        verify(card.token(tools.ORIGIN, CHALLENGE) | {"unverifiedCertificate": "AAAA"})


@pytest.mark.parametrize(
    "change", [{"extra": 1}, {"signature": "***"}, {"algorithm": 5}, {"signature": ""}]
)
def test_a_token_of_another_shape_is_refused(card, tools, change):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(card.token(tools.ORIGIN, CHALLENGE) | change, Token)


@pytest.mark.parametrize("bits", ["256", "384", "512"])
@pytest.mark.parametrize("family", ["RS", "PS", "ES"])
def test_each_algorithm_verifies_its_own_signature_and_no_other(keys, family, bits, tools):
    algorithm = family + bits
    message = signed_message(algorithm, tools.ORIGIN, CHALLENGE)
    assert len(message) == 2 * int(bits) // 8
    h = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[bits]()
    if family == "ES":
        curve = {"256": ec.SECP256R1, "384": ec.SECP384R1, "512": ec.SECP521R1}[bits]()
        key = ec.generate_private_key(curve)
        size = (curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(h)))
        signature = r.to_bytes(size) + s.to_bytes(size)
    else:
        key = keys[0]
        pss = padding.PSS(padding.MGF1(h), padding.PSS.DIGEST_LENGTH)
        signature = key.sign(message, pss if family == "PS" else padding.PKCS1v15(), h)
    signatures.verify(key.public_key(), algorithm, signature, message)
    for other in signatures.ALGORITHMS - {algorithm}:
        with pytest.raises(SignatureInvalid):
            signatures.verify(key.public_key(), other, signature, message)
    with pytest.raises(SignatureInvalid):
        signatures.verify(key.public_key(), algorithm, signature, message + b"x")
    for wrong in (b"", signature[:-1], signature + b"\x00", bytes(len(signature))):
        with pytest.raises(SignatureInvalid):
            signatures.verify(key.public_key(), algorithm, wrong, message)


def test_a_short_rsa_key_is_refused():
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    signature = key.sign(b"x", padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(SignatureInvalid):
        signatures.verify(key.public_key(), "RS256", signature, b"x")


@pytest.mark.parametrize("algorithm", sorted(signatures.ALGORITHMS))
def test_a_key_of_another_kind_is_refused(algorithm):
    key = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(SignatureInvalid):
        signatures.verify(key.public_key(), algorithm, key.sign(b"x"), b"x")
