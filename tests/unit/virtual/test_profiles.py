"""What the options of a demo card do."""

from __future__ import annotations

import pytest
from cryptography import x509

from bridged.pcsc import tlv
from bridged.pcsc.apdu import Response
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.certificates import Cardholder, valid_for
from bridged.virtual.profiles import make_card
from bridged.virtual.reference_data import ReferenceData


def signature_certificate(card: VirtualCard) -> x509.Certificate:
    card.transmit(bytes.fromhex("00A4040005A000000308"))
    answer = card.transmit(bytes.fromhex("00CB3FFF0000055C035FC10A0000"))
    return x509.load_der_x509_certificate(tlv.find(Response.decode(answer).data, 0x53, 0x70))


def test_the_options_reach_the_certificates(ca: DemoCa) -> None:
    validity = valid_for(-30)
    card = make_card(
        "ebid",
        ca,
        holder=Cardholder(name_romaji="Suwa Hanako"),
        validity=validity,
        signature_usage=("key_encipherment",),
        tries=7,
    )
    certificate = signature_certificate(card)
    assert certificate.subject.rfc4514_string().startswith("CN=Suwa Hanako,")
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == validity
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_encipherment
    assert not usage.digital_signature
    assert {name: pin.tries_left for name, pin in card.pins.items()} == {"pin": 7, "puk": 7}


def test_the_two_jpki_pins_have_tries_of_their_own(ca: DemoCa) -> None:
    card = make_card("jpki", ca, tries=2, signature_tries=4)
    tries = {name: pin.tries_left for name, pin in card.pins.items()}
    assert tries == {"authentication": 2, "signature": 4}


def test_two_cards_have_different_keys(ca: DemoCa) -> None:
    first, second = (signature_certificate(make_card("ebid", ca)) for _ in range(2))
    assert first.public_key() != second.public_key()


def test_an_unknown_profile_is_refused(ca: DemoCa) -> None:
    with pytest.raises(ValueError, match="there are ebid, jpki"):
        make_card("passport", ca)


def test_a_blocked_reference_matches_nothing() -> None:
    pin = ReferenceData(b"1234", 1)
    assert not pin.verify(b"0000")
    assert not pin.verify(b"1234")
    assert (pin.blocked, pin.tries_left) == (True, 0)
    pin.restore()
    assert pin.verify(b"1234")
