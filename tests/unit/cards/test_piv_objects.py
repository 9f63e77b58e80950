"""The data objects of PIV as bytes."""

from __future__ import annotations

import gzip
import zlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from bridged.cards import piv_objects
from bridged.cards.key import Input
from bridged.cards.piv_objects import (
    KEY_MANAGEMENT,
    RETIRED,
    Alg,
    certified,
    parse_certificate_object,
    prefers_global_pin,
    retired_certificates,
)
from bridged.model import Usage
from bridged.pcsc import tlv
from bridged.virtual import certificates
from bridged.virtual.ca import Extension, key_usage

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])


@pytest.fixture(scope="session")
def certificate(ca) -> bytes:
    holder, validity = certificates.Cardholder(), certificates.valid_for(30)
    issued = certificates.ebid_signature(ca, ca.key.public_key(), holder, validity)
    return issued.public_bytes(Encoding.DER)


def wrapped(certificate: bytes, info: bytes = b"\0") -> bytes:
    inner = tlv.encode(0x70, certificate) + tlv.encode(0x71, info) + b"\xfe\0"
    return tlv.encode(0x53, inner)


def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def issued(ca, public_key, *extensions: Extension) -> bytes:
    made = ca.issue(NAME, public_key, certificates.valid_for(1), extensions)
    return wrapped(made.public_bytes(Encoding.DER))


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, lambda der: b"\x01\x00" + len(der).to_bytes(2, "little") + zlib.compress(der)],
    ids=["gzip", "0100"],
)
def test_a_compressed_certificate_is_unpacked(certificate: bytes, pack) -> None:
    assert parse_certificate_object(wrapped(pack(certificate), b"\x01")) == certificate


def test_a_certificate_without_info_is_taken_as_it_is(certificate: bytes) -> None:
    assert parse_certificate_object(tlv.encode(0x53, tlv.encode(0x70, certificate))) == certificate


@pytest.mark.parametrize("wbits", [31, 15], ids=["gzip", "0100"])
def test_a_bomb_is_refused_before_it_grows(wbits: int, monkeypatch) -> None:
    packer = zlib.compressobj(9, wbits=wbits)
    bomb = packer.compress(bytes(10_000_000)) + packer.flush()
    assert len(bomb) < piv_objects.MAX_CERTIFICATE
    mark = b"" if wbits == 31 else b"\x01\x00\xff\xff"
    grown: list[int] = []
    unpack = piv_objects._decompress
    monkeypatch.setattr(piv_objects, "_decompress", lambda data: _noted(unpack(data), grown))
    with pytest.raises(ValueError, match="too large"):
        parse_certificate_object(wrapped(mark + bomb, b"\x01"))
    assert grown == [piv_objects.MAX_CERTIFICATE + 1]


def _noted(data: bytes, sizes: list[int]) -> bytes:
    sizes.append(len(data))
    return data


def test_a_certificate_of_more_than_the_most_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        parse_certificate_object(wrapped(bytes(piv_objects.MAX_CERTIFICATE + 1)))


def test_rubbish_that_says_it_is_compressed_is_refused() -> None:
    with pytest.raises(ValueError, match="header"):
        parse_certificate_object(wrapped(b"rubbish", b"\x01"))


# ---- keys and what they are for ----


@pytest.mark.parametrize(
    ("make", "alg", "form"),
    [
        (lambda: rsa_key(1024), Alg.RSA_1024, Input.RSA_BLOCK),
        (lambda: rsa_key(3072), Alg.RSA_3072, Input.RSA_BLOCK),
        (lambda: ec.generate_private_key(ec.SECP256R1()), Alg.P_256, Input.EC_DIGEST),
        (lambda: ec.generate_private_key(ec.SECP384R1()), Alg.P_384, Input.EC_DIGEST),
        (ed25519.Ed25519PrivateKey.generate, Alg.ED25519, Input.ED_MESSAGE),
    ],
    ids=["RSA-1024", "RSA-3072", "P-256", "P-384", "Ed25519"],
)
def test_the_certificate_tells_the_algorithm(ca, make, alg: Alg, form: Input) -> None:
    found = certified(piv_objects.SIGNATURE, issued(ca, make().public_key()))
    assert (found.alg, found.input, found.usage) == (alg, form, Usage.SIGNATURE)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP521R1()),
        lambda: rsa_key(1536),
        x25519.X25519PrivateKey.generate,
    ],
    ids=["P-521", "RSA-1536", "X25519"],
)
def test_a_kind_of_key_that_piv_does_not_have_is_refused(ca, make) -> None:
    with pytest.raises(ValueError, match="no name"):
        certified(piv_objects.SIGNATURE, issued(ca, make().public_key()))


CLIENT = Extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))
MAIL = Extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]))


@pytest.mark.parametrize(
    ("extensions", "usage"),
    [
        ((), None),
        ((key_usage("key_encipherment"),), None),
        ((key_usage("key_agreement"), CLIENT), None),
        ((key_usage("content_commitment"),), Usage.SIGNATURE),
        ((key_usage("digital_signature", "content_commitment"), CLIENT), Usage.SIGNATURE),
        ((key_usage("digital_signature"),), Usage.SIGNATURE),
        ((key_usage("digital_signature"), MAIL), Usage.SIGNATURE),
        ((key_usage("digital_signature", "key_encipherment"), CLIENT), Usage.AUTHENTICATION),
    ],
)
@pytest.mark.parametrize("slot", [KEY_MANAGEMENT, RETIRED[0]], ids=["9D", "82"])
def test_a_key_for_decrypting_signs_what_its_certificate_says(ca, slot, extensions, usage) -> None:
    assert certified(slot, issued(ca, ca.key.public_key(), *extensions)).usage is usage


# ---- discovery and history ----


@pytest.mark.parametrize(
    ("policy", "prefers"),
    [("6020", True), ("6010", False), ("4020", False), ("4000", False), ("60", False), ("", False)],
)
def test_the_global_pin_counts_where_it_is_allowed_and_preferred(policy: str, prefers) -> None:
    raw = tlv.encode(0x7E, tlv.encode(0x4F, b"x"), tlv.encode(0x5F2F, bytes.fromhex(policy)))
    assert prefers_global_pin(raw) is prefers


@pytest.mark.parametrize(
    ("content", "count"), [("C10103", 3), ("C10114", 20), ("C101FF", 20), ("C100", 0), ("", 0)]
)
def test_the_key_history_counts_retired_certificates(content: str, count: int) -> None:
    assert retired_certificates(tlv.encode(0x53, bytes.fromhex(content))) == count


@given(st.binary(max_size=60))
def test_objects_of_any_bytes_say_nothing_worse_than_nothing(raw: bytes) -> None:
    assert prefers_global_pin(raw) in {True, False}
    assert 0 <= retired_certificates(raw) <= 20
