"""What a certificate must be by itself."""

from __future__ import annotations

import contextlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from hypothesis import given
from hypothesis import strategies as st

from portal_demo.card_errors import (
    CertificateIsAuthority,
    CertificateMalformed,
    CertificateNotValid,
    CertificateUsage,
)
from portal_demo.certificates import KeyPurpose, parse_certificate, require_suitable

LOGIN, SIGN = KeyPurpose.AUTHENTICATION, KeyPurpose.SIGNATURE
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")


@pytest.mark.parametrize("days", [(-10, -1), (1, 10)], ids=["expired", "not yet valid"])
def test_a_certificate_out_of_its_validity_is_refused(make_card, tools, days):
    with pytest.raises(CertificateNotValid) as caught:
        require_suitable(make_card(days=days).authentication, LOGIN, tools.NOON)
    assert "年" in caught.value.not_after.ja
    assert "2026" in caught.value.not_after.en or "2027" in caught.value.not_after.en


@pytest.mark.parametrize(
    ("purpose", "bits"),
    [
        (LOGIN, ("digital_signature",)),
        (SIGN, ("content_commitment",)),
        (SIGN, ("digital_signature",)),
        (SIGN, ("content_commitment", "digital_signature")),
    ],
)
def test_key_usage_allows(make_card, tools, purpose, bits):
    require_suitable(make_card(usage=bits).authentication, purpose, tools.NOON)


@pytest.mark.parametrize(
    ("purpose", "bits"),
    [
        (LOGIN, ("content_commitment",)),
        (LOGIN, ("key_encipherment",)),
        (SIGN, ("key_encipherment", "data_encipherment")),
    ],
)
def test_key_usage_forbids(make_card, tools, purpose, bits):
    with pytest.raises(CertificateUsage):
        require_suitable(make_card(usage=bits).authentication, purpose, tools.NOON)


def test_a_certificate_without_key_usage_is_refused(authority, keys, tools):
    certificate = authority.sign(keys[1].public_key(), tools.distinguished(cn="x"), [])
    with pytest.raises(CertificateUsage):
        require_suitable(certificate, LOGIN, tools.NOON)


@pytest.mark.parametrize(
    ("purpose", "usages", "good"),
    [
        (LOGIN, [Eku.CLIENT_AUTH], True),
        (LOGIN, [Eku.SMARTCARD_LOGON, Eku.EMAIL_PROTECTION], True),
        (LOGIN, [Eku.ANY_EXTENDED_KEY_USAGE], True),
        (LOGIN, [Eku.SERVER_AUTH], False),
        (LOGIN, [DOCUMENT_SIGNING], False),
        (SIGN, [DOCUMENT_SIGNING], True),
        (SIGN, [Eku.EMAIL_PROTECTION, Eku.CLIENT_AUTH], True),
        (SIGN, [Eku.OCSP_SIGNING], False),
        (SIGN, [Eku.TIME_STAMPING], False),
        (SIGN, [Eku.SERVER_AUTH, Eku.CODE_SIGNING], False),
    ],
)
def test_a_key_for_a_service_is_no_persons(authority, keys, tools, purpose, usages, good):
    certificate = authority.issue(keys[1], more=[(x509.ExtendedKeyUsage(usages), False)])
    with contextlib.nullcontext() if good else pytest.raises(CertificateUsage):
        require_suitable(certificate, purpose, tools.NOON)


def test_an_authority_is_no_cardholder(authority, keys, tools):
    basic = (x509.BasicConstraints(ca=True, path_length=0), True)
    for certificate in (authority.certificate, authority.issue(keys[1], more=[basic])):
        with pytest.raises(CertificateIsAuthority):
            require_suitable(certificate, LOGIN, tools.NOON)


def test_a_certificate_survives_its_encoding(make_card):
    certificate = make_card().authentication
    assert parse_certificate(certificate.public_bytes(Encoding.DER)) == certificate


@given(st.binary(max_size=200))
def test_bytes_that_are_no_certificate_are_refused(data):
    with pytest.raises(CertificateMalformed):
        parse_certificate(data)


@given(st.data())
def test_a_damaged_certificate_is_read_or_refused(authority, data):
    der = bytearray(authority.certificate.public_bytes(Encoding.DER))
    position = data.draw(st.integers(0, len(der) - 1))
    der[position] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(CertificateMalformed):
        parse_certificate(bytes(der))
