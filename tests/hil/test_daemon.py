"""The daemon on a real PC/SC stack: pcscd, vpcd and a virtual card, spoken to over the socket."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bridged.client.client import Bridge, connect
from bridged.client.rpc import Event
from bridged.errors import (
    CardInUse,
    CardRemoved,
    LeaseEnded,
    NoCard,
    PcscUnavailable,
    PinBlocked,
    PinIncorrect,
    PinLastTry,
)
from bridged.model import ReaderState, Usage
from bridged.pcsc.bus import CardReset, Connection
from bridged.pcsc.scard import PcscBus
from bridged.protocol import messages as m
from bridged.signing import webeid
from bridged.virtual.card_process import CardProcess
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profiles import EBID_PIN, JPKI_AUTHENTICATION_PIN, JPKI_SIGNATURE_PIN

ORIGIN = "https://portal.example"
ALLOW = ("--allow", f"{ORIGIN}=certificates,sign,page-pin")
CHALLENGE = "c" * 44
PINS = {
    "ebid": (EBID_PIN, EBID_PIN),
    "jpki": (JPKI_AUTHENTICATION_PIN, JPKI_SIGNATURE_PIN),
}
WRONG = {"ebid": "000000", "jpki": "0000"}


@pytest.fixture(params=["ebid", "jpki"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def card(pcscd: PrivatePcscd, ca_directory: Path, profile: str) -> Iterator[CardProcess]:
    card = pcscd.spawn_card(profile, ca_directory)
    yield card
    card.close()


def start_daemon(pcscd: PrivatePcscd, folder: Path) -> subprocess.Popen[str]:
    with (folder / "daemon.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "bridged", "-v", "serve", "--port", "0", *ALLOW],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={
                **os.environ,
                "PCSCLITE_CSOCK_NAME": pcscd.socket_name,
                "XDG_RUNTIME_DIR": str(folder),
                "XDG_CONFIG_HOME": str(folder),
            },
        )


def url_of(daemon: subprocess.Popen[str]) -> str:
    assert daemon.stdout is not None
    match = re.search(r"http://(\S+)", daemon.stdout.readline())
    assert match is not None
    return f"ws://{match[1]}/v1"


@pytest.fixture
async def bridge(pcscd: PrivatePcscd, tmp_path: Path) -> AsyncIterator[Bridge]:
    daemon = start_daemon(pcscd, tmp_path)
    try:
        async with connect(url_of(daemon), origin=ORIGIN) as bridge:
            yield bridge
    finally:
        daemon.terminate()
        daemon.communicate(timeout=10)
    assert daemon.returncode == 0


async def until(bridge: Bridge, name: str) -> Event:
    async with asyncio.timeout(10):
        async for event in bridge.events():
            if event.name == name:
                return event
    raise AssertionError(f"the connection ended before {name}")


async def key_of(bridge: Bridge, usage: Usage) -> str:
    """Return the key of the one card that is inserted."""
    (certificate,) = await bridge.certificates(usage=usage)
    return certificate.id


def verify_signature(der: bytes, signature: bytes, digest: bytes) -> None:
    key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


async def test_authentication_and_signatures_verify(
    card: CardProcess, bridge: Bridge, profile: str
) -> None:
    authentication_pin, signature_pin = PINS[profile]
    key = await key_of(bridge, Usage.AUTHENTICATION)
    lease = await bridge.verify_pin(key, authentication_pin)
    token = await bridge.authenticate(key, CHALLENGE)
    digest = webeid.digest(ORIGIN, CHALLENGE, token.algorithm)
    verify_signature(token.unverified_certificate, token.signature, digest)
    await bridge.release(lease)

    key = await key_of(bridge, Usage.SIGNATURE)
    await bridge.verify_pin(key, signature_pin)
    (certificate,) = await bridge.certificates(usage=Usage.SIGNATURE)
    assert certificate.x509 is not None
    assert certificate.x509.holder.name == "長野 太郎"
    digests = [hashlib.sha256(bytes([n])).digest() for n in range(3)]
    for digest, signature in zip(digests, await bridge.sign(key, digests), strict=True):
        verify_signature(certificate.x509.der, signature, digest)


async def test_wrong_pins_count_down_to_a_guarded_last_try_and_block(
    card: CardProcess, bridge: Bridge, profile: str
) -> None:
    key = await key_of(bridge, Usage.AUTHENTICATION)
    for left in (2, 1):
        with pytest.raises(PinIncorrect) as wrong:
            await bridge.verify_pin(key, WRONG[profile])
        assert wrong.value.tries_left == left
    with pytest.raises(PinLastTry):
        await bridge.verify_pin(key, WRONG[profile])
    assert 1 in card.tries().values()
    with pytest.raises(PinBlocked):
        await bridge.verify_pin(key, WRONG[profile], accept_last_try=True)
    assert (await bridge.pin_status(key)).blocked
    with pytest.raises(PinBlocked):
        await bridge.verify_pin(key, PINS[profile][0], accept_last_try=True)


async def test_a_card_pulled_out_and_put_back_is_followed(
    card: CardProcess, bridge: Bridge
) -> None:
    await key_of(bridge, Usage.AUTHENTICATION)
    await asyncio.to_thread(card.remove)
    event = await until(bridge, "card.removed")
    assert isinstance(event.params, m.ReaderEvent)
    assert event.params.reader.state is ReaderState.EMPTY
    with pytest.raises(NoCard):
        await bridge.certificates()
    await asyncio.to_thread(card.insert)
    await until(bridge, "card.inserted")
    assert len(await bridge.certificates()) == 2


async def test_a_card_pulled_out_while_signing_fails_the_request_first(
    card: CardProcess, bridge: Bridge, profile: str
) -> None:
    key = await key_of(bridge, Usage.SIGNATURE)
    await bridge.verify_pin(key, PINS[profile][1])
    card.remove_on("sign")
    with pytest.raises(CardRemoved):
        await bridge.sign(key, [bytes(32)])
    await until(bridge, "card.removed")


async def test_nothing_is_verified_for_others_after_the_lease(
    card: CardProcess, bridge: Bridge, pcscd: PrivatePcscd, profile: str
) -> None:
    key = await key_of(bridge, Usage.AUTHENTICATION)
    lease = await bridge.verify_pin(key, PINS[profile][0])
    await bridge.release(lease)
    status = await bridge.pin_status(key)
    assert not status.verified
    assert status.tries_left == 3


@pytest.fixture
def other_program(pcscd: PrivatePcscd, monkeypatch: pytest.MonkeyPatch) -> PcscBus:
    """Another PC/SC program: this process, with pyscard led to the same pcscd."""
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", pcscd.socket_name)
    return PcscBus()


async def test_another_programs_reset_ends_the_lease(
    card: CardProcess, bridge: Bridge, other_program: PcscBus, profile: str
) -> None:
    key = await key_of(bridge, Usage.AUTHENTICATION)
    await bridge.verify_pin(key, PINS[profile][0])
    context = other_program.open()
    reader = next(r.name for r in context.wait_for_change() if r.state is ReaderState.PRESENT)
    context.connect(reader).close(reset=True)
    context.close()
    with pytest.raises(LeaseEnded):
        await bridge.authenticate(key, CHALLENGE)
    await bridge.verify_pin(key, PINS[profile][0])
    assert (await bridge.authenticate(key, CHALLENGE)).format == webeid.FORMAT


async def test_another_programs_transaction_is_waited_for_and_then_named(
    card: CardProcess, bridge: Bridge, other_program: PcscBus
) -> None:
    key = await key_of(bridge, Usage.AUTHENTICATION)
    context = other_program.open()
    reader = next(r.name for r in context.wait_for_change() if r.state is ReaderState.PRESENT)
    connection = context.connect(reader)

    connection.begin()
    assert await key_of(bridge, Usage.AUTHENTICATION) == key
    with pytest.raises(CardInUse):
        await bridge.pin_status(key)
    waiting = asyncio.create_task(bridge.pin_status(key))
    assert (await bridge.info()).origin == ORIGIN
    connection.end()
    assert (await waiting).tries_left == 3

    connection.close(reset=False)
    context.close()


async def begin(connection: Connection) -> None:
    """Begin a transaction once the daemon's own, which waits a moment for more, has ended."""
    async with asyncio.timeout(10):
        while True:
            try:
                return connection.begin()
            except CardInUse:
                # PC/SC tells nobody when a transaction ends.
                await asyncio.sleep(0.01)


