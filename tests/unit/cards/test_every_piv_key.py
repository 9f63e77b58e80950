"""A PIV card with a key of every kind in every sort of slot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridged.cards.answers import SecurityStatus
from bridged.cards.key import Input
from bridged.cards.piv import PivDriver
from bridged.model import Algorithm, Usage
from bridged.pcsc.channel import Channel
from bridged.secret import Pin
from bridged.signing import algorithms
from bridged.signing.signer import sign_digest
from bridged.virtual.card import VirtualCard
from bridged.virtual.piv import PivApplet
from bridged.virtual.profiles import EBID_PIN, make_card
from bridged.virtual.reference_data import ReferenceData

RS = (Algorithm.RS256, Algorithm.RS384, Algorithm.RS512)
PS = (Algorithm.PS256, Algorithm.PS384, Algorithm.PS512)
KEYS = {
    "9a": (Usage.AUTHENTICATION, RS + PS),
    "9c": (Usage.SIGNATURE, RS + PS),
    "9e": (Usage.AUTHENTICATION, (Algorithm.ES256,)),
    "82": (Usage.SIGNATURE, RS + PS[:2]),
    "83": (Usage.SIGNATURE, (Algorithm.ES384,)),
    "84": (Usage.SIGNATURE, (Algorithm.EdDSA,)),
}
"""In RSA-1024 there is no room for PS512; the key of 9D is for decrypting and signs nothing."""


@pytest.fixture(scope="module")
def card(ca) -> VirtualCard:
    return make_card("piv-all", ca)


@pytest.fixture(params=[False, True], ids=["short", "extended"])
def channel(request, card: VirtualCard, attached) -> Channel:
    card.restore()
    card.insert()
    return attached(card.transmit, extended=request.param)


@pytest.fixture
def driver(channel: Channel) -> PivDriver:
    driver = PivDriver.detect(channel)
    assert driver is not None
    return driver


def test_all_keys_that_can_sign_are_listed(driver: PivDriver) -> None:
    found = {key.ref: (key.usage, algorithms.supported_by(key)) for key in driver.keys(None)}
    assert found == KEYS
    assert {key.ref for key in driver.keys(None) if key.pin is None} == {"9e"}
    assert {key.ref for key in driver.keys(None) if key.pin_always} == {"9c"}


def test_asked_for_one_usage_its_own_place_answers(driver: PivDriver) -> None:
    assert [key.ref for key in driver.keys(Usage.AUTHENTICATION)] == ["9a"]
    assert [key.ref for key in driver.keys(Usage.SIGNATURE)] == ["9c"]


def test_every_key_signs_by_every_algorithm_it_has(driver: PivDriver) -> None:
    made = 0
    for key in driver.keys(None):
        if key.pin is not None:
            driver.verify_pin(key, Pin(EBID_PIN))
        for algorithm in algorithms.supported_by(key):
            if key.pin_always and made:
                driver.verify_pin(key, Pin(EBID_PIN))
            digest = b"\x5a" * (algorithms.digest_size(algorithm) or 400)
            # Raises unless the signature verifies with the certificate.
            assert sign_digest(driver, key, key.certificate or b"", algorithm, digest)
            made += 1
    assert made == sum(len(names) for _, names in KEYS.values())


def test_the_key_of_9e_alone_signs_without_a_pin(driver: PivDriver) -> None:
    for key in driver.keys(None):
        (algorithm, *_) = algorithms.supported_by(key)
        if key.pin is None:
            assert sign_digest(driver, key, key.certificate or b"", algorithm, bytes(32))
        else:
            with pytest.raises(SecurityStatus):
                driver.sign(key, *key.inputs, bytes(32))


def test_the_key_of_9e_signs_after_another_program_was_there(
    driver: PivDriver, card: VirtualCard, channel: Channel
) -> None:
    (key,) = (key for key in driver.keys(None) if key.ref == "9e")
    card.reset()
    channel.transaction += 1
    assert driver.sign(key, Input.EC_DIGEST, bytes(32))


def test_a_retired_slot_that_the_history_counts_is_looked_for_to_the_last(
    card: VirtualCard, attached
) -> None:
    """SP 800-73-4 has them in a row; cards that were filled by hand do not."""
    (applet,) = card._applets
    retired = [
        replace(applet._keys[0x82], reference=0x82),
        replace(applet._keys[0x84], reference=0x95),
    ]
    pin, puk = ReferenceData(b"123456\xff\xff", 3), ReferenceData(b"12345678", 3)
    scattered = VirtualCard([PivApplet(retired, pin, puk)], b"scattered")
    driver = PivDriver.detect(attached(scattered.transmit, extended=True))
    assert [key.ref for key in driver.keys(Usage.SIGNATURE)] == ["82", "95"]
    before = scattered.apdus
    assert len(driver.keys(Usage.SIGNATURE)) == 2
    assert scattered.apdus == before
