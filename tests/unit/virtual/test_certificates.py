"""What the demo certificates say, and that verifiers accept them."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import (
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from bridged.virtual import certificates
from bridged.virtual.ca import DemoCa, new_rsa_key
from bridged.virtual.certificates import Cardholder, valid_for

HOLDER = Cardholder(corporate_number="7000012050002")


@pytest.fixture(scope="module")
def key() -> object:
    return new_rsa_key().public_key()


@pytest.fixture(scope="module")
def jpki_ca(ca: DemoCa) -> DemoCa:
    return ca.subordinate(certificates.jpki_issuer("digital signature"))


def issue(shape: str, ca: DemoCa, jpki_ca: DemoCa, key, validity) -> x509.Certificate:  # type: ignore[no-untyped-def]
    match shape:
        case "ebid-authentication":
            return certificates.ebid_authentication(ca, key, HOLDER, validity)
        case "ebid-signature":
            return certificates.ebid_signature(ca, key, HOLDER, validity)
        case "jpki-authentication":
            return certificates.jpki_authentication(jpki_ca, key, validity)
        case _:
            return certificates.jpki_signature(jpki_ca, key, HOLDER, validity)


SHAPES = ["ebid-authentication", "ebid-signature", "jpki-authentication", "jpki-signature"]


def verify(leaf: x509.Certificate, ca: DemoCa, jpki_ca: DemoCa) -> None:
    builder = PolicyBuilder().store(Store([ca.certificate])).time(datetime.now(UTC))
    verifier = builder.extension_policies(
        ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
    )
    verifier.build_client_verifier().verify(leaf, [jpki_ca.certificate])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_verifier_accepts_the_chain(shape: str, ca: DemoCa, jpki_ca: DemoCa, key: object) -> None:
    verify(issue(shape, ca, jpki_ca, key, valid_for(730)), ca, jpki_ca)


@pytest.mark.parametrize("shape", SHAPES)
def test_openssl_accepts_the_chain(
    shape: str, ca: DemoCa, jpki_ca: DemoCa, key: object, tmp_path: Path
) -> None:
    leaf = issue(shape, ca, jpki_ca, key, valid_for(730))
    for name, certificate in (("ca", ca.certificate), ("sub", jpki_ca.certificate), ("leaf", leaf)):
        (tmp_path / name).write_bytes(certificate.public_bytes(Encoding.PEM))
    result = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", "ca", "-untrusted", "sub", "leaf"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout, result.returncode) == ("leaf: OK\n", 0), result.stderr


@pytest.mark.parametrize("validity", [valid_for(-1), valid_for(-400)])
def test_an_expired_certificate_is_refused(
    ca: DemoCa, jpki_ca: DemoCa, key: object, validity: certificates.Validity
) -> None:
    leaf = issue("ebid-signature", ca, jpki_ca, key, validity)
    with pytest.raises(VerificationError, match="not valid at validation time"):
        verify(leaf, ca, jpki_ca)


def test_a_certificate_of_tomorrow_is_refused(ca: DemoCa, jpki_ca: DemoCa, key: object) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    validity = tomorrow, tomorrow + timedelta(days=1)
    with pytest.raises(VerificationError, match="not valid at validation time"):
        verify(issue("ebid-signature", ca, jpki_ca, key, validity), ca, jpki_ca)


def test_another_ca_does_not_vouch_for_it(ca: DemoCa, jpki_ca: DemoCa, key: object) -> None:
    leaf = issue("ebid-signature", ca, jpki_ca, key, valid_for(730))
    with pytest.raises(VerificationError):
        verify(leaf, DemoCa.create(), jpki_ca)


def extension(certificate: x509.Certificate, kind):  # type: ignore[no-untyped-def]
    return certificate.extensions.get_extension_for_class(kind).value


def test_an_ebid_certificate_names_the_holder_in_romaji_and_kanji(
    ca: DemoCa, jpki_ca: DemoCa, key: object
) -> None:
    leaf = issue("ebid-signature", ca, jpki_ca, key, valid_for(730))
    assert leaf.subject.rfc4514_string() == (
        "CN=Nagano Taro,OU=Signature,O=IT Gyosha Denshi 01,C=JP"
    )
    names = extension(leaf, x509.SubjectAlternativeName)
    (kanji,) = names.get_values_for_type(x509.DirectoryName)
    assert {attribute.oid: attribute.value for attribute in kanji} == {
        NameOID.COUNTRY_NAME: "JP",
        NameOID.LOCALITY_NAME: "長野県長野市南長野1-2-3",
        NameOID.ORGANIZATION_NAME: "IT業者電子01",
        NameOID.ORGANIZATION_IDENTIFIER: "NTRJP-7000012050002",
        NameOID.COMMON_NAME: "長野 太郎",
    }


def usage_bits(certificate: x509.Certificate) -> set[str]:
    usage = extension(certificate, x509.KeyUsage)
    bits = ("digital_signature", "content_commitment", "key_encipherment", "key_cert_sign")
    return {bit for bit in bits if getattr(usage, bit)}


def test_each_key_has_its_own_usage(ca: DemoCa, jpki_ca: DemoCa, key: object) -> None:
    made = {shape: issue(shape, ca, jpki_ca, key, valid_for(730)) for shape in SHAPES}
    assert {shape: usage_bits(leaf) for shape, leaf in made.items()} == {
        "ebid-authentication": {"digital_signature"},
        "ebid-signature": {"digital_signature", "content_commitment"},
        "jpki-authentication": {"digital_signature"},
        "jpki-signature": {"digital_signature", "content_commitment"},
    }
    purposes = extension(made["ebid-authentication"], x509.ExtendedKeyUsage)
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_the_usage_of_a_signature_certificate_can_be_wrong(ca: DemoCa, key: object) -> None:
    leaf = certificates.ebid_signature(ca, key, HOLDER, valid_for(1), ("key_encipherment",))  # type: ignore[arg-type]
    assert usage_bits(leaf) == {"key_encipherment"}


def test_a_jpki_signature_certificate_tells_the_four_particulars(
    ca: DemoCa, jpki_ca: DemoCa, key: object
) -> None:
    leaf = issue("jpki-signature", ca, jpki_ca, key, valid_for(730))
    names = extension(leaf, x509.SubjectAlternativeName)
    told = {n.type_id.dotted_string: n.value for n in names}
    arc = "1.2.392.200149.8.5.5"
    assert told[f"{arc}.1"] == b"\x0c\x0d" + "長野 太郎".encode()
    assert told[f"{arc}.3"] == b"\x0c\x011"
    assert told[f"{arc}.4"] == b"\x0c\x09419900401"
    assert told[f"{arc}.5"].endswith("長野県長野市南長野1-2-3".encode())
    assert leaf.issuer.rfc4514_string() == (
        "OU=Japan Agency for Local Authority Information Systems,"
        "OU=JPKI for digital signature,O=JPKI,C=JP"
    )