async def test_the_daemons_reset_is_seen_by_another_program(
    card: CardProcess, bridge: Bridge, other_program: PcscBus, profile: str
) -> None:
    context = other_program.open()
    reader = next(r.name for r in context.wait_for_change() if r.state is ReaderState.PRESENT)
    connection = context.connect(reader)
    key = await key_of(bridge, Usage.AUTHENTICATION)
    lease = await bridge.verify_pin(key, PINS[profile][0])
    await bridge.release(lease)
    assert not (await bridge.pin_status(key)).verified
    with pytest.raises(CardReset):
        await begin(connection)
    connection.close(reset=False)
    context.close()


async def test_pcscd_may_end_and_come_back(ca_directory: Path, tmp_path: Path) -> None:
    with PrivatePcscd() as pcscd:
        card = pcscd.spawn_card("ebid", ca_directory)
        daemon = start_daemon(pcscd, tmp_path)
        try:
            async with connect(url_of(daemon), origin=ORIGIN) as bridge:
                assert len(await bridge.certificates()) == 2
                pcscd.stop()
                await until(bridge, "reader.removed")
                with pytest.raises(PcscUnavailable):
                    await bridge.readers()
        finally:
            daemon.terminate()
            daemon.communicate(timeout=10)
            card.close()
    assert daemon.returncode == 0


async def test_the_pin_is_in_no_log(
    card: CardProcess, bridge: Bridge, profile: str, tmp_path: Path
) -> None:
    for usage, pin in zip((Usage.AUTHENTICATION, Usage.SIGNATURE), PINS[profile], strict=True):
        await bridge.verify_pin(await key_of(bridge, usage), pin)
    log = (tmp_path / "daemon.log").read_text()
    assert "00200080 ***" in log
    for pin in PINS[profile]:
        assert not re.search(rf"(?<![0-9A-Za-z]){pin}(?![0-9A-Za-z])", log)
        assert pin.encode().hex() not in log.lower()


async def test_a_pcscd_that_hangs_keeps_nobody_from_ending_the_daemon(
    ca_directory: Path, tmp_path: Path
) -> None:
    with PrivatePcscd() as pcscd:
        card = pcscd.spawn_card("ebid", ca_directory)
        daemon = start_daemon(pcscd, tmp_path)
        try:
            url = url_of(daemon)
            pcscd.process.send_signal(signal.SIGSTOP)
            async with connect(url, origin=ORIGIN) as bridge:
                assert (await bridge.info()).origin == ORIGIN
            daemon.terminate()
            assert await asyncio.to_thread(daemon.wait, 20) == 0

            late = start_daemon(pcscd, tmp_path)
            async with connect(url_of(late), origin=ORIGIN) as bridge:
                with pytest.raises(PcscUnavailable):
                    await bridge.readers()
            late.terminate()
            assert await asyncio.to_thread(late.wait, 20) == 0
            late.communicate()
        finally:
            pcscd.process.send_signal(signal.SIGCONT)
            daemon.communicate(timeout=10)
            card.close()
