"""What may sign: decided before the card is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bridged.cards.key import Input, Key, PinObject
from bridged.errors import CardUnsupported, CertificateNotFound, PinRequired
from bridged.model import PinAlphabet, PinRules, Usage
from bridged.service.card import InsertedCard
from bridged.service.keys import SigningKey

NO_CARD = cast("InsertedCard", None)


def key_with(certificate: bytes | None) -> Key:
    rules = PinRules(min_length=4, max_length=4, alphabet=PinAlphabet.DIGITS)
    return Key(
        ref="9c",
        usage=Usage.SIGNATURE,
        label="a key",
        pin=PinObject("80", "PIN", rules),
        pin_always=False,
        inputs=frozenset({Input.RSA_BLOCK}),
        certificate=certificate,
    )


def test_a_locked_key_wants_its_pin_first() -> None:
    with pytest.raises(PinRequired):
        SigningKey.of(NO_CARD, key_with(None), Usage.SIGNATURE)


def test_a_certificate_that_is_none_is_not_found() -> None:
    with pytest.raises(CertificateNotFound):
        SigningKey.of(NO_CARD, key_with(b"\x30\x00"), Usage.SIGNATURE)


def test_a_kind_of_key_that_no_algorithm_fits_is_not_supported() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, None)
    )
    with pytest.raises(CardUnsupported):
        SigningKey.of(NO_CARD, key_with(certificate.public_bytes(Encoding.DER)), Usage.SIGNATURE)
