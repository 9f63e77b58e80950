"""The hub with cards that only a PKCS#11 module knows, and modules that do harm."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bridged.cards.pkcs11 import process
from bridged.cards.pkcs11.module import Module
from bridged.errors import (
    CardRemoved,
    CardUnsupported,
    KeyUsageForbidden,
    ModuleFault,
    PinIncorrect,
    PinLastTry,
    PinRequired,
)
from bridged.model import Algorithm, ReaderState, Usage
from bridged.pin.prompt import Prompts
from bridged.service.hub import Hub
from bridged.signing import webeid
from bridged.virtual import certificates
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus

from ..pin.conftest import YES, Person

CHALLENGE = "c" * 44
ORIGIN = "https://portal.example"


@pytest.fixture
def modules() -> list[Module]:
    """The modules of the hub; filled by the test."""
    return []


@pytest.fixture
async def hub(bus, no_blocking, modules) -> AsyncIterator[Hub]:
    hub = Hub(bus, Prompts(), modules=lambda: tuple(modules))
    await hub.start()
    yield hub
    await hub.stop()


@pytest.fixture
def unknown() -> VirtualCard:
    """A card that answers, and has no application that anybody here knows."""
    return VirtualCard([], b"unknown")


@pytest.fixture
def ebidding(softhsm, modules, on_token, rsa_key, ca) -> None:
    """A token like an e-bidding card: one certificate, for both uses."""
    holder, validity = certificates.Cardholder(), certificates.valid_for(730)
    certificate = certificates.ebid_signature(ca, rsa_key.public_key(), holder, validity)
    softhsm.add("e-bidding", on_token(b"\x01", rsa_key, certificate))
    modules.append(softhsm.module())


async def insert(bus: InProcessBus, page: Any, reader: int, card: VirtualCard) -> None:
    bus.insert(reader, card)
    await page.event("card.inserted")


def process_of(hub: Hub):
    return hub.readers.all()[0].card.driver._process


async def idle(hub: Hub) -> None:
    """Wait until the first reader's thread has done what was queued."""
    await hub.readers.all()[0].card.run(lambda _: None)


async def test_a_card_that_only_a_module_knows_is_listed_and_signs(
    bus, unknown, ebidding, page, rsa_key
) -> None:
    await insert(bus, page, 0, unknown)
    listed = (await page.call("certificate.list")).certificates
    assert [each.usage for each in listed] == [Usage.AUTHENTICATION, Usage.SIGNATURE]
    reader = (await page.call("reader.list")).readers[0]
    assert (reader.card.type, reader.card.label) == ("pkcs11", "e-bidding")

    log_in, sign = (each.id for each in listed)
    lease = await page.call("pin.verify", key=log_in, pin="123456")
    token = await page.call("authentication.create", certificate=log_in, challenge=CHALLENGE)
    digest = webeid.digest(ORIGIN, CHALLENGE, token.algorithm)
    public, how = rsa_key.public_key(), Prehashed(hashes.SHA256())
    public.verify(token.signature, digest, padding.PKCS1v15(), how)
    await page.call("lease.release", lease=lease.id)

    await page.call("pin.verify", key=sign, pin="123456")
    digests = tuple(hashlib.sha256(bytes([n])).digest() for n in range(3))
    made = await page.call(
        "signature.create", certificate=sign, algorithm=Algorithm.RS256, digests=digests
    )
    for digest, signature in zip(digests, made.signatures, strict=True):
        public.verify(signature, digest, padding.PKCS1v15(), how)


async def test_a_lease_on_one_use_of_a_key_is_none_on_the_other(
    bus, unknown, ebidding, page
) -> None:
    await insert(bus, page, 0, unknown)
    log_in, sign = (each.id for each in (await page.call("certificate.list")).certificates)
    await page.call("pin.verify", key=log_in, pin="123456")
    ask = {"algorithm": Algorithm.RS256, "digests": (bytes(32),)}
    assert isinstance(await page.fails("signature.create", certificate=sign, **ask), PinRequired)
    refused = await page.fails("signature.create", certificate=log_in, **ask)
    assert isinstance(refused, KeyUsageForbidden)


async def test_the_process_and_its_login_end_with_the_lease(
    bus, unknown, ebidding, page, hub
) -> None:
    await insert(bus, page, 0, unknown)
    key = (await page.certificate(Usage.SIGNATURE)).id
    lease = await page.call("pin.verify", key=key, pin="123456")
    running = process_of(hub)
    assert running.running
    starts = running.starts
    await page.call("lease.release", lease=lease.id)
    await page.call("certificate.list")
    await idle(hub)
    assert not running.running
    assert not (await page.call("pin.status", key=key)).verified
    assert running.starts == starts
    wanted = {"certificate": key, "algorithm": Algorithm.RS256, "digests": (bytes(32),)}
    assert isinstance(await page.fails("signature.create", **wanted), PinRequired)


async def test_a_wrong_pin_is_told_and_a_changed_one_taken(bus, unknown, ebidding, page) -> None:
    await insert(bus, page, 0, unknown)
    key = (await page.certificate(Usage.SIGNATURE)).id
    assert isinstance(await page.fails("pin.verify", key=key, pin="654321"), PinIncorrect)
    await page.call("pin.change", key=key, pin="123456", new_pin="222222")
    assert isinstance(await page.fails("pin.verify", key=key, pin="123456"), PinIncorrect)
    await page.call("pin.verify", key=key, pin="222222")


async def test_a_card_of_ours_is_asked_by_no_module(bus, ebid, hostile, modules, page, hub) -> None:
    modules.append(hostile("crash-load"))
    await insert(bus, page, 0, ebid)
    listed = (await page.call("certificate.list")).certificates
    assert len(listed) == len(Usage)
    assert hub.readers.all()[0].card.driver.label != "Hostile"


