"""Names in every encoding that certificates have seen, empty, enormous and hostile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.model import X509
from bridged.pcsc import tlv
from bridged.signing.certificates import MAX_TEXT, read

pytestmark = pytest.mark.filterwarnings("ignore:Attribute's length must be")
"""Lengths that RFC 5280 forbids are warned of, not refused."""

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
COMMON_NAME, ORGANIZATION, UNIT = "0603550403", "060355040a", "060355040b"
UTF8, PRINTABLE, TELETEX, IA5, UNIVERSAL, BMP = 0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E
PLACEHOLDER = "PLACEHOLDER"


def attribute(oid: str, tag: int, value: bytes) -> bytes:
    return tlv.encode(0x31, tlv.encode(0x30, bytes.fromhex(oid), tlv.encode(tag, value)))


@pytest.fixture(scope="module")
def certified(ca):
    """Return a function: the DER of a certificate whose subject is just these bytes, signature and all wrong.

    Nothing that reads a certificate for people verifies it, and no library writes such names.
    """

    def make(*attributes: bytes) -> bytes:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, PLACEHOLDER)])
        begin, end = NOW - timedelta(days=1), NOW + timedelta(days=30)
        builder = x509.CertificateBuilder(ISSUER, name, ca.key.public_key(), 7, begin, end)
        der = builder.sign(ca.key, hashes.SHA256()).public_bytes(Encoding.DER)
        _, body = next(tlv.parse(der))
        (_, tbs), *rest = tlv.parse(body)
        parts = [
            tlv.encode(0x30, *attributes)
            if PLACEHOLDER.encode() in value
            else tlv.encode(tag, value)
            for tag, value in tlv.parse(tbs)
        ]
        return tlv.encode(
            0x30, tlv.encode(0x30, *parts), *(tlv.encode(tag, value) for tag, value in rest)
        )

    return make


ISSUER = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an issuer")])


def read_(der: bytes) -> X509:
    return read(der, now=NOW)


@pytest.mark.parametrize(
    ("tag", "value", "text"),
    [
        (UTF8, "長野 太郎".encode(), "長野 太郎"),
        (UTF8, "𠮷野家".encode(), "𠮷野家"),
        (PRINTABLE, b"Nagano Taro", "Nagano Taro"),
        (IA5, b"taro@example.jp", "taro@example.jp"),
        (BMP, "長野 太郎".encode("utf-16-be"), "長野 太郎"),
        (UNIVERSAL, "𠮷野".encode("utf-32-be"), "𠮷野"),
        (TELETEX, b"Nagano Taro", "Nagano Taro"),
    ],
    ids=["UTF8", "UTF8 beyond the BMP", "Printable", "IA5", "BMP", "Universal", "Teletex"],
)
def test_a_name_is_read_in_each_of_its_encodings(
    certified, tag: int, value: bytes, text: str
) -> None:
    info = read_(certified(attribute(COMMON_NAME, tag, value)))
    assert info.subject.common_name == text
    assert info.holder.name == text


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (TELETEX, "長野".encode("iso2022_jp")),
        (TELETEX, "長野".encode("shift_jis")),
        (TELETEX, b"\xff\xfe\x80"),
        (UTF8, b"\xff\xfe"),
        (UTF8, b"\xed\xa0\x80"),
        (BMP, b"\x95"),
        (BMP, b"\xd8\x00"),
        (UNIVERSAL, b"\0\x11\0\0"),
        (PRINTABLE, b"\xff"),
        (0x30, b""),
        (0x02, b"\x05"),
    ],
)
def test_text_that_is_none_is_refused_or_read_without_harm(
    certified, tag: int, value: bytes
) -> None:
    try:
        info = read_(certified(attribute(COMMON_NAME, tag, value)))
    except ValueError:
        return
    for text in (info.subject.common_name, info.subject.rfc4514, info.holder.name):
        assert text is None or (text.isprintable() and text.encode())


@pytest.mark.parametrize("tag", [UTF8, BMP, TELETEX])
def test_an_empty_text_is_no_name(certified, tag: int) -> None:
    info = read_(certified(attribute(COMMON_NAME, tag, b"")))
    assert info.subject.common_name is info.holder.name is None


def test_an_enormous_name_is_cut(certified) -> None:
    many = [attribute(UNIT, UTF8, f"部門{n}".encode()) for n in range(500)]
    info = read_(certified(attribute(COMMON_NAME, UTF8, "長".encode() * 15_000), *many))
    assert info.subject.common_name == "長" * MAX_TEXT
    assert len(info.subject.organizational_unit or "") == MAX_TEXT
    assert len(info.subject.rfc4514) == 4 * MAX_TEXT


@pytest.mark.parametrize(
    "hostile",
    [
        "長野\u202e太郎",
        "長\0野",
        "長\n野",
        "\u2066長野",
        "長野\u200b",
        "\ufeff長野",
        "長\x1b[31m野",
    ],
)
def test_nothing_in_a_name_moves_or_hides_what_stands_beside_it(certified, hostile: str) -> None:
    info = read_(certified(attribute(ORGANIZATION, UTF8, hostile.encode())))
    assert info.holder.organization is not None
    assert info.holder.organization.isprintable()
    assert info.holder.organization.startswith("長")
    assert info.subject.rfc4514.isprintable()
