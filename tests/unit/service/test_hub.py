"""What each method does, over virtual cards in in-process readers."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bridged.errors import (
    AlgorithmUnsupported,
    Cancelled,
    CardLeased,
    CardRemoved,
    CertificateExpired,
    CertificateNotFound,
    InvalidParams,
    KeyUsageForbidden,
    LeaseEnded,
    NoCard,
    NoReader,
    PinBlocked,
    PinFormat,
    PinIncorrect,
    PinLastTry,
    PinRequired,
    PinUnblockUnsupported,
    SiteNotAllowed,
)
from bridged.model import (
    Algorithm,
    AuthenticationToken,
    Grant,
    KeyUsage,
    ReaderState,
    Usage,
)
from bridged.pcsc.bus import Connection
from bridged.pcsc.worker import Worker
from bridged.protocol import messages as m
from bridged.service.hub import Hub
from bridged.signing import webeid
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus, InProcessConnection
from bridged.virtual.misbehaviour import Moment
from bridged.virtual.profiles import (
    EBID_PIN,
    EBID_PUK,
    JPKI_AUTHENTICATION_PIN,
    JPKI_SIGNATURE_PIN,
    make_card,
)

from .conftest import OpenPage, Page

DIGEST = hashlib.sha256(b"application").digest()
CHALLENGE = "c" * 44


def verify_signature(der: bytes, signature: bytes, digest: bytes) -> None:
    key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


@pytest.fixture
async def inserted(bus: InProcessBus, ebid: VirtualCard, page: Page) -> VirtualCard:
    """`ebid` in the first reader, seen by the hub."""
    bus.insert(0, ebid)
    await page.event("card.inserted")
    return ebid


@pytest.fixture
async def my_number(bus: InProcessBus, jpki: VirtualCard, page: Page) -> VirtualCard:
    """`jpki` in the first reader, seen by the hub."""
    bus.insert(0, jpki)
    await page.event("card.inserted")
    return jpki


def hesitating(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch, *, only_pins: bool = False
) -> tuple[asyncio.Event, threading.Event]:
    """Let the card wait with its answers: one event says that it does, the other lets it go on."""
    loop, at_the_card, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    transmit = card.transmit

    def hesitate(apdu: bytes) -> bytes:
        if not only_pins or (apdu[1] == 0x20 and len(apdu) > 5):
            loop.call_soon_threadsafe(at_the_card.set)
            assert go_on.wait(5)
        return transmit(apdu)

    monkeypatch.setattr(card, "transmit", hesitate)
    return at_the_card, go_on


def hub_worker(page: Page) -> Worker:
    """Return the thread of the first reader."""
    return page._hub.readers.all()[0].worker


def apdus(hub: Hub) -> int:
    return sum(slot.worker.channel.apdus for slot in hub.readers.all())


# ---- which certificates ----


async def test_certificates_are_told_apart_by_what_they_say(
    page: Page, inserted: VirtualCard
) -> None:
    async def usages(**wanted: object) -> list[Usage]:
        found = await page.call("certificate.list", **wanted)
        assert isinstance(found, m.CertificateList)
        return [each.usage for each in found.certificates]

    both = [Usage.AUTHENTICATION, Usage.SIGNATURE]
    assert await usages(issuers=("CN=bridged demo CA - do not trust,O=bridged demo,C=JP",)) == both
    assert await usages(key_usage=(KeyUsage.NON_REPUDIATION,), valid_only=True) == both[1:]
    assert await usages(policies=("1.2.3",)) == []
    refused = await page.fails("certificate.list", issuers=("nobody",))
    assert isinstance(refused, InvalidParams)


async def test_a_locked_certificate_is_listed_whatever_it_may_say(
    page: Page, my_number: VirtualCard
) -> None:
    found = await page.call("certificate.list", policies=("1.2.3",))
    assert isinstance(found, m.CertificateList)
    assert [each.locked for each in found.certificates] == [True]


# ---- who may ask ----


@pytest.mark.parametrize(
    ("method", "params", "grant"),
    [
        ("reader.list", {}, Grant.CERTIFICATES),
        ("certificate.list", {}, Grant.CERTIFICATES),
        ("pin.status", {"key": "x.9a"}, Grant.CERTIFICATES),
        ("pin.verify", {"key": "x.9a"}, Grant.SIGN),
        ("lease.release", {"lease": "x"}, Grant.SIGN),
        ("authentication.create", {"certificate": "x.9a", "challenge": CHALLENGE}, Grant.SIGN),
    ],
)
async def test_a_method_needs_its_grant(
    open_page: OpenPage, method: str, params: dict[str, Any], grant: Grant
) -> None:
    page = open_page(grants=frozenset(Grant) - {grant})
    error = await page.fails(method, **params)
    assert error == SiteNotAllowed(origin="https://portal.example", grant=grant) or (
        isinstance(error, SiteNotAllowed) and error.grant == grant
    )


async def test_without_the_grant_no_event_tells_of_readers(
    open_page: OpenPage, bus: InProcessBus, ebid: VirtualCard, page: Page
) -> None:
    outsider = open_page("https://other.example", frozenset({Grant.SIGN}))
    bus.insert(0, ebid)
    await page.event("card.inserted")
    assert outsider.events.empty()


async def test_a_pin_from_the_page_needs_page_pin(
    open_page: OpenPage, inserted: VirtualCard, page: Page
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    other = open_page(grants=frozenset({Grant.CERTIFICATES, Grant.SIGN}))
    error = await other.fails("pin.verify", key=key, pin=EBID_PIN)
    assert isinstance(error, SiteNotAllowed)
    assert error.grant == Grant.PAGE_PIN


async def test_info_names_the_site_and_its_grants(open_page: OpenPage) -> None:
    page = open_page("https://other.example", frozenset({Grant.SIGN}))
    info = await page.call("bridge.info")
    assert isinstance(info, m.BridgeInfo)
    assert (info.origin, info.grants) == ("https://other.example", (Grant.SIGN,))
    assert info.pin_entry == ()
    trusted = await open_page().call("bridge.info")
    assert isinstance(trusted, m.BridgeInfo)
    assert trusted.pin_entry == ("page",)


# ---- readers and cards ----


async def test_cards_come_and_go_as_events(
    page: Page, bus: InProcessBus, ebid: VirtualCard
) -> None:
    bus.insert(1, ebid)
    came = await page.event("card.inserted")
    assert isinstance(came, m.ReaderEvent)
    assert came.reader.state is ReaderState.PRESENT
    bus.remove(1)
    left = await page.event("card.removed")
    assert isinstance(left, m.ReaderEvent)
    assert (left.reader.id, left.reader.state) == (came.reader.id, ReaderState.EMPTY)


async def test_reader_list_sends_nothing_to_the_card(
    hub: Hub, page: Page, inserted: VirtualCard
) -> None:
    found = await page.call("reader.list")
    assert isinstance(found, m.ReaderList)
    assert [reader.state for reader in found.readers] == [ReaderState.PRESENT, ReaderState.EMPTY]
    assert apdus(hub) == 0


async def test_the_card_has_a_name_once_it_was_looked_at(page: Page, inserted: VirtualCard) -> None:
    certificate = await page.certificate(Usage.SIGNATURE)
    found = await page.call("reader.list")
    assert isinstance(found, m.ReaderList)
    card = found.readers[0].card
    assert card is not None
    assert (card.id, card.type) == (certificate.card, "piv")


async def test_no_card_anywhere_is_said(page: Page) -> None:
    assert isinstance(await page.fails("certificate.list"), NoCard)


async def test_an_unknown_reader_is_said(page: Page) -> None:
    assert isinstance(await page.fails("certificate.list", reader="nowhere"), NoReader)


async def test_certificates_show_the_holder_in_kanji(page: Page, inserted: VirtualCard) -> None:
    certificate = await page.certificate(Usage.SIGNATURE)
    assert certificate.x509 is not None
    assert certificate.x509.holder.organization == "IT業者電子01"
    assert certificate.x509.holder.name == "長野 太郎"
    assert certificate.algorithms[0] is Algorithm.RS256
    assert certificate.pin is not None
    assert certificate.pin.tries_left == 3


async def test_a_second_listing_sends_nothing(hub: Hub, page: Page, inserted: VirtualCard) -> None:
    first = await page.call("certificate.list")
    sent = apdus(hub)
    assert await page.call("certificate.list") == first
    assert apdus(hub) == sent


async def test_two_cards_are_both_listed(
    page: Page, bus: InProcessBus, inserted: VirtualCard, jpki: VirtualCard
) -> None:
    bus.insert(1, jpki)
    await page.event("card.inserted")
    found = await page.call("certificate.list")
    assert isinstance(found, m.CertificateList)
    assert len({certificate.reader for certificate in found.certificates}) == 2
    assert len(found.certificates) == 4


async def test_an_id_means_nothing_after_the_card_was_out(
    page: Page, bus: InProcessBus, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    bus.remove(0)
    await page.event("card.removed")
    inserted.insert()
    bus.insert(0, inserted)
    await page.event("card.inserted")
    assert isinstance(await page.fails("pin.status", key=key), CertificateNotFound)


# ---- the PIN ----


async def test_wrong_pins_count_down_and_the_last_is_guarded(
    page: Page, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    for left in (2, 1):
        error = await page.fails("pin.verify", key=key, pin="000000")
        assert isinstance(error, PinIncorrect)
        assert error.tries_left == left
    assert isinstance(await page.fails("pin.verify", key=key, pin=EBID_PIN), PinLastTry)
    status = await page.call("pin.status", key=key)
    assert status.tries_left == 1  # type: ignore[attr-defined]
    error = await page.fails("pin.verify", key=key, pin="000000", accept_last_try=True)
    assert isinstance(error, PinBlocked)
    error = await page.fails("pin.verify", key=key, pin=EBID_PIN, accept_last_try=True)
    assert isinstance(error, PinBlocked)


@pytest.mark.parametrize("pin", ["12345", "123456789", "12345a", "１２３４５６", "", "123 56"])
async def test_a_pin_of_the_wrong_shape_is_not_sent(
    page: Page, inserted: VirtualCard, pin: str
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    error = await page.fails("pin.verify", key=key, pin=pin)
    assert isinstance(error, PinFormat)
    assert (error.min_length, error.max_length) == (6, 8)
    assert inserted.pins["pin"].tries_left == 3


async def test_without_a_pin_nobody_can_be_asked(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    assert isinstance(await page.fails("pin.verify", key=key), PinRequired)


async def test_a_malformed_key_id_is_the_callers_fault(page: Page, inserted: VirtualCard) -> None:
    error = await page.fails("pin.verify", key="9a", pin=EBID_PIN)
    assert isinstance(error, InvalidParams)
    assert error.path == "key"


async def test_a_changed_pin_is_the_pin_and_nothing_stays_verified(
    page: Page, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    await page.call("pin.change", key=key, pin=EBID_PIN, new_pin="654321")
    assert not (await page.call("pin.status", key=key)).verified  # type: ignore[attr-defined]
    assert isinstance(await page.fails("pin.verify", key=key, pin=EBID_PIN), PinIncorrect)
    assert isinstance(await page.call("pin.verify", key=key, pin="654321"), m.Lease)


async def test_a_wrong_pin_changes_nothing_and_the_last_try_is_guarded(
    page: Page, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    for left in (2, 1):
        error = await page.fails("pin.change", key=key, pin="000000", new_pin="654321")
        assert error.data() == {"tries_left": left, "secret": "pin"}
    refused = await page.fails("pin.change", key=key, pin=EBID_PIN, new_pin="654321")
    assert isinstance(refused, PinLastTry)
    await page.call("pin.change", key=key, pin=EBID_PIN, new_pin="654321", accept_last_try=True)
    assert inserted.pins["pin"].tries_left == 3


async def test_a_new_pin_of_the_wrong_shape_is_not_sent(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    error = await page.fails("pin.change", key=key, pin=EBID_PIN, new_pin="12")
    assert isinstance(error, PinFormat)
    assert isinstance(await page.call("pin.verify", key=key, pin=EBID_PIN), m.Lease)


async def test_a_blocked_pin_is_unblocked_with_the_puk(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    for _ in range(3):
        await page.fails("pin.verify", key=key, pin="000000", accept_last_try=True)
    wrong = await page.fails("pin.unblock", key=key, puk="00000000", new_pin="654321")
    assert wrong.data() == {"tries_left": 2, "secret": "puk"}
    await page.call("pin.unblock", key=key, puk=EBID_PUK, new_pin="654321")
    assert isinstance(await page.call("pin.verify", key=key, pin="654321"), m.Lease)


@pytest.mark.parametrize(
    ("method", "new", "puk"),
    [
        ("pin.unblock", {"new_pin": "654321"}, EBID_PUK),
        ("puk.change", {"new_puk": "87654321"}, "87654321"),
    ],
)
async def test_the_last_try_of_a_puk_is_guarded(
    page: Page, inserted: VirtualCard, method: str, new: dict[str, str], puk: str
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    for left in (2, 1):
        wrong = await page.fails(method, key=key, puk="00000000", **new)
        assert wrong.data() == {"tries_left": left, "secret": "puk"}
    assert isinstance(await page.fails(method, key=key, puk=EBID_PUK, **new), PinLastTry)
    assert inserted.pins["puk"].tries_left == 1
    await page.call(method, key=key, puk=EBID_PUK, accept_last_try=True, **new)
    assert inserted.pins["puk"].tries_left == 3
    await page.call("pin.unblock", key=key, puk=puk, new_pin="654321")
    assert isinstance(await page.call("pin.verify", key=key, pin="654321"), m.Lease)


async def test_a_blocked_puk_is_said_and_not_sent(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    new = {"key": key, "new_puk": "87654321", "accept_last_try": True}
    for _ in range(3):
        await page.fails("puk.change", puk="00000000", **new)
    assert inserted.pins["puk"].blocked
    blocked = await page.fails("puk.change", puk=EBID_PUK, **new)
    assert isinstance(blocked, PinBlocked)
    assert "PUKがロック" in blocked.messages()["ja"]


@pytest.mark.parametrize(
    ("given", "reason", "secret"),
    [
        ({"new_pin": "654321"}, "pin-required", "puk"),
        ({"puk": EBID_PUK}, "pin-required", "pin"),
        ({"puk": "1", "new_pin": "654321"}, "pin-format", "puk"),
        ({"puk": EBID_PUK, "new_pin": "1"}, "pin-format", "pin"),
    ],
)
async def test_what_a_page_left_out_or_wrote_wrongly_is_named(
    page: Page, inserted: VirtualCard, given: dict[str, str], reason: str, secret: str
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    error = await page.fails("pin.unblock", key=key, **given)
    assert (error.reason, error.data()["secret"]) == (reason, secret)
    assert inserted.pins["puk"].tries_left == 3


async def test_pins_are_changed_by_pages_with_page_pin_alone(
    page: Page, open_page: OpenPage, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    other = open_page(grants=frozenset({Grant.CERTIFICATES, Grant.SIGN}))
    for method, params in (
        ("pin.change", {"pin": EBID_PIN, "new_pin": "654321"}),
        ("pin.unblock", {"puk": EBID_PUK, "new_pin": "654321"}),
        ("puk.change", {"puk": EBID_PUK, "new_puk": "87654321"}),
    ):
        assert isinstance(await other.fails(method, key=key, **params), SiteNotAllowed)
    assert inserted.pins["puk"].tries_left == 3
    assert isinstance(await page.call("pin.verify", key=key, pin=EBID_PIN), m.Lease)
    for method in ("pin.change", "pin.unblock", "puk.change"):
        assert isinstance(await other.fails(method, key=key), CardLeased)


async def test_a_jpki_pin_is_changed_and_never_unblocked(
    page: Page, my_number: VirtualCard
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.change", key=key, pin=JPKI_SIGNATURE_PIN, new_pin="NEWPIN7")
    assert isinstance(await page.call("pin.verify", key=key, pin="NEWPIN7"), m.Lease)
    error = await page.fails("pin.unblock", key=key, puk="12345678", new_pin="NEWPIN7")
    assert isinstance(error, PinUnblockUnsupported)
    error = await page.fails("puk.change", key=key, puk="12345678", new_puk="87654321")
    assert isinstance(error, PinUnblockUnsupported)


def test_parameters_with_pins_do_not_show_them() -> None:
    for shown in (
        repr(m.PinVerifyParams(key="k", pin="123456")),
        repr(m.PinChangeParams(key="k", pin="123456", new_pin="654321")),
        repr(m.PinUnblockParams(key="k", puk="12345678", new_pin="654321")),
        repr(m.PukChangeParams(key="k", puk="12345678", new_puk="654321")),
    ):
        assert "k" in shown
        assert not any(pin in shown for pin in ("123456", "654321", "12345678"))


# ---- leases ----


async def test_a_leased_card_is_closed_to_others(
    page: Page, open_page: OpenPage, inserted: VirtualCard
) -> None:
    other = open_page("https://other.example")
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    lease = await page.call("pin.verify", key=key, pin=EBID_PIN)
    assert isinstance(lease, m.Lease)
    for method, params in (
        ("pin.verify", {"key": key, "pin": EBID_PIN}),
        ("authentication.create", {"certificate": key, "challenge": CHALLENGE}),
    ):
        assert isinstance(await other.fails(method, **params), CardLeased)
    assert isinstance(await other.fails("lease.release", lease=lease.id), LeaseEnded)
    await page.call("lease.release", lease=lease.id)
    assert isinstance(await other.call("pin.verify", key=key, pin=EBID_PIN), m.Lease)


async def test_of_two_pages_that_race_exactly_one_gets_the_card(
    page: Page, open_page: OpenPage, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    pages = [page, open_page("https://other.example")]
    for _ in range(50):
        results = await asyncio.gather(
            *(each.call("pin.verify", key=key, pin=EBID_PIN) for each in pages),
            return_exceptions=True,
        )
        leases = [result for result in results if isinstance(result, m.Lease)]
        assert len(leases) == 1
        assert sum(isinstance(result, CardLeased) for result in results) == 1
        winner = pages[0 if isinstance(results[0], m.Lease) else 1]
        await winner.call("lease.release", lease=leases[0].id)
        pages.reverse()


async def test_the_card_forgets_the_pin_when_the_lease_ends(
    page: Page, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    lease = await page.call("pin.verify", key=key, pin=EBID_PIN)
    assert (await page.call("pin.status", key=key)).verified  # type: ignore[attr-defined]
    await page.call("lease.release", lease=lease.id)  # type: ignore[attr-defined]
    assert not (await page.call("pin.status", key=key)).verified  # type: ignore[attr-defined]


async def test_the_card_forgets_the_pin_when_the_page_leaves(
    hub: Hub, page: Page, open_page: OpenPage, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    hub.leave(page)
    other = open_page("https://other.example")
    assert not (await other.call("pin.status", key=key)).verified  # type: ignore[attr-defined]
    error = await other.fails("authentication.create", certificate=key, challenge=CHALLENGE)
    assert isinstance(error, PinRequired)


async def test_a_page_that_leaves_while_the_pin_is_verified_leaves_nothing_verified(
    hub: Hub,
    page: Page,
    open_page: OpenPage,
    inserted: VirtualCard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    at_the_card, go_on = hesitating(inserted, monkeypatch, only_pins=True)
    task = asyncio.create_task(page.call("pin.verify", key=key, pin=EBID_PIN))
    await at_the_card.wait()
    hub.leave(page)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    other = open_page("https://other.example")
    assert not (await other.call("pin.status", key=key)).verified  # type: ignore[attr-defined]
    assert inserted.pins["pin"].tries_left == 3
    assert isinstance(await other.call("pin.verify", key=key, pin=EBID_PIN), m.Lease)


async def test_a_lease_ends_by_itself(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    lease = await page.call("pin.verify", key=key, pin=EBID_PIN, lease_seconds=1)
    ended = await page.event("lease.ended")
    assert ended == m.LeaseEndedEvent(lease=lease.id, cause=m.LeaseEnd.EXPIRED)  # type: ignore[attr-defined]
    error = await page.fails("authentication.create", certificate=key, challenge=CHALLENGE)
    assert isinstance(error, PinRequired)


async def test_a_new_pin_replaces_the_lease(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    first = await page.call("pin.verify", key=key, pin=EBID_PIN)
    second = await page.call("pin.verify", key=key, pin=EBID_PIN)
    ended = await page.event("lease.ended")
    assert ended == m.LeaseEndedEvent(lease=first.id, cause=m.LeaseEnd.REPLACED)  # type: ignore[attr-defined]
    await page.call("lease.release", lease=second.id)  # type: ignore[attr-defined]


async def test_another_programs_reset_ends_the_lease(
    page: Page, bus: InProcessBus, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    other = await asyncio.to_thread(bus.open().connect, "bridged virtual reader 0")
    await asyncio.to_thread(other.close, reset=True)
    error = await page.fails("authentication.create", certificate=key, challenge=CHALLENGE)
    assert isinstance(error, LeaseEnded)
    ended = await page.event("lease.ended")
    assert isinstance(ended, m.LeaseEndedEvent)
    assert ended.cause is m.LeaseEnd.CARD_RESET


async def test_a_pin_that_is_kept_is_not_given_to_a_card_another_program_reset(
    page: Page, bus: InProcessBus, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    other = await asyncio.to_thread(bus.open().connect, "bridged virtual reader 0")
    await asyncio.to_thread(other.close, reset=True)
    error = await page.fails(
        "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert isinstance(error, LeaseEnded)


async def test_a_pin_that_is_kept_is_wiped_with_the_lease(
    hub: Hub, page: Page, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    lease = await page.call("pin.verify", key=key, pin=EBID_PIN)
    (held,) = hub._leases._held.values()
    assert held.pin is not None
    assert len(held.pin) == len(EBID_PIN)
    await page.call("lease.release", lease=lease.id)  # type: ignore[attr-defined]
    assert len(held.pin) == 0


async def test_removal_fails_a_request_at_once_and_not_when_the_card_would_have_answered(
    hub: Hub, page: Page, inserted: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    at_the_card, go_on = hesitating(inserted, monkeypatch)
    asking = asyncio.create_task(page.call("pin.status", key=key))
    await at_the_card.wait()
    hub.readers._changed(())
    with pytest.raises(CardRemoved):
        await asking
    assert not go_on.is_set()
    go_on.set()


async def test_removal_ends_the_lease_before_it_is_announced(
    page: Page, bus: InProcessBus, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    bus.remove(0)
    await page.event("card.removed")
    assert page.events.empty()


# ---- authentication ----


async def test_a_token_verifies_for_the_pages_own_origin(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    token = await page.call("authentication.create", certificate=key, challenge=CHALLENGE)
    assert isinstance(token, AuthenticationToken)
    digest = webeid.digest("https://portal.example", CHALLENGE, token.algorithm)
    verify_signature(token.unverified_certificate, token.signature, digest)


async def test_a_program_has_no_origin_to_authenticate_for(
    page: Page, open_page: OpenPage, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    program = open_page(None)
    error = await program.fails("authentication.create", certificate=key, challenge=CHALLENGE)
    assert isinstance(error, SiteNotAllowed)


async def test_the_authentication_key_signs_no_digest(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    error = await page.fails(
        "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert error.data() == {"usage": Usage.AUTHENTICATION}


async def test_the_signature_key_makes_no_token(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    error = await page.fails("authentication.create", certificate=key, challenge=CHALLENGE)
    assert isinstance(error, KeyUsageForbidden)


# ---- signatures ----


async def test_a_batch_verifies_in_order_with_one_pin(page: Page, inserted: VirtualCard) -> None:
    certificate = await page.certificate(Usage.SIGNATURE)
    await page.call("pin.verify", key=certificate.id, pin=EBID_PIN)
    digests = tuple(hashlib.sha256(bytes([i])).digest() for i in range(5))
    made = await page.call(
        "signature.create", certificate=certificate.id, algorithm=Algorithm.RS256, digests=digests
    )
    assert isinstance(made, m.SignatureList)
    assert certificate.x509 is not None
    for signature, digest in zip(made.signatures, digests, strict=True):
        verify_signature(certificate.x509.der, signature, digest)


async def test_a_lease_on_one_key_does_not_open_the_other(
    page: Page, inserted: VirtualCard
) -> None:
    authentication = (await page.certificate(Usage.AUTHENTICATION)).id
    signature = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=authentication, pin=EBID_PIN)
    error = await page.fails(
        "signature.create", certificate=signature, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert isinstance(error, PinRequired)


async def sign_many(page: Page, key: str, count: int, **params: Any) -> asyncio.Task[Any]:
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    digests = tuple(hashlib.sha256(n.to_bytes(2)).digest() for n in range(count))
    params |= {"certificate": key, "algorithm": Algorithm.RS256, "digests": digests}
    return asyncio.create_task(page.call("signature.create", **params))


async def test_a_batch_tells_how_far_it_is(
    page: Page, inserted: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridged.service.batch.PROGRESS_S", 0.0)
    key = (await page.certificate(Usage.SIGNATURE)).id
    await (await sign_many(page, key, 3))
    told = [await page.event("request.progress") for _ in range(3)]
    assert told == [m.ProgressEvent(id=1, done=n, total=3) for n in (1, 2, 3)]


async def test_a_single_signature_tells_no_progress(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    await (await sign_many(page, key, 1))
    assert page.events.empty()


async def test_a_cancelled_batch_stops_and_says_what_was_made(
    page: Page, inserted: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridged.service.batch.PROGRESS_S", 0.0)
    certificate = await page.certificate(Usage.SIGNATURE)
    task = await sign_many(page, certificate.id, 1000)
    for _ in range(2):
        progress = await page.event("request.progress")
    assert isinstance(progress, m.ProgressEvent)
    assert await page.call("request.cancel", as_id=2, id=1) == m.CancelResult(cancelled=True)
    with pytest.raises(Cancelled) as stopped:
        await task
    made = stopped.value.made
    assert 2 <= len(made) <= progress.done + 1
    assert certificate.x509 is not None
    for n, signature in enumerate(made):
        verify_signature(certificate.x509.der, signature, hashlib.sha256(n.to_bytes(2)).digest())
    assert await page.call("request.cancel", as_id=2, id=1) == m.CancelResult(cancelled=False)


async def test_nobody_cancels_the_request_of_another_page(
    page: Page, open_page: OpenPage, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    task = await sign_many(page, key, 2)
    await asyncio.sleep(0)
    other = open_page("https://other.example")
    assert await other.call("request.cancel", as_id=2, id=1) == m.CancelResult(cancelled=False)
    assert len((await task).signatures) == 2


async def test_a_request_that_waits_for_the_card_is_cancelled_before_it_begins(
    page: Page, open_page: OpenPage, inserted: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    at_the_card, go_on = hesitating(inserted, monkeypatch)
    first = asyncio.create_task(page.call("pin.status", key=key))
    await at_the_card.wait()
    waiting = asyncio.create_task(page.call("pin.verify", as_id=7, key=key, pin="000000"))
    await asyncio.sleep(0)
    assert await page.call("request.cancel", as_id=2, id=7) == m.CancelResult(cancelled=True)
    with pytest.raises(Cancelled):
        await waiting
    go_on.set()
    await first
    assert (await page.call("pin.status", key=key)).tries_left == 3  # type: ignore[attr-defined]
    assert inserted.pins["pin"].tries_left == 3


async def test_the_first_failure_ends_a_batch_and_what_was_made_is_kept(
    page: Page, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    inserted.pull_on(Moment.SIGN, after=2)
    with pytest.raises(CardRemoved) as stopped:
        await (await sign_many(page, key, 5))
    assert 0 < len(stopped.value.made) < 5


async def test_a_batch_that_carries_on_names_each_failure(
    page: Page, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    inserted.pull_on(Moment.SIGN, after=2)
    made = await (await sign_many(page, key, 5, on_error=m.OnError.CONTINUE))
    failed = [failure.index for failure in made.failures]
    assert failed
    assert [n for n, signature in enumerate(made.signatures) if signature is None] == failed
    assert made.failures[0].reason == "card-removed"
    assert made.failures[0].messages["ja"]


async def test_discover_describes_every_method(page: Page) -> None:
    found = await page.call("rpc.discover")
    assert isinstance(found, m.OpenRpc)
    described = {method["name"] for method in found.methods}
    assert described == m.METHODS.keys() | m.NOTIFICATIONS.keys()


async def test_a_digest_of_the_wrong_length_is_named(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    error = await page.fails(
        "signature.create",
        certificate=key,
        algorithm=Algorithm.RS256,
        digests=(DIGEST, bytes(48)),
    )
    assert isinstance(error, InvalidParams)
    assert error.path == "digests[1]"


async def test_an_algorithm_the_key_cannot_do_is_refused(page: Page, inserted: VirtualCard) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    error = await page.fails(
        "signature.create", certificate=key, algorithm=Algorithm.ES256, digests=(DIGEST,)
    )
    assert isinstance(error, AlgorithmUnsupported)
    assert Algorithm.RS256 in error.supported


async def test_a_card_pulled_out_while_signing_fails_the_request(
    page: Page, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    inserted.pull_on(Moment.SIGN)
    error = await page.fails(
        "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert isinstance(error, CardRemoved)
    await page.event("card.removed")


@pytest.mark.parametrize("days", [(-400, -30), (30, 400)], ids=["expired", "not yet valid"])
async def test_a_certificate_out_of_its_time_signs_nothing(
    page: Page, bus: InProcessBus, ca: DemoCa, days: tuple[int, int]
) -> None:
    begins, ends = (datetime.now(UTC).replace(microsecond=0) + timedelta(days=n) for n in days)
    bus.insert(0, make_card("ebid", ca, validity=(begins, ends)))
    await page.event("card.inserted")
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    error = await page.fails(
        "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert isinstance(error, CertificateExpired)


# ---- JPKI ----


async def test_the_jpki_signature_certificate_is_shown_to_who_gave_its_pin_alone(
    page: Page, open_page: OpenPage, my_number: VirtualCard
) -> None:
    locked = await page.certificate(Usage.SIGNATURE)
    assert locked.locked
    assert locked.x509 is None
    lease = await page.call("pin.verify", key=locked.id, pin=JPKI_SIGNATURE_PIN)
    seen = await page.certificate(Usage.SIGNATURE)
    assert seen.x509 is not None
    assert seen.x509.holder.name == "長野 太郎"
    assert (await open_page("https://other.example").certificate(Usage.SIGNATURE)).x509 is None
    await page.call("lease.release", lease=lease.id)  # type: ignore[attr-defined]
    assert (await page.certificate(Usage.SIGNATURE)).x509 is None


async def test_both_jpki_keys_work(page: Page, my_number: VirtualCard) -> None:
    authentication = (await page.certificate(Usage.AUTHENTICATION)).id
    await page.call("pin.verify", key=authentication, pin=JPKI_AUTHENTICATION_PIN)
    token = await page.call(
        "authentication.create", certificate=authentication, challenge=CHALLENGE
    )
    assert isinstance(token, AuthenticationToken)
    digest = webeid.digest("https://portal.example", CHALLENGE, token.algorithm)
    verify_signature(token.unverified_certificate, token.signature, digest)

    signature = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=signature, pin=JPKI_SIGNATURE_PIN)
    x509_info = (await page.certificate(Usage.SIGNATURE)).x509
    made = await page.call(
        "signature.create", certificate=signature, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert isinstance(made, m.SignatureList)
    assert x509_info is not None
    verify_signature(x509_info.der, made.signatures[0], DIGEST)


# ---- what a hostile moment must not do ----


@pytest.fixture
def other_program(bus: InProcessBus, inserted: VirtualCard) -> Connection:
    """A connection of another program, which keeps the card powered."""
    return bus.open().connect("bridged virtual reader 0")


def lose_the_answer_to(ins: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next such command reach the card, and its answer be lost on the way."""
    transmit, lost = InProcessConnection.transmit, [False]

    def losing(self: InProcessConnection, apdu: bytes) -> bytes:
        answer = transmit(self, apdu)
        if apdu[1] == ins and len(apdu) > 5 and not lost[0]:
            lost[0] = True
            raise CardRemoved
        return answer

    monkeypatch.setattr(InProcessConnection, "transmit", losing)


