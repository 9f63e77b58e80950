from __future__ import annotations

import contextlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from portal_demo.certificates import KeyPurpose, TrustAnchors, load_anchors, parse_certificate
from portal_demo.errors import (
    CertificateIsAuthority,
    CertificateMalformed,
    CertificateNotValid,
    CertificateUntrusted,
    CertificateUsage,
)

LOGIN, SIGN = KeyPurpose.AUTHENTICATION, KeyPurpose.SIGNATURE


@pytest.fixture(scope="module")
def anchors(authority):
    return TrustAnchors([authority.certificate])


def test_a_card_of_a_trusted_authority_is_taken(anchors, make_card, tools):
    card = make_card()
    anchors.verify(card.authentication, LOGIN, tools.NOON)
    anchors.verify(card.signature, SIGN, tools.NOON)


def test_a_card_of_another_authority_is_refused(anchors, make_card, stranger, tools):
    card = make_card(by=stranger)
    with pytest.raises(CertificateUntrusted) as caught:
        anchors.verify(card.authentication, LOGIN, tools.NOON)
    assert caught.value.issuer == "Other CA"


def test_an_authority_with_a_trusted_name_and_another_key_is_refused(
    anchors, authority, keys, make_card, tools
):
    impostor = tools.Authority(keys[3], authority.certificate)
    with pytest.raises(CertificateUntrusted):
        anchors.verify(make_card(by=impostor).authentication, LOGIN, tools.NOON)


def test_a_portal_without_anchors_takes_no_card(make_card, tools):
    with pytest.raises(CertificateUntrusted):
        TrustAnchors([]).verify(make_card().authentication, LOGIN, tools.NOON)


@pytest.mark.parametrize("days", [(-10, -1), (1, 10)])
def test_a_certificate_out_of_its_validity_is_refused(anchors, make_card, tools, days):
    with pytest.raises(CertificateNotValid) as caught:
        anchors.verify(make_card(days=days).authentication, LOGIN, tools.NOON)
    assert "年" in caught.value.not_after


@pytest.mark.parametrize(
    ("purpose", "bits"),
    [
        (LOGIN, ("digital_signature",)),
        (SIGN, ("content_commitment",)),
        (SIGN, ("digital_signature",)),
        (SIGN, ("content_commitment", "digital_signature")),
    ],
)
def test_key_usage_allows(anchors, make_card, tools, purpose, bits):
    anchors.verify(make_card(usage=bits).authentication, purpose, tools.NOON)


@pytest.mark.parametrize(
    ("purpose", "bits"),
    [
        (LOGIN, ("content_commitment",)),
        (LOGIN, ("key_encipherment",)),
        (SIGN, ("key_encipherment", "data_encipherment")),
    ],
)
def test_key_usage_forbids(anchors, make_card, tools, purpose, bits):
    with pytest.raises(CertificateUsage):
        anchors.verify(make_card(usage=bits).authentication, purpose, tools.NOON)


def test_a_certificate_without_key_usage_is_refused(anchors, authority, keys, tools):
    certificate = authority.sign(keys[1].public_key(), tools.distinguished(cn="x"), [])
    with pytest.raises(CertificateUsage):
        anchors.verify(certificate, LOGIN, tools.NOON)


def test_an_authority_is_no_cardholder(anchors, authority, keys, tools):
    basic = (x509.BasicConstraints(ca=True, path_length=0), True)
    for certificate in (authority.certificate, authority.issue(keys[1], more=[basic])):
        with pytest.raises(CertificateIsAuthority):
            anchors.verify(certificate, LOGIN, tools.NOON)


def test_a_cardholder_is_no_authority(anchors, authority, keys, make_card, tools):
    holder = make_card()
    forged = tools.Authority(keys[1], holder.authentication).issue(keys[2])
    with pytest.raises(CertificateUntrusted):
        anchors.verify(forged, LOGIN, tools.NOON, [holder.authentication])


def test_an_intermediate_from_the_card_is_believed_only_under_an_anchor(
    anchors, authority, stranger, keys, tools
):
    name = tools.distinguished(c="JP", o="JPKI", ou="JPKI for user authentication")
    good = tools.Authority.create(keys[2], name, authority)
    bad = tools.Authority.create(keys[2], name, stranger)
    anchors.verify(good.issue(keys[1]), LOGIN, tools.NOON, [good.certificate])
    with pytest.raises(CertificateUntrusted):
        anchors.verify(good.issue(keys[1]), LOGIN, tools.NOON)
    with pytest.raises(CertificateUntrusted):
        anchors.verify(bad.issue(keys[1]), LOGIN, tools.NOON, [bad.certificate])


def test_critical_certificate_policies_are_understood(anchors, authority, keys, tools):
    policy = x509.PolicyInformation(x509.ObjectIdentifier("1.2.392.200149.8.5.1.3.30"), None)
    certificate = authority.issue(keys[1], more=[(x509.CertificatePolicies([policy]), True)])
    anchors.verify(certificate, LOGIN, tools.NOON)


def test_an_unknown_critical_extension_is_refused(anchors, authority, keys, tools):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.1"), b"\x05\x00")
    certificate = authority.issue(keys[1], more=[(unknown, True)])
    with pytest.raises(CertificateUntrusted):
        anchors.verify(certificate, LOGIN, tools.NOON)


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


def test_anchors_come_from_pem_files(tmp_path, authority, stranger, make_card, tools):
    bundle = tmp_path / "both.pem"
    bundle.write_bytes(
        authority.certificate.public_bytes(Encoding.PEM)
        + stranger.certificate.public_bytes(Encoding.PEM)
    )
    anchors = load_anchors([bundle])
    anchors.verify(make_card().authentication, LOGIN, tools.NOON)
    anchors.verify(make_card(by=stranger).authentication, LOGIN, tools.NOON)
