"""Whatever a card does wrong, a page is told by an error of its own, and the next card works."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bridged.errors import (
    BridgedError,
    CardFault,
    CardMute,
    CardRemoved,
)
from bridged.model import Algorithm, ReaderState, Usage
from bridged.protocol import messages as m
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.misbehaviour import Kind, Misbehaviour, Moment
from bridged.virtual.profiles import EBID_PIN, JPKI_SIGNATURE_PIN

from .conftest import Page

DIGEST = hashlib.sha256(b"application").digest()
PINS = {"ebid": EBID_PIN, "jpki": JPKI_SIGNATURE_PIN}


async def list_and_sign(page: Page, pin: str) -> bytes:
    """Do what a portal does, and verify what comes of it."""
    key = (await page.certificate(Usage.SIGNATURE)).id
    lease = await page.call("pin.verify", key=key, pin=pin, accept_last_try=True)
    assert isinstance(lease, m.Lease)
    try:
        made = await page.call(
            "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,)
        )
        x509_info = (await page.certificate(Usage.SIGNATURE)).x509
    finally:
        await page.call("lease.release", lease=lease.id)
    assert isinstance(made, m.SignatureList)
    assert x509_info is not None
    (signature,) = made.signatures
    assert signature is not None
    public = x509.load_der_x509_certificate(x509_info.der).public_key()
    public.verify(signature, DIGEST, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    return signature


async def until(page: Page, state: ReaderState) -> None:
    """Wait until the page would be told that the reader is in this state; not all have an event."""
    async with asyncio.timeout(5):
        while (await page.call("reader.list")).readers[0].state is not state:  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def put_in_anew(page: Page, bus: InProcessBus, card: VirtualCard) -> None:
    await asyncio.to_thread(bus.remove, 0)
    await until(page, ReaderState.EMPTY)
    card.restore()
    card.behave()
    await asyncio.to_thread(bus.insert, 0, card)
    await until(page, ReaderState.PRESENT)


TOLD = {
    "card-fault",
    "card-removed",
    "card-unsupported",
    "certificate-not-found",
    "lease-ended",
    "no-card",
    "pin-required",
}


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SILENCE])
@pytest.mark.parametrize(
    ("moment", "times"),
    [*((moment, 1) for moment in Moment), (Moment.ANY, 0)],
    ids=[*(moment.value for moment in Moment), "always"],
)
@pytest.mark.parametrize("profile", PINS)
async def test_a_fault_is_a_typed_error_and_the_card_works_afterwards(
    page: Page,
    bus: InProcessBus,
    cards: dict[str, VirtualCard],
    profile: str,
    kind: Kind,
    moment: Moment,
    times: int,
) -> None:
    card = cards[profile]
    bus.insert(0, card)
    await page.event("card.inserted")
    card.faults.add(Misbehaviour(kind, on=moment, times=times))
    told: list[str] = []
    # No certificate in the list is how a card shows that none of it can be read.
    with contextlib.suppress(IndexError):
        try:
            async with asyncio.timeout(10):
                await list_and_sign(page, PINS[profile])
        except BridgedError as error:
            told.append(error.reason)
    assert set(told) <= TOLD
    await put_in_anew(page, bus, card)
    await list_and_sign(page, PINS[profile])


@pytest.mark.parametrize("profile", PINS)
async def test_a_status_word_that_no_card_should_give_is_told(
    page: Page, bus: InProcessBus, cards: dict[str, VirtualCard], profile: str
) -> None:
    card = cards[profile]
    bus.insert(0, card)
    await page.event("card.inserted")
    key = (await page.certificate(Usage.SIGNATURE)).id
    card.faults.add(Misbehaviour(Kind.STATUS, on=Moment.VERIFY, sw="6F12"))
    error = await page.fails("pin.verify", key=key, pin=PINS[profile])
    assert isinstance(error, CardFault)
    assert error.sw == "6F12"
    await list_and_sign(page, PINS[profile])


async def test_a_silent_card_is_mute_when_the_time_is_over(
    page: Page, bus: InProcessBus, ebid: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.insert(0, ebid)
    await page.event("card.inserted")
    key = (await page.certificate(Usage.SIGNATURE)).id
    monkeypatch.setattr("bridged.service.card.CARD_TIMEOUT_S", 0.3)
    ebid.faults.add(Misbehaviour(Kind.SILENCE, on=Moment.VERIFY))
    assert isinstance(await page.fails("pin.verify", key=key, pin=EBID_PIN), CardMute)
    monkeypatch.undo()
    await put_in_anew(page, bus, ebid)
    await list_and_sign(page, EBID_PIN)


async def test_a_card_pulled_out_of_its_silence_is_removed_at_once(
    page: Page, bus: InProcessBus, ebid: VirtualCard
) -> None:
    bus.insert(0, ebid)
    await page.event("card.inserted")
    key = (await page.certificate(Usage.SIGNATURE)).id
    ebid.faults.add(Misbehaviour(Kind.SILENCE, on=Moment.VERIFY))
    asked = asyncio.create_task(page.fails("pin.verify", key=key, pin=EBID_PIN))
    await asyncio.sleep(0)
    await asyncio.to_thread(bus.remove, 0)
    async with asyncio.timeout(5):
        assert isinstance(await asked, CardRemoved)
    await put_in_anew(page, bus, ebid)
    await list_and_sign(page, EBID_PIN)


async def test_another_programs_reset_between_pin_and_signature_signs_nothing(
    page: Page, bus: InProcessBus, ebid: VirtualCard
) -> None:
    bus.insert(0, ebid)
    await page.event("card.inserted")
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    other = await asyncio.to_thread(bus.open().connect, "bridged virtual reader 0")
    await asyncio.to_thread(other.close, reset=True)
    error = await page.fails(
        "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert error.reason in {"lease-ended", "pin-required"}
    await list_and_sign(page, EBID_PIN)


async def test_a_mute_card_is_told_and_works_once_it_speaks(
    page: Page, bus: InProcessBus, ebid: VirtualCard
) -> None:
    ebid.mute = True
    bus.insert(0, ebid)
    assert (await page.event("card.inserted")).reader.state is ReaderState.MUTE
    error = await page.fails("certificate.list")
    assert error.reason == "card-mute"
    bus.remove(0)
    assert (await page.event("card.removed")).reader.state is ReaderState.EMPTY
    ebid.mute = False
    bus.insert(0, ebid)
    await page.event("card.inserted")
    await list_and_sign(page, EBID_PIN)
