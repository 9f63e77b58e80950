"""What the audit says of requests, and that no key is used where it cannot be written."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster

from bridged.audit.journal import Journal
from bridged.audit.reading import records, verify
from bridged.config import PinWay
from bridged.errors import PinIncorrect, PinRequired, RecordFailed
from bridged.model import Algorithm, Grant, Usage
from bridged.pin.prompt import Prompts
from bridged.protocol import messages as m
from bridged.service.audited import Audit
from bridged.service.hub import Hub
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.keypad import VirtualKeypad
from bridged.virtual.misbehaviour import INS_GENERAL_AUTHENTICATE
from bridged.virtual.profiles import EBID_PUK

from ..audit.conftest import full_after
from ..pin.conftest import NO, YES, Person
from .conftest import Page

PIN = "123456"
SAFE = frozenset({Grant.CERTIFICATES, Grant.SIGN})
DIGEST = hashlib.sha256(b"hello").digest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
async def hub(bus: InProcessBus, no_blocking: BlockBuster, folder: Path) -> AsyncIterator[Hub]:
    audit = Audit(Journal(folder))
    hub = Hub(bus, Prompts(), audit=audit)
    await hub.start()
    yield hub
    await hub.stop()
    await audit.close()


@pytest.fixture
async def key(page: Page, bus: InProcessBus, ebid: VirtualCard) -> str:
    bus.insert(0, ebid)
    await page.event("card.inserted")
    return (await page.certificate(Usage.SIGNATURE)).id


async def told(folder: Path) -> list[dict[str, Any]]:
    """Return the records without what differs from run to run."""
    return [
        {name: value for name, value in record.items() if name not in {"at", "prev", "hash"}}
        for record in await asyncio.to_thread(lambda: list(records(folder)))
    ]


def shown(folder: Path) -> str:
    """Return all that the audit's files hold."""
    return "".join(file.read_text("utf-8") for file in sorted(folder.iterdir()))


def spoil(folder: Path) -> None:
    """Put a folder where the audit's file was."""
    (folder / "audit.jsonl").unlink()
    (folder / "audit.jsonl").mkdir()


async def sign(page: Page, key: str) -> None:
    await page.call(
        "signature.create",
        certificate=key,
        algorithm=Algorithm.RS256,
        digests=(DIGEST, DIGEST),
        title="入札書",
    )


async def test_a_signature_is_told_before_and_after_with_all_that_was_signed(
    page: Page, key: str, folder: Path
) -> None:
    certificate = (await page.certificate(Usage.SIGNATURE)).x509
    assert certificate is not None
    await page.call("pin.verify", key=key, pin=PIN)
    await sign(page, key)
    about = {
        "origin": "https://portal.example",
        "method": "signature.create",
        "request": 1,
    }
    verified, asked, used = await told(folder)
    assert verified == {
        **about,
        "seq": 1,
        "event": "pin.used",
        "method": "pin.verify",
        "certificate": certificate.sha256,
        "result": "done",
        "pinBy": "page",
    }
    assert asked == {
        **about,
        "seq": 2,
        "event": "key.asked",
        "certificate": certificate.sha256,
        "algorithm": "RS256",
        "title": "入札書",
        "digests": [DIGEST.hex()] * 2,
    }
    assert used == {
        **about,
        "seq": 3,
        "event": "key.used",
        "result": "done",
        "made": 2,
        "pinBy": "lease",
        "leaseBy": "page",
    }
    assert await asyncio.to_thread(verify, folder) == (3, [])


def ways(records: list[dict[str, Any]]) -> list[tuple[str | None, str | None]]:
    """Return how the PIN came, of each use of a PIN or a key."""
    return [(r["pinBy"], r.get("leaseBy")) for r in records if r["event"].endswith(".used")]


class AskedInWindow(Person):
    """Is asked in a window."""

    name = PinWay.WINDOW


