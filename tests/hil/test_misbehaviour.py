"""Cards that misbehave behind a real pcscd: the daemon tells a typed error and goes on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridged.client.client import Bridge
from bridged.errors import BridgedError, CardFault, CardRemoved, LeaseEnded, PinRequired
from bridged.model import ReaderState, Usage
from bridged.pcsc.scard import PcscBus
from bridged.virtual.card_process import CardProcess
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profiles import EBID_PIN

from .test_daemon import bridge, verify_signature

__all__ = ["bridge"]

DIGEST = hashlib.sha256(b"bid").digest()


@pytest.fixture(scope="module")
def _card(pcscd: PrivatePcscd, ca_directory: Path) -> Iterator[CardProcess]:
    card = pcscd.spawn_card("ebid", ca_directory)
    yield card
    card.close()


@pytest.fixture
def card(_card: CardProcess) -> CardProcess:
    _card.reset()
    _card.behave()
    _card.insert()
    return _card


async def sign(bridge: Bridge) -> None:
    """List, verify, sign, verify the signature, release."""
    (certificate,) = await bridge.certificates(usage=Usage.SIGNATURE)
    assert certificate.x509 is not None
    lease = await bridge.verify_pin(certificate.id, EBID_PIN)
    try:
        (signature,) = await bridge.sign(certificate.id, [DIGEST])
    finally:
        await bridge.release(lease)
    verify_signature(certificate.x509.der, signature, DIGEST)


async def until(bridge: Bridge, state: ReaderState) -> None:
    async with asyncio.timeout(15):
        while state not in {reader.state for reader in await bridge.readers()}:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def put_in_anew(bridge: Bridge, card: CardProcess) -> None:
    await asyncio.to_thread(card.remove)
    async with asyncio.timeout(15):
        while {reader.state for reader in await bridge.readers()} != {ReaderState.EMPTY}:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    card.behave()
    await asyncio.to_thread(card.insert)
    await until(bridge, ReaderState.PRESENT)


@pytest.mark.parametrize(
    ("fault", "errors"),
    [
        ("garbage on sign", CardFault),
        ("no-status on verify", CardFault),
        ("reset on sign", (LeaseEnded, PinRequired, CardFault)),
        ("removed on read", CardRemoved),
    ],
)
async def test_a_fault_is_a_typed_error_and_the_card_works_afterwards(
    card: CardProcess,
    bridge: Bridge,
    fault: str,
    errors: type[BridgedError] | tuple[type[BridgedError], ...],
) -> None:
    await until(bridge, ReaderState.PRESENT)
    card.misbehave(fault)
    with pytest.raises(errors):
        await sign(bridge)
    await put_in_anew(bridge, card)
    await sign(bridge)


async def test_a_card_that_is_silent_for_a_moment_is_waited_for(
    card: CardProcess, bridge: Bridge
) -> None:
    await until(bridge, ReaderState.PRESENT)
    card.misbehave("silence 0.5 on verify")
    await sign(bridge)


async def test_a_card_pulled_out_of_its_silence_is_removed(
    card: CardProcess, bridge: Bridge
) -> None:
    await until(bridge, ReaderState.PRESENT)
    card.misbehave("silence on read")
    before = card.apdus()
    signing = asyncio.create_task(sign(bridge))
    while await asyncio.to_thread(card.apdus) < before + 2:  # it is selected, then read
        pass
    await asyncio.to_thread(card.remove)
    async with asyncio.timeout(15):
        with pytest.raises(BridgedError) as told:
            await signing
    assert told.value.reason == "card-removed"
    card.behave()
    await asyncio.to_thread(card.insert)
    await until(bridge, ReaderState.PRESENT)
    await sign(bridge)


async def test_another_programs_reset_costs_a_lease_and_nothing_else(
    card: CardProcess, bridge: Bridge, pcscd: PrivatePcscd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", pcscd.socket_name)
    await until(bridge, ReaderState.PRESENT)
    (certificate,) = await bridge.certificates(usage=Usage.SIGNATURE)
    (reader,) = [each for each in await bridge.readers() if each.state is ReaderState.PRESENT]
    await bridge.verify_pin(certificate.id, EBID_PIN)

    def reset() -> None:
        context = PcscBus().open()
        context.connect(reader.name).close(reset=True)
        context.close()

    await asyncio.to_thread(reset)
    with pytest.raises((LeaseEnded, PinRequired)):
        await bridge.sign(certificate.id, [DIGEST])
    assert card.tries() == {"pin": 3, "puk": 3}
    await sign(bridge)
