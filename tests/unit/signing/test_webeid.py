"""The Web eID token, verified as its specification says."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from bridged.cards.piv import PivDriver
from bridged.model import Algorithm, Usage
from bridged.secret import Pin
from bridged.signing import webeid
from bridged.signing.signer import sign_digest
from bridged.virtual.profiles import EBID_PIN

ORIGIN = "https://portal.example"
CHALLENGE = "x" * 44


@pytest.fixture
def token(cards, attached):
    """A token that the demo card signed with its authentication key."""
    driver = PivDriver.detect(attached(cards["ebid"].transmit))
    assert driver is not None
    (key,) = driver.keys(Usage.AUTHENTICATION)
    assert key.certificate is not None
    driver.verify_pin_guarded(key, Pin(EBID_PIN), accept_last_try=False)
    digest = webeid.digest(ORIGIN, CHALLENGE, Algorithm.RS256)
    signature = sign_digest(driver, key, key.certificate, Algorithm.RS256, digest)
    return webeid.token(key.certificate, Algorithm.RS256, signature, "1.2.3")


def test_the_signature_is_over_the_hashes_of_origin_and_challenge(token) -> None:
    public = x509.load_der_x509_certificate(token.unverified_certificate).public_key()
    signed = hashlib.sha256(ORIGIN.encode()).digest() + hashlib.sha256(CHALLENGE.encode()).digest()
    public.verify(token.signature, signed, padding.PKCS1v15(), hashes.SHA256())


def test_the_token_has_the_members_of_the_format(token) -> None:
    wire = msgspec.to_builtins(token)
    assert wire.keys() == {
        "unverifiedCertificate",
        "algorithm",
        "signature",
        "format",
        "appVersion",
    }
    assert (wire["algorithm"], wire["format"]) == ("RS256", "web-eid:1.0")
    assert wire["appVersion"] == "bridged/1.2.3"


def test_the_hash_is_the_algorithms() -> None:
    for algorithm, name in ((Algorithm.ES384, "sha384"), (Algorithm.RS512, "sha512")):
        parts = [hashlib.new(name, text.encode()).digest() for text in (ORIGIN, CHALLENGE)]
        expected = hashlib.new(name, b"".join(parts)).digest()
        assert webeid.digest(ORIGIN, CHALLENGE, algorithm) == expected


def test_nothing_can_be_moved_between_origin_and_challenge() -> None:
    one = webeid.digest("https://a.example", "bc", Algorithm.RS256)
    other = webeid.digest("https://a.exampleb", "c", Algorithm.RS256)
    assert one != other
