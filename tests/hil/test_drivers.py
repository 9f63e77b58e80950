"""Each driver once through the whole of its contract's good path, over pcscd and vpcd."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bridged.cards import registry
from bridged.cards.base import CardDriver
from bridged.cards.key import Key
from bridged.errors import PinIncorrect
from bridged.model import Algorithm, Usage
from bridged.pcsc.atr import supports_extended_length
from bridged.pcsc.channel import Channel
from bridged.pcsc.scard import PcscBus
from bridged.secret import Pin
from bridged.signing import algorithms
from bridged.signing.signer import sign_digest
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profiles import EBID_PIN, JPKI_AUTHENTICATION_PIN, JPKI_SIGNATURE_PIN

KINDS = {
    "jpki": {"RS256", "RS384", "RS512"},
    "ec-only": {"ES256", "ES384"},
    "piv-all": set(Algorithm) - {Algorithm.ES512},
}


@pytest.fixture(params=KINDS)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def channel(
    pcscd: PrivatePcscd, ca_directory: Path, profile: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Channel]:
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", pcscd.socket_name)
    with closing(pcscd.spawn_card(profile, ca_directory)):
        context = PcscBus().open()
        connection = context.connect(context.wait_for_change()[0].name)
        channel = Channel()
        extended = supports_extended_length(connection.atr)
        channel.attach(connection.transmit, extended=extended, atr=connection.atr)
        connection.begin()
        yield channel
        connection.end()
        connection.close(reset=True)
        context.close()


def pins(profile: str, usage: Usage) -> tuple[str, str, str]:
    """Return the PIN of a key, a wrong one and a new one."""
    if profile != "jpki":
        return EBID_PIN, "000000", "654321"
    if usage is Usage.AUTHENTICATION:
        return JPKI_AUTHENTICATION_PIN, "0000", "4321"
    return JPKI_SIGNATURE_PIN, "ZZZZZZ", "NEWPIN7"


def test_a_card_is_listed_unlocked_used_and_given_a_new_pin(profile: str, channel: Channel) -> None:
    driver = registry.detect(channel)
    made: set[str] = set()
    for usage in Usage:
        right, wrong, new = pins(profile, usage)
        key = driver.keys(usage)[0]
        full = 5 if (profile, usage) == ("jpki", Usage.SIGNATURE) else 3
        with pytest.raises(PinIncorrect):
            driver.verify_pin_guarded(key, Pin(wrong), accept_last_try=False)
        assert driver.pin_status(key).tries_left == full - 1
        driver.change_pin_guarded(key, Pin(right), Pin(new), accept_last_try=False)
        driver.verify_pin_guarded(key, Pin(new), accept_last_try=False)
        made |= sign_with_all(driver, usage, new)
        driver.change_pin_guarded(key, Pin(new), Pin(right), accept_last_try=False)
    assert made == KINDS[profile]


def sign_with_all(driver: CardDriver, usage: Usage, pin: str) -> set[str]:
    """Sign by every algorithm of every key of a usage; `sign_digest` verifies each."""
    made: set[str] = set()
    keys = [key for key in driver.keys(None) if key.usage is usage]
    for key in keys:
        for algorithm in algorithms.supported_by(key):
            present(driver, key, pin)
            digest = b"\x5a" * (algorithms.digest_size(algorithm) or 300)
            assert sign_digest(driver, key, key.certificate or b"", algorithm, digest)
            made.add(algorithm)
    assert keys
    return made


def present(driver: CardDriver, key: Key, pin: str) -> None:
    if key.pin_always:
        driver.verify_pin(key, Pin(pin))
