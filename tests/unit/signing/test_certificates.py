"""Certificates read for people, however odd they are."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from bridged.model import X509, Holder
from bridged.pcsc import tlv
from bridged.signing.certificates import JPKI_ADDRESS, JPKI_NAME, MAX_TEXT, read, validity
from bridged.virtual import certificates

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
HOLDER = certificates.Cardholder()


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def utf8(text: str) -> bytes:
    return tlv.encode(0x0C, text.encode())


@pytest.fixture(scope="module")
def make(ca):
    """Return a function that signs a certificate with just these extensions."""

    def issue(
        *extensions: x509.ExtensionType,
        subject: x509.Name | None = None,
        key=ca.key,
        not_after: datetime = NOW + timedelta(days=30),
    ) -> bytes:
        subject = SUBJECT if subject is None else subject
        begin = NOW - timedelta(days=365)
        builder = x509.CertificateBuilder(
            subject, subject, key.public_key(), 0xABCDEF, begin, not_after
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(ca.key, hashes.SHA256()).public_bytes(Encoding.DER)

    return issue


SUBJECT = name((NameOID.COMMON_NAME, "Nagano Taro"))


def alternative(*names: x509.GeneralName) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(list(names))


def holder(der: bytes) -> Holder:
    return read(der, now=NOW).holder


# ---- the demo cards' own ----


def test_the_holder_of_an_e_bidding_certificate_is_read_in_kanji(ca) -> None:
    issued = certificates.ebid_signature(
        ca, ca.key.public_key(), HOLDER, certificates.valid_for(30)
    )
    info = read(issued.public_bytes(Encoding.DER))
    assert info.holder == Holder(
        name=HOLDER.name, organization=HOLDER.company, address=HOLDER.address, corporate_number=None
    )
    assert (info.subject.common_name, info.subject.organization) == (
        HOLDER.name_romaji,
        HOLDER.company_romaji,
    )
    assert info.key_usage == ("digitalSignature", "nonRepudiation")
    assert info.key_type == "RSA-2048"
    assert info.issuer.common_name == "bridged demo CA - do not trust"


def test_the_holder_of_a_jpki_certificate_is_read_from_its_other_names(ca) -> None:
    issued = certificates.jpki_signature(
        ca, ca.key.public_key(), HOLDER, certificates.valid_for(30)
    )
    assert read(issued.public_bytes(Encoding.DER)).holder == Holder(
        name=HOLDER.name, organization=None, address=HOLDER.address, corporate_number=None
    )


def test_a_jpki_certificate_for_authentication_names_nobody(ca) -> None:
    issuer = ca.subordinate(certificates.jpki_issuer("user authentication"))
    issued = certificates.jpki_authentication(
        issuer, ca.key.public_key(), certificates.valid_for(30)
    )
    read_ = read(issued.public_bytes(Encoding.DER))
    assert read_.subject.common_name == "0123456789ABCD"
    assert read_.holder == Holder(name=None, organization=None, address=None, corporate_number=None)


# ---- what is always there ----


def test_numbers_and_times_are_told(make) -> None:
    der = make()
    info = read(der, now=NOW)
    assert (info.der, info.sha256) == (der, hashlib.sha256(der).hexdigest())
    assert info.serial_number == "abcdef"
    assert info.not_before == NOW - timedelta(days=365)
    assert info.not_after == NOW + timedelta(days=30)
    assert info.not_after.tzinfo is not None


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=30), 30),
        (timedelta(hours=23), 0),
        (timedelta(seconds=0), 0),
        (timedelta(seconds=-1), -1),
        (timedelta(days=-2), -2),
    ],
)
def test_days_left_are_whole_days_and_negative_when_it_is_over(make, left, days: int) -> None:
    assert read(make(not_after=NOW + left), now=NOW).expires_in_days == days


def test_the_clock_is_asked_where_no_time_is_given(make) -> None:
    assert read(make(not_after=datetime.now(UTC) + timedelta(days=9.5))).expires_in_days == 9


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "EC-secp384r1"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
    ],
    ids=["EC", "Ed25519"],
)
def test_the_kind_of_key_is_told(make, key, kind: str) -> None:
    assert read(make(key=key), now=NOW).key_type == kind


# ---- names ----


def test_without_extensions_the_subject_is_the_holder(make) -> None:
    subject = name(
        (NameOID.STATE_OR_PROVINCE_NAME, "Nagano"),
        (NameOID.LOCALITY_NAME, "Nagano-shi"),
        (NameOID.ORGANIZATION_NAME, "IT Gyosha"),
        (NameOID.COMMON_NAME, "Nagano Taro"),
    )
    info = read(make(subject=subject), now=NOW)
    assert info.holder == Holder(
        name="Nagano Taro",
        organization="IT Gyosha",
        address="NaganoNagano-shi",
        corporate_number=None,
    )
    assert info.key_usage == ()
    assert info.subject.rfc4514 == "CN=Nagano Taro,O=IT Gyosha,L=Nagano-shi,ST=Nagano"


def test_an_empty_subject_names_nobody(make) -> None:
    der = make(subject=x509.Name([]), key=ec.generate_private_key(ec.SECP256R1()))
    info = read(der, now=NOW)
    assert info.holder == Holder(name=None, organization=None, address=None, corporate_number=None)
    assert info.subject.rfc4514 == ""


def test_what_the_kanji_leave_out_comes_from_the_subject(make) -> None:
    directory = x509.DirectoryName(name((NameOID.ORGANIZATION_NAME, "ＩＴ業者")))
    assert holder(make(alternative(directory))) == Holder(
        name="Nagano Taro", organization="ＩＴ業者", address=None, corporate_number=None
    )


def test_the_first_directory_name_that_has_it_counts(make) -> None:
    names = [
        x509.DNSName("x.example"),
        x509.DirectoryName(name((NameOID.LOCALITY_NAME, "長野県"))),
        x509.DirectoryName(name((NameOID.COMMON_NAME, "長野 太郎"))),
        x509.DirectoryName(name((NameOID.COMMON_NAME, "松本 花子"))),
    ]
    found = holder(make(alternative(*names)))
    assert (found.name, found.address) == ("長野 太郎", "長野県")


def test_several_units_are_told_apart(make) -> None:
    subject = name(
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "JPKI for digital signature"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "Agency"),
    )
    unit = read(make(subject=subject), now=NOW).subject.organizational_unit
    assert unit == "JPKI for digital signature / Agency"


@pytest.mark.parametrize(
    "value",
    [b"\x05\x00", b"\x0c\x00", b"\x0c\x03\xff\xfe\xfd", b"\x13\x03abc"],
    ids=["null", "empty", "no UTF-8", "another type"],
)
def test_an_other_name_that_is_no_text_is_passed_over(make, value: bytes) -> None:
    names = alternative(x509.OtherName(JPKI_NAME, value), x509.OtherName(JPKI_ADDRESS, value))
    found = holder(make(names))
    assert (found.name, found.address) == ("Nagano Taro", None)


def test_a_long_other_name_is_read_and_cut(make) -> None:
    found = holder(make(alternative(x509.OtherName(JPKI_ADDRESS, utf8("長" * 5000)))))
    assert found.address == "長" * MAX_TEXT


def test_text_that_turns_or_hides_its_neighbours_is_cleaned(make) -> None:
    odd = "長野\u202e\u2066　太\u0000郎\r\n\x1b[31m\u200b\u2028\ue000"
    found = holder(make(alternative(x509.OtherName(JPKI_NAME, utf8(odd)))))
    assert found.name == "長野　太郎[31m\ue000"
    subject = name((NameOID.COMMON_NAME, "a\u202eb\x1b"), (NameOID.ORGANIZATION_NAME, "\u202e"))
    info = read(make(subject=subject), now=NOW)
    assert (info.subject.common_name, info.subject.organization) == ("ab", None)
    assert not set(info.subject.rfc4514) & set("\u202e\x1b")


def test_a_long_subject_is_cut(make) -> None:
    units = [(NameOID.ORGANIZATIONAL_UNIT_NAME, "x" * 64)] * 100
    info = read(make(subject=name(*units)), now=NOW)
    assert info.subject.organizational_unit is not None
    assert len(info.subject.organizational_unit) == MAX_TEXT
    assert len(info.subject.rfc4514) == 4 * MAX_TEXT


# ---- hostile ----


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"rubbish", bytes(300)])
def test_what_is_no_certificate_is_a_value_error(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(der)


def test_twice_the_same_extension_is_no_reason_to_fail(make) -> None:
    key_usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    der = make(key_usage, alternative(x509.DNSName("x.example")))
    assert read(der, now=NOW).key_usage == ("digitalSignature", "cRLSign")
    # subjectAltName (2.5.29.17) becomes a second keyUsage (2.5.29.15).
    doubled = der.replace(bytes.fromhex("0603551d11"), bytes.fromhex("0603551d0f"))
    assert doubled != der
    info = read(doubled, now=NOW)
    assert (info.key_usage, info.holder.name) == ((), "Nagano Taro")


def test_a_general_name_of_no_known_kind_is_no_reason_to_fail(make) -> None:
    der = make(alternative(x509.DNSName("x.example")))
    # [2] dNSName becomes [3] x400Address, which the parser refuses.
    damaged = der.replace(b"\x82\x09x.example", b"\xa3\x09x.example")
    assert damaged != der
    assert holder(damaged).name == "Nagano Taro"


@pytest.fixture(scope="module")
def samples(ca) -> list[bytes]:
    issued = (
        certificates.ebid_signature(ca, ca.key.public_key(), HOLDER, certificates.valid_for(1)),
        certificates.jpki_signature(ca, ca.key.public_key(), HOLDER, certificates.valid_for(1)),
    )
    return [each.public_bytes(Encoding.DER) for each in issued]


@given(
    which=st.integers(0, 1),
    damage=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=3
    ),
)
@settings(max_examples=500)
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_damaged_certificate_is_read_or_a_value_error(samples, which: int, damage) -> None:
    der = bytearray(samples[which])
    for place, value in damage:
        der[int(place * len(der))] = value
    try:
        info = read(bytes(der))
    except ValueError:
        return
    assert isinstance(info, X509)
    texts = (info.holder.name, info.holder.organization, info.holder.address)
    assert all(text is None or 0 < len(text) <= MAX_TEXT for text in texts)


def test_the_validity_of_a_certificate_is_what_reading_all_of_it_says(make) -> None:
    whole = read(make())
    assert validity(make()) == (whole.not_before, whole.not_after)


def test_a_certificate_whose_names_cannot_be_read_has_no_validity(make) -> None:
    torn = make().replace(b"Nagano Taro", b"\xff" * 11)
    for look in (read, validity):
        with pytest.raises(ValueError, match=r"subject|issuer"):
            look(torn)
