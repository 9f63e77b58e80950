"""The whole daemon with cards that it leaves to OpenSC, over a real pcscd."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography import x509

from bridged.cards import registry
from bridged.cards.answers import SecurityStatus
from bridged.cards.key import Input
from bridged.cards.pkcs11.discovery import Modules
from bridged.cards.pkcs11.module import Module
from bridged.client.client import Bridge, connect
from bridged.config import Pkcs11Settings
from bridged.errors import CardRemoved, ModuleFault, PinBlocked, PinIncorrect, PinLastTry
from bridged.model import Algorithm, CardType, Certificate, Grant, ReaderState, Usage
from bridged.pcsc.scard import PcscBus
from bridged.pin.prompt import Prompts
from bridged.secret import Pin
from bridged.server.app import create_app, listening
from bridged.service.hub import Hub
from bridged.signing import webeid
from bridged.sites.policy import SitePolicy
from bridged.virtual.card_process import CardProcess
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profiles import EBID_PIN, JPKI_AUTHENTICATION_PIN, JPKI_SIGNATURE_PIN

from ..unit.cards.module_subjects import OPENSC, OpenScSubject, reader_with_card
from ..unit.cards.subjects import FLAGGED
from ..unit.signing.openssl import openssl_verifies

ORIGIN = "https://portal.example"
CHALLENGE = "c" * 44
PINS = {
    "ebid": (EBID_PIN, EBID_PIN),
    "jpki": (JPKI_AUTHENTICATION_PIN, JPKI_SIGNATURE_PIN),
}
SELECT_PIV = bytes.fromhex("00A4040005A000000308")
VERIFY_NOTHING = bytes.fromhex("00200080")


@pytest.fixture
async def bridge(pcscd: PrivatePcscd, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bridge]:
    """A page of a daemon that has no driver of its own, and finds OpenSC by itself."""
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", pcscd.socket_name)
    monkeypatch.setattr(registry, "DRIVERS", ())
    policy = SitePolicy({ORIGIN: frozenset(Grant)})
    hub = Hub(PcscBus(), Prompts(), policy, modules=Modules(Pkcs11Settings()))
    await hub.start()
    try:
        async with (
            listening(create_app(hub, "token"), 0) as port,
            connect(f"ws://127.0.0.1:{port}/v1", origin=ORIGIN) as bridge,
        ):
            yield bridge
    finally:
        await hub.stop()


@pytest.fixture(params=["ebid", "jpki"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def card(
    pcscd: PrivatePcscd, ca_directory: Path, profile: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CardProcess]:
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", pcscd.socket_name)
    card = pcscd.spawn_card(profile, ca_directory)
    reader_with_card()
    yield card
    card.close()


async def only(bridge: Bridge, usage: Usage) -> Certificate:
    (certificate,) = await bridge.certificates(usage=usage)
    return certificate


def assert_signed(folder: Path, der: bytes, algorithm: Algorithm, data: bytes, made: bytes) -> None:
    """Let openssl verify a signature with the certificate's public key."""
    public = x509.load_der_x509_certificate(der).public_key()
    assert openssl_verifies(public, algorithm, made, data, folder)


async def test_a_card_that_only_opensc_knows_logs_in_and_signs(
    card: CardProcess, bridge: Bridge, profile: str, tmp_path: Path
) -> None:
    log_in_pin, sign_pin = PINS[profile]
    key = await only(bridge, Usage.AUTHENTICATION)
    with_card = [reader for reader in await bridge.readers() if reader.card is not None]
    assert [reader.card.type for reader in with_card if reader.card] == [CardType.PKCS11]
    lease = await bridge.verify_pin(key.id, log_in_pin)
    token = await bridge.authenticate(key.id, CHALLENGE)
    digest = webeid.digest(ORIGIN, CHALLENGE, token.algorithm)
    hashed = b"".join(hashlib.sha256(part.encode()).digest() for part in (ORIGIN, CHALLENGE))
    assert hashlib.sha256(hashed).digest() == digest
    certificate = token.unverified_certificate
    assert_signed(tmp_path, certificate, token.algorithm, hashed, token.signature)
    await bridge.release(lease)

    key = await only(bridge, Usage.SIGNATURE)
    assert key.locked == (profile == "jpki")
    await bridge.verify_pin(key.id, sign_pin)
    key = await only(bridge, Usage.SIGNATURE)
    assert key.x509 is not None
    assert key.x509.holder.name == "長野 太郎"
    assert Algorithm.RS256 in key.algorithms
    for algorithm in key.algorithms:
        data = f"入札書 {algorithm}".encode()
        digests = [hashlib.new(f"sha{algorithm[2:]}", data).digest()]
        (made,) = await bridge.sign(key.id, digests, algorithm=algorithm)
        assert_signed(tmp_path, key.x509.der, algorithm, data, made)