async def test_a_verified_pin_whose_answer_is_lost_does_not_stay_verified(
    page: Page,
    inserted: VirtualCard,
    other_program: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bridged.service.readers.RESEE_S", 0.0)
    lose_the_answer_to(0x20, monkeypatch)
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    assert isinstance(await page.fails("pin.verify", key=key, pin=EBID_PIN), CardRemoved)
    await page.event("card.inserted")
    fresh = await page.certificate(Usage.AUTHENTICATION)
    assert fresh.id != key
    assert not inserted.pins["pin"].verified
    assert isinstance(await page.fails("pin.verify", key=key, pin="000000"), CertificateNotFound)
    assert inserted.pins["pin"].tries_left == 3


async def test_after_a_loss_the_old_id_reaches_no_card_while_nobody_knows_which_is_there(
    page: Page,
    inserted: VirtualCard,
    other_program: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lose_the_answer_to(0x87, monkeypatch)
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    error = await page.fails(
        "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,)
    )
    assert isinstance(error, CardRemoved)
    assert isinstance(await page.fails("pin.verify", key=key, pin="000000"), CardRemoved)
    assert inserted.pins["pin"].tries_left == 3
    assert not inserted.pins["pin"].verified


async def test_a_pin_for_one_card_is_not_sent_to_the_next_whose_events_are_late(
    hub: Hub,
    page: Page,
    bus: InProcessBus,
    inserted: VirtualCard,
    ca: DemoCa,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    monkeypatch.setattr(hub.readers, "_changed", lambda _: None)
    hub.readers.all()[0].worker.disconnect(reset=False)
    bus.remove(0)
    next_card = make_card("ebid", ca)
    bus.insert(0, next_card)
    assert isinstance(await page.fails("pin.verify", key=key, pin="000000"), CardRemoved)
    assert next_card.pins["pin"].tries_left == 3


@pytest.mark.parametrize("method", ["pin.verify", "pin.change"])
async def test_a_request_that_was_cancelled_while_the_card_was_taken_never_begins(
    page: Page,
    inserted: VirtualCard,
    other_program: Connection,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    await asyncio.to_thread(other_program.begin)
    loop, in_line, begin = asyncio.get_running_loop(), asyncio.Event(), InProcessConnection.begin

    def begin_in_line(self: InProcessConnection) -> None:
        loop.call_soon_threadsafe(in_line.set)
        begin(self)

    monkeypatch.setattr(InProcessConnection, "begin", begin_in_line)
    params = {"new_pin": "654321"} if method == "pin.change" else {}
    waiting = asyncio.create_task(page.call(method, as_id=7, key=key, pin="000000", **params))
    await in_line.wait()
    assert await page.call("request.cancel", as_id=2, id=7) == m.CancelResult(cancelled=True)
    with pytest.raises(Cancelled):
        await waiting
    other_program.end()
    assert (await page.call("pin.status", key=key)).tries_left == 3  # type: ignore[attr-defined]


async def test_a_pin_that_was_just_verified_is_not_sent_again(
    page: Page, inserted: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    sent, transmit = [], inserted.transmit

    def count(apdu: bytes) -> bytes:
        sent.append(apdu[1])
        return transmit(apdu)

    monkeypatch.setattr(inserted, "transmit", count)
    monkeypatch.setattr("bridged.pcsc.worker.HOLD_S", 60.0)
    monkeypatch.setattr(hub_worker(page), "_linger_s", 60.0)
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    sent.clear()
    await page.call(
        "signature.create", certificate=key, algorithm=Algorithm.RS256, digests=(DIGEST,) * 2
    )
    assert sent == [0x87, 0x20, 0x87]


async def test_a_kept_pin_that_the_card_refuses_is_sent_once(
    page: Page, inserted: VirtualCard
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=key, pin=EBID_PIN)
    await (await sign_many(page, key, 1))  # by the PIN that was just verified
    inserted.pins["pin"]._value = b"654321\xff\xff"
    results = await asyncio.gather(
        *(
            page.call(
                "signature.create",
                as_id=n,
                certificate=key,
                algorithm=Algorithm.RS256,
                digests=(DIGEST,),
            )
            for n in range(3)
        ),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(PinIncorrect) == 1
    assert all(isinstance(r, PinIncorrect | LeaseEnded | PinRequired) for r in results)
    assert inserted.pins["pin"].tries_left == 2


async def test_a_status_read_before_the_lease_ended_is_not_kept_for_others(
    page: Page,
    open_page: OpenPage,
    inserted: VirtualCard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    lease = await page.call("pin.verify", key=key, pin=EBID_PIN)
    other = open_page("https://other.example")
    at_the_card, go_on = hesitating(inserted, monkeypatch)
    asking = asyncio.create_task(other.call("pin.status", key=key))
    await at_the_card.wait()
    await page.call("lease.release", lease=lease.id)  # type: ignore[attr-defined]
    go_on.set()
    await asking
    seen = (await other.certificate(Usage.AUTHENTICATION)).pin
    assert seen is not None
    assert not seen.verified


async def test_nothing_of_a_private_certificate_is_told_to_who_has_no_lease(
    page: Page, open_page: OpenPage, bus: InProcessBus, ca: DemoCa
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    expired = (now - timedelta(days=400), now - timedelta(days=30))
    bus.insert(0, make_card("jpki", ca, validity=expired))
    await page.event("card.inserted")
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=key, pin=JPKI_SIGNATURE_PIN)
    await page.certificate(Usage.SIGNATURE)
    other = open_page("https://other.example")
    for algorithm in (Algorithm.RS256, Algorithm.ES256):
        error = await other.fails(
            "signature.create", certificate=key, algorithm=algorithm, digests=(DIGEST,)
        )
        assert isinstance(error, CardLeased)
