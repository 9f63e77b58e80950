"""Certificates that only hostile cards hold."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from bridged.cards.certificate import is_certificate, load

pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
"""Numbers that RFC 5280 forbids are warned of, not refused."""

VERSION_3 = bytes.fromhex("a003020102")
RSA = bytes.fromhex("06092a864886f70d010101")


@pytest.fixture(scope="session")
def der(ca) -> bytes:
    return ca.certificate.public_bytes(Encoding.DER)


def test_a_certificate_is_loaded(der: bytes, ca) -> None:
    assert load(der) == ca.certificate
    assert is_certificate(der)


@pytest.mark.parametrize(
    ("old", "new"),
    [(VERSION_3, VERSION_3[:-1] + b"\x63"), (RSA, RSA[:-1] + b"\x63"), (b"\x30", b"\x31")],
    ids=["version", "kind of key", "tag"],
)
def test_what_the_parser_has_errors_of_its_own_for_is_a_value_error(
    der: bytes, old: bytes, new: bytes
) -> None:
    damaged = der.replace(old, new, 1)
    assert damaged != der
    with pytest.raises(ValueError, match=r"."):
        load(damaged)
    assert not is_certificate(damaged)


@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), cut=st.booleans())
@settings(max_examples=300)
def test_a_damaged_certificate_is_loaded_or_a_value_error(
    der: bytes,
    place: float,
    value: int,
    cut: bool,  # noqa: FBT001
) -> None:
    damaged = bytearray(der)
    damaged[int(place * len(der))] = value
    if cut:
        del damaged[int(place * len(der)) + 1 :]
    if is_certificate(bytes(damaged)):
        assert isinstance(load(bytes(damaged)), x509.Certificate)