@pytest.mark.parametrize("way", [PinWay.PINENTRY, PinWay.WINDOW, PinWay.PINPAD])
async def test_the_way_is_told_by_which_each_pin_came(
    folder: Path, ebid: VirtualCard, no_blocking: BlockBuster, way: PinWay
) -> None:
    keypad, person = VirtualKeypad(), Person() if way is PinWay.PINENTRY else AskedInWindow()
    bus = InProcessBus(readers=1, keypad=keypad if way is PinWay.PINPAD else None)
    audit = Audit(Journal(folder))
    hub = Hub(bus, Prompts([person]), audit=audit)
    await hub.start()
    page, program = Page(hub, "https://portal.example", SAFE), Page(hub, None, frozenset(Grant))
    for peer in (page, program):
        hub.join(peer)
    bus.insert(0, ebid)
    await page.event("card.inserted")
    key = (await page.certificate(Usage.SIGNATURE)).id

    def give(times: int) -> None:
        if way is PinWay.PINPAD:
            person.answers = [YES]
            for _ in range(times):
                keypad.type(PIN)
        else:
            person.answers = [PIN]

    lease = await program.call("pin.verify", key=key, pin=PIN)
    assert isinstance(lease, m.Lease)
    await sign(program, key)
    await program.call("lease.release", lease=lease.id)
    give(2)
    await sign(page, key)
    give(2)
    await page.call("pin.verify", key=key)
    person.answers.append(YES)
    await sign(page, key)
    keypad.type(PIN)
    person.answers = [NO]
    await page.fails(
        "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert ways(await told(folder)) == [
        ("program", None),
        ("lease", "program"),
        (way, None),
        (way, None),
        ("lease", way),
        ("lease", way),
    ]
    await hub.stop()
    await audit.close()