@pytest.mark.parametrize("profile", ["ebid"])
async def test_wrong_pins_come_to_a_guarded_last_try_and_block(
    card: CardProcess, bridge: Bridge
) -> None:
    key = (await only(bridge, Usage.AUTHENTICATION)).id
    for left in (None, 1):
        with pytest.raises(PinIncorrect) as wrong:
            await bridge.verify_pin(key, "000000")
        assert wrong.value.tries_left == left
    with pytest.raises(PinLastTry):
        await bridge.verify_pin(key, "000000")
    assert card.tries()["pin"] == 1
    with pytest.raises(PinBlocked):
        await bridge.verify_pin(key, "000000", accept_last_try=True)
    assert (await bridge.pin_status(key)).blocked
    with pytest.raises(PinBlocked):
        await bridge.verify_pin(key, EBID_PIN, accept_last_try=True)


@pytest.mark.parametrize("profile", ["ebid"])
async def test_nothing_is_verified_for_other_programs_after_the_lease(
    card: CardProcess, bridge: Bridge
) -> None:
    key = (await only(bridge, Usage.AUTHENTICATION)).id
    lease = await bridge.verify_pin(key, EBID_PIN)
    await bridge.authenticate(key, CHALLENGE)

    def asked_by_another_program() -> bytes:
        context = PcscBus().open()
        present = [r.name for r in context.wait_for_change() if r.state is ReaderState.PRESENT]
        connection = context.connect(present[0])
        connection.begin()
        connection.transmit(SELECT_PIV)
        answer = connection.transmit(VERIFY_NOTHING)
        connection.end()
        connection.close(reset=False)
        context.close()
        return answer

    assert await asyncio.to_thread(asked_by_another_program) == b"\x90\x00"
    await bridge.release(lease)
    # The reader's thread is done with the end of the lease when it has done this.
    assert not (await bridge.pin_status(key)).verified
    assert await asyncio.to_thread(asked_by_another_program) == b"\x63\xc3"


async def test_a_card_pulled_out_while_signing_fails_and_is_followed(
    card: CardProcess, bridge: Bridge, profile: str
) -> None:
    key = await only(bridge, Usage.SIGNATURE)
    await bridge.verify_pin(key.id, PINS[profile][1])
    card.remove_on("sign")
    with pytest.raises((CardRemoved, ModuleFault)):
        await bridge.sign(key.id, [bytes(32)])
    async with asyncio.timeout(20):
        async for event in bridge.events():
            if event.name == "card.removed":
                break
    await asyncio.to_thread(card.insert)
    async with asyncio.timeout(20):
        async for event in bridge.events():
            if event.name == "card.inserted":
                break
    assert (await only(bridge, Usage.AUTHENTICATION)).x509 is not None


@pytest.mark.parametrize("profile", ["piv-all"])
def test_a_signature_that_a_module_cannot_make_leaves_the_card_to_other_programs(
    card: CardProcess,
) -> None:
    """OpenSC 0.23 makes none with RSA-4096, and is in a transaction ever after."""
    pins = dict.fromkeys(Usage, (EBID_PIN, "pin"))
    opensc = OpenScSubject(Module(OPENSC, "OpenSC"), reader_with_card(), pins, FLAGGED, card=card)
    driver = opensc.driver()
    key = driver.keys(Usage.SIGNATURE)[0]
    driver.verify_pin_guarded(key, Pin(EBID_PIN), accept_last_try=False)
    with pytest.raises(ModuleFault):
        driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))
    opensc.intrude()
    with pytest.raises(SecurityStatus):
        driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))
    driver.end()