async def test_a_card_that_nobody_knows_is_unsupported(
    bus, unknown, hostile, modules, page
) -> None:
    modules.append(hostile(reader="Another reader"))
    await insert(bus, page, 0, unknown)
    assert isinstance(await page.fails("certificate.list"), CardUnsupported)


async def test_a_module_that_hangs_leaves_other_readers_alone(
    bus, unknown, ebid, hostile, modules, page, monkeypatch
) -> None:
    monkeypatch.setattr(process.ModuleProcess.call, "__defaults__", (1.0,))
    modules.append(hostile("hang-find"))
    await insert(bus, page, 0, unknown)
    await insert(bus, page, 1, ebid)
    hanging, good = (reader.id for reader in (await page.call("reader.list")).readers)
    stuck = asyncio.create_task(page.fails("certificate.list", as_id=2, reader=hanging))
    assert len((await page.call("certificate.list", reader=good)).certificates) == len(Usage)
    assert not stuck.done()
    fault = await stuck
    assert isinstance(fault, ModuleFault)
    assert (fault.module, fault.cause) == ("Hostile", "hung")
    assert "Hostile" in fault.messages()["ja"]
    assert len((await page.call("certificate.list")).certificates) == len(Usage)


async def test_after_a_crash_in_a_signature_the_lease_is_over_and_the_next_works(
    bus, unknown, hostile, modules, page, monkeypatch
) -> None:
    modules.append(hostile("crash-sign"))
    await insert(bus, page, 0, unknown)
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=key, pin="123456")
    wanted = {"certificate": key, "algorithm": Algorithm.RS256, "digests": (bytes(32),)}
    assert isinstance(await page.fails("signature.create", **wanted), ModuleFault)
    assert (await page.fails("signature.create", **wanted)).reason == "lease-ended"
    monkeypatch.setenv("HOSTILE", "")
    await page.call("pin.verify", key=key, pin="123456")
    # The module is good again, but for its signatures.
    assert (await page.fails("signature.create", **wanted)).reason == "card-fault"


async def test_a_card_pulled_out_during_a_login_that_hangs_fails_it_at_once(
    bus, unknown, hostile, modules, page, tmp_path, monkeypatch
) -> None:
    mark = tmp_path / "mark"
    os.mkfifo(mark)
    monkeypatch.setenv("HOSTILE_MARK", str(mark))
    modules.append(hostile("hang-login"))
    await insert(bus, page, 0, unknown)
    key = (await page.certificate(Usage.SIGNATURE)).id
    verifying = asyncio.create_task(page.fails("pin.verify", key=key, pin="123456"))
    # Returns as the module opens its end.
    await asyncio.to_thread(mark.read_text)
    bus.remove(0)
    assert isinstance(await verifying, CardRemoved)
    await page.event("card.removed")
    bus.insert(0, unknown)
    event = await page.event("card.inserted")
    assert event.reader.state is ReaderState.PRESENT
    assert len((await page.call("certificate.list")).certificates) == len(Usage)


async def test_a_pin_is_not_sent_to_the_next_card_whose_events_are_late(
    bus, unknown, ebidding, page, hub, monkeypatch
) -> None:
    await insert(bus, page, 0, unknown)
    key = (await page.certificate(Usage.SIGNATURE)).id
    monkeypatch.setattr(hub.readers, "_changed", lambda _: None)
    bus.remove(0)
    bus.insert(0, VirtualCard([], b"another"))
    monkeypatch.setattr(process_of(hub), "call", None)
    assert isinstance(await page.fails("pin.verify", key=key, pin="123456"), CardRemoved)


# ---- a module that has the PIN typed itself ----

PROTECTED, PROTECTED_LAST = 0x50C, 0x2050C


async def test_a_protected_pin_is_asked_for_by_the_module_and_by_nobody_here(
    bus, unknown, hostile, modules, page
) -> None:
    modules.append(hostile(flags=PROTECTED))
    await insert(bus, page, 0, unknown)
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", as_id=5, key=key)
    asked = await page.event("pin.prompting")
    assert (asked.id, asked.way) == (5, "pinpad")
    assert (await page.event("pin.prompted")).id == 5
    assert (await page.call("pin.status", key=key)).verified


async def test_the_last_try_at_a_protected_pin_is_guarded(
    bus, unknown, hostile, modules, page, hub
) -> None:
    modules.append(hostile(flags=PROTECTED_LAST))
    await insert(bus, page, 0, unknown)
    key = (await page.certificate(Usage.SIGNATURE)).id
    # The page's word is not the person's, and there is no dialog.
    for word in (False, True):
        error = await page.fails("pin.verify", key=key, accept_last_try=word)
        assert isinstance(error, PinLastTry)
    person = Person(YES, YES)
    hub.prompts._ways = [person]
    await page.call("pin.verify", key=key)
    assert person.asked[0].heading == "最後の1回を使用しますか？"


async def test_a_signature_without_a_lease_has_the_module_ask(
    bus, unknown, hostile, modules, page, hub
) -> None:
    modules.append(hostile(flags=PROTECTED))
    await insert(bus, page, 0, unknown)
    key = (await page.certificate(Usage.SIGNATURE)).id
    wanted = {"certificate": key, "algorithm": Algorithm.RS256, "digests": (bytes(32),)}
    # It signed, after the PIN, what does not verify.
    assert (await page.fails("signature.create", **wanted)).reason == "card-fault"
    assert (await page.event("pin.prompting")).way == "pinpad"
    await idle(hub)
    assert not process_of(hub).running