async def test_a_lease_that_ended_tells_nothing_of_a_later_signature(
    page: Page, key: str, folder: Path
) -> None:
    lease = await page.call("pin.verify", key=key, pin=PIN)
    assert isinstance(lease, m.Lease)
    await page.call("lease.release", lease=lease.id)
    await page.fails(
        "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert ways(await told(folder)) == [("page", None), (None, None)]


async def test_a_failure_is_told_with_its_reason_and_no_pin_ever(
    page: Page, key: str, folder: Path
) -> None:
    assert isinstance(await page.fails("pin.verify", key=key, pin="987654"), PinIncorrect)
    assert [record["result"] for record in await told(folder)] == ["pin-incorrect"]
    await page.fails(
        "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert (await told(folder))[-1]["result"] == "pin-required"
    await page.call("pin.change", key=key, pin=PIN, new_pin="246813")
    text = await asyncio.to_thread(shown, folder)
    assert not any(pin in text for pin in ("987654", PIN, "246813"))


@pytest.mark.parametrize("method", ["pin.unblock", "puk.change"])
async def test_each_use_of_a_puk_is_told_and_no_puk_ever(
    page: Page, key: str, folder: Path, method: str
) -> None:
    certificate = (await page.certificate(Usage.SIGNATURE)).x509
    assert certificate is not None
    new = {"new_pin": "246813"} if method == "pin.unblock" else {"new_puk": "24681357"}
    await page.fails(method, key=key, puk="98765432", **new)
    await page.call(method, key=key, puk=EBID_PUK, **new)
    refused, done = await told(folder)
    assert refused | {"seq": 2, "result": "done"} == done
    assert done == {
        "seq": 2,
        "event": "pin.used",
        "origin": "https://portal.example",
        "method": method,
        "request": 1,
        "certificate": certificate.sha256,
        "result": "done",
        "pinBy": "page",
    }
    assert refused["result"] == "pin-incorrect"
    text = await asyncio.to_thread(shown, folder)
    assert not any(secret in text for secret in ("98765432", EBID_PUK, *new.values()))


@pytest.fixture
def signings(ebid: VirtualCard, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The commands by which the card was made to sign."""
    sent: list[bytes] = []
    transmit = ebid.transmit

    def watched(apdu: bytes) -> bytes:
        if apdu[1] == INS_GENERAL_AUTHENTICATE:
            sent.append(apdu)
        return transmit(apdu)

    monkeypatch.setattr(ebid, "transmit", watched)
    return sent


async def test_a_key_is_not_used_where_that_cannot_be_written(
    page: Page, key: str, folder: Path, signings: list[bytes]
) -> None:
    await page.call("pin.verify", key=key, pin=PIN)
    await asyncio.to_thread(spoil, folder)
    with pytest.raises(RecordFailed):
        await sign(page, key)
    assert signings == []


async def test_a_key_is_used_again_once_the_disk_has_room_and_the_gap_shows(
    page: Page, key: str, folder: Path, signings: list[bytes]
) -> None:
    with full_after(20):
        for _ in range(2):
            with pytest.raises(RecordFailed):
                await page.call(
                    "signature.create",
                    certificate=key,
                    algorithm=Algorithm.RS256,
                    digests=(DIGEST,),
                )
    assert signings == []
    await page.call("pin.verify", key=key, pin=PIN)
    await sign(page, key)
    assert len(signings) == 2
    assert [(record["event"], record.get("bytes")) for record in await told(folder)] == [
        ("log.repaired", 20),
        ("pin.used", None),
        ("key.asked", None),
        ("key.used", None),
    ]
    assert await asyncio.to_thread(verify, folder) == (4, [])


async def test_no_request_of_a_page_is_too_long_to_be_written_down(
    page: Page, key: str, folder: Path
) -> None:
    """Ed25519 signs messages, and all of a request may be as long as a message can be."""
    long = b"x" * 2048
    refused = await page.fails(
        "signature.create",
        certificate=key,
        algorithm=Algorithm.RS256,
        digests=(long,) * m.MAX_DIGESTS,
        title="\x01" * 200,
    )
    assert refused.reason == "invalid-params"
    asked, used = await told(folder)
    assert asked["digests"] == [f"sha256:{hashlib.sha256(long).hexdigest()}"] * m.MAX_DIGESTS
    assert used["result"] == "invalid-params"


async def test_what_only_looks_is_not_told(page: Page, key: str, folder: Path) -> None:
    await page.call("certificate.list")
    await page.call("pin.status", key=key)
    assert await told(folder) == []


async def test_a_question_and_its_answer_are_told(open_page: Any, folder: Path) -> None:
    page = open_page(grants=frozenset())
    await page.fails("site.request", grants=(Grant.SIGN,))
    (record,) = await told(folder)
    assert record == {
        "seq": 1,
        "event": "site.asked",
        "origin": "https://portal.example",
        "grants": ["sign"],
        "answer": "consent-unavailable",
    }


async def test_a_lease_is_taken_back_where_its_record_fails(
    page: Page, key: str, hub: Hub, folder: Path
) -> None:
    write = hub.audit.write

    async def failing(event: str, **record: object) -> None:
        if event == "pin.used":
            raise RecordFailed
        await write(event, **record)

    hub.audit.write = failing  # type: ignore[method-assign]
    with pytest.raises(RecordFailed):
        await page.call("pin.verify", key=key, pin=PIN)
    assert not hub._leases._held
    with pytest.raises(PinRequired):
        await sign(page, key)


async def test_a_request_cancelled_while_its_record_is_written_is_in_the_record(
    page: Page, key: str, hub: Hub, folder: Path
) -> None:
    write, writing, go_on, written = hub.audit.write, *(asyncio.Event() for _ in range(3))

    async def slow(event: str, **record: object) -> None:
        if event == "pin.used":
            writing.set()
            await go_on.wait()
        await write(event, **record)
        if event == "pin.used":
            written.set()

    hub.audit.write = slow  # type: ignore[method-assign]
    asking = asyncio.create_task(page.call("pin.verify", key=key, pin=PIN))
    await writing.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not hub._leases._held
    go_on.set()
    await written.wait()
    assert [each["result"] for each in await told(folder) if each["event"] == "pin.used"] == [
        "done"
    ]
