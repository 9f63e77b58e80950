"""What happens when the person is asked: over virtual cards, with people who answer in the test."""

from __future__ import annotations

import asyncio

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bridged.config import PinWay
from bridged.errors import (
    Cancelled,
    CardLeased,
    CardRemoved,
    KeyUsageForbidden,
    PinBlocked,
    PinRequired,
    RateLimited,
    SiteNotAllowed,
    UserCancelled,
)
from bridged.model import AuthenticationToken, DocumentFormat, Grant, Usage
from bridged.pin import prompt
from bridged.pin.prompt import Prompts
from bridged.pin.question import Fact
from bridged.protocol import messages as m
from bridged.service.hub import Hub
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN, EBID_PUK, JPKI_SIGNATURE_PIN

from ..pin.conftest import NO, YES, Person
from .conftest import CHALLENGE, DIGESTS, SAFE, OpenPage, Page, params


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page(grants=SAFE)


@pytest.fixture
async def inserted(bus: InProcessBus, ebid: VirtualCard, page: Page) -> VirtualCard:
    bus.insert(0, ebid)
    await page.event("card.inserted")
    return ebid


async def sign(page: Page, key: str, **more: object) -> m.SignatureList:
    made = await page.call("signature.create", **params(key), **more)
    assert isinstance(made, m.SignatureList)
    return made


def verify_all(der: bytes, made: m.SignatureList) -> None:
    key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    for digest, signature in zip(DIGESTS, made.signatures, strict=True):
        assert signature is not None
        key.verify(signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


async def test_one_pin_signs_a_batch_and_is_forgotten(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    certificate = await page.certificate(Usage.SIGNATURE)
    person.answers = [EBID_PIN]
    made = await sign(page, certificate.id)
    assert certificate.x509 is not None
    verify_all(certificate.x509.der, made)
    (question,) = person.asked
    shown = [fact.text for fact in question.facts]
    assert "https://portal.example" in shown
    assert "3件" in shown
    assert any("長野 太郎" in text and "IT業者電子01" in text for text in shown)
    assert [fact.text for fact in question.facts if fact.quoted] == ["申請書"]
    assert question.details == tuple(f"SHA-256: {digest.hex()}" for digest in DIGESTS)
    assert person.open_dialogs == 0
    status = await page.call("pin.status", key=certificate.id)
    assert not status.verified  # type: ignore[attr-defined]
    person.answers = [EBID_PIN]
    await sign(page, certificate.id)
    assert len(person.asked) == 2


async def test_the_page_is_told_where_the_person_is_asked_and_when_no_more(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    certificate = await page.certificate(Usage.SIGNATURE)
    person.answers = [EBID_PIN]
    await page.call("signature.create", as_id=7, **params(certificate.id))
    told = await page.event("pin.prompting")
    assert told == m.PromptingEvent(id=7, way=PinWay.PINENTRY, reader=certificate.reader, url=None)
    assert await page.event("pin.prompted") == m.PromptedEvent(id=7)


async def test_a_wrong_pin_is_asked_for_again_with_the_tries_left(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    person.answers = ["000000", "12", EBID_PIN]
    await sign(page, key)
    assert [question.fault[:6] for question in person.asked] == ["", "PINが違い", "PINは半角"]
    assert "残り2回" in person.asked[1].fault
    assert person.dialogs == 1
    assert inserted.pins["pin"].tries_left == 3


@pytest.mark.parametrize("answer", [NO, UserCancelled()])
async def test_the_last_try_is_used_only_after_a_yes_of_its_own(
    page: Page, inserted: VirtualCard, person: Person, answer: object
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    person.answers = ["000000", "000000", answer]
    assert isinstance(await page.fails("pin.verify", key=key, accept_last_try=True), UserCancelled)
    assert person.asked[2].wanted is None
    assert inserted.pins["pin"].tries_left == 1
    person.answers = [YES, EBID_PIN]
    assert isinstance(await page.call("pin.verify", key=key), m.Lease)
    assert inserted.pins["pin"].tries_left == 3


async def test_a_blocked_pin_is_said_without_asking(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    person.answers = ["000000", "000000", YES, "000000"]
    assert isinstance(await page.fails("pin.verify", key=key), PinBlocked)
    asked = len(person.asked)
    for method, more in (("pin.verify", {"key": key}), ("signature.create", params(key))):
        assert isinstance(await page.fails(method, **more), PinBlocked)
    assert len(person.asked) == asked


async def test_what_is_sure_to_fail_disturbs_nobody(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    assert isinstance(await page.fails("signature.create", **params(key)), KeyUsageForbidden)
    assert person.asked == []


async def test_under_a_lease_the_person_agrees_to_each_batch(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    certificate = await page.certificate(Usage.SIGNATURE)
    person.answers = [EBID_PIN, YES, NO]
    await page.call("pin.verify", key=certificate.id, lease_seconds=30)
    assert "30秒間" in [fact.text for fact in person.asked[0].facts]
    made = await sign(page, certificate.id)
    assert certificate.x509 is not None
    verify_all(certificate.x509.der, made)
    assert isinstance(await page.fails("signature.create", **params(certificate.id)), UserCancelled)
    assert [question.wanted is None for question in person.asked] == [False, True, True]
    assert person.asked[1].details


async def test_a_page_that_brought_the_pin_has_agreed_itself(
    open_page: OpenPage, page: Page, inserted: VirtualCard, person: Person
) -> None:
    trusted = open_page("https://trusted.example")
    key = (await trusted.certificate(Usage.SIGNATURE)).id
    await trusted.call("pin.verify", key=key, pin=EBID_PIN)
    await sign(trusted, key)
    assert person.asked == []


async def test_a_pin_of_a_page_is_refused_where_the_settings_have_no_page(
    bus: InProcessBus, ebid: VirtualCard
) -> None:
    hub = Hub(bus, Prompts(order=[PinWay.PINENTRY]))
    await hub.start()
    page = Page(hub, "https://portal.example", frozenset(Grant))
    hub.join(page)
    bus.insert(0, ebid)
    await page.event("card.inserted")
    key = (await page.certificate(Usage.SIGNATURE)).id
    error = await page.fails("pin.verify", key=key, pin=EBID_PIN)
    assert isinstance(error, SiteNotAllowed)
    assert (await page.call("bridge.info")).pin_entry == ()  # type: ignore[attr-defined]
    await hub.stop()


async def test_a_log_in_asks_for_the_pin(page: Page, inserted: VirtualCard, person: Person) -> None:
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    person.answers = [EBID_PIN]
    token = await page.call("authentication.create", certificate=key, challenge=CHALLENGE)
    assert isinstance(token, AuthenticationToken)


async def test_a_locked_certificate_is_signed_with_in_the_same_go(
    page: Page, bus: InProcessBus, jpki: VirtualCard, person: Person
) -> None:
    bus.insert(0, jpki)
    await page.event("card.inserted")
    certificate = await page.certificate(Usage.SIGNATURE)
    assert certificate.locked
    person.answers = [JPKI_SIGNATURE_PIN.lower()]
    made = await sign(page, certificate.id)
    assert len(made.signatures) == 3
    assert (await page.certificate(Usage.SIGNATURE)).locked


@pytest.mark.parametrize("end", ["cancel", "leave", "pull"])
async def test_a_prompt_goes_with_its_request_its_page_and_its_card(
    hub: Hub, page: Page, bus: InProcessBus, inserted: VirtualCard, person: Person, end: str
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    task = asyncio.create_task(page.call("signature.create", as_id=5, **params(key)))
    await person.seen.wait()
    assert person.open_dialogs == 1
    if end == "cancel":
        await page.call("request.cancel", as_id=6, id=5)
        with pytest.raises(Cancelled):
            await task
    elif end == "leave":
        hub.leave(page)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        bus.remove(0)
        with pytest.raises(CardRemoved):
            await task
    assert person.open_dialogs == 0
    assert inserted.pins["pin"].tries_left == 3


async def test_of_two_pages_that_race_one_asks(
    page: Page, open_page: OpenPage, inserted: VirtualCard, person: Person
) -> None:
    other = open_page("https://other.example", SAFE)
    key = (await page.certificate(Usage.SIGNATURE)).id
    task = asyncio.create_task(sign(page, key))
    await person.seen.wait()
    for late in (other, page):
        assert isinstance(await late.fails("signature.create", as_id=2, **params(key)), CardLeased)
        assert isinstance(await late.fails("pin.verify", as_id=2, key=key), CardLeased)
    assert len(person.asked) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nobody_else_signs_with_a_pin_that_was_given_for_one_request(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    person.answers = [EBID_PIN]
    inserted.signature_latency_s = 0.05
    task = asyncio.create_task(sign(page, key))
    await page.event("request.progress")
    refused = await page.fails("signature.create", as_id=2, **params(key))
    assert isinstance(refused, CardLeased)
    await task


async def test_a_flood_of_prompts_is_limited(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    person.answers = [UserCancelled() for _ in range(prompt.PER_SITE)]
    for _ in range(prompt.PER_SITE):
        assert isinstance(await page.fails("pin.verify", key=key), UserCancelled)
    assert isinstance(await page.fails("pin.verify", key=key), RateLimited)
    assert len(person.asked) == prompt.PER_SITE


async def test_a_pin_is_changed_in_one_dialog(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    person.answers = ["000000", "654321", EBID_PIN, "654321"]
    await page.call("pin.change", key=key)
    assert [bool(question.wanted and question.wanted.again) for question in person.asked] == [
        False,
        True,
    ] * 2
    assert person.dialogs == 1
    person.answers = ["654321"]
    assert isinstance(await page.call("pin.verify", key=key), m.Lease)


async def test_a_blocked_pin_is_unblocked_in_one_dialog(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    person.answers = ["000000", "000000", YES, "000000"]
    assert isinstance(await page.fails("pin.verify", key=key), PinBlocked)
    person.answers = ["00000000", "654321", EBID_PUK, "654321"]
    await page.call("pin.unblock", key=key)
    assert "残り2回" in person.asked[-2].fault
    person.answers = ["654321"]
    assert isinstance(await page.call("pin.verify", key=key), m.Lease)


async def test_the_last_try_of_a_puk_has_a_yes_of_its_own_where_a_pin_is_unblocked(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    new = "654321"
    person.answers = ["00000000", new, "00000000", new, NO]
    assert isinstance(await page.fails("pin.unblock", key=key), UserCancelled)
    assert inserted.pins["puk"].tries_left == 1
    last = person.asked[-1]
    assert (last.ok, last.warnings) == (
        "PUKを入力する",
        ("残り1回です。次に間違えるとPUKがロックされ、PINのロックを解除できなくなります。",),
    )
    person.answers = [YES, EBID_PUK, new]
    await page.call("pin.unblock", key=key)
    labels = [question.wanted and question.wanted.label for question in person.asked[-3:]]
    assert labels == [None, "PUK", "新しいPIN"]
    assert inserted.pins["puk"].tries_left == 3


async def test_a_puk_is_changed_in_one_dialog_whose_last_try_has_a_yes_of_its_own(
    page: Page, inserted: VirtualCard, person: Person
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    new = "87654321"
    person.answers = ["00000000", new, "00000000", new, YES, EBID_PUK, new]
    await page.call("puk.change", key=key)
    labels = [question.wanted and question.wanted.label for question in person.asked]
    assert labels == ["現在のPUK", "新しいPUK"] * 2 + [None, "現在のPUK", "新しいPUK"]
    assert [question.heading for question in person.asked[:2]] == ["PUKの変更", "新しいPUK"]
    assert "残り2回" in person.asked[2].fault
    assert person.dialogs == 1
    assert inserted.pins["puk"].tries_left == 3


async def test_where_nobody_can_be_asked_an_earlier_lease_is_left_alone(
    open_page: OpenPage, page: Page, inserted: VirtualCard, person: Person
) -> None:
    trusted = open_page("https://trusted.example")
    key = (await trusted.certificate(Usage.AUTHENTICATION)).id
    signer = (await trusted.certificate(Usage.SIGNATURE)).id
    lease = await trusted.call("pin.verify", key=key, pin=EBID_PIN)
    assert isinstance(lease, m.Lease)
    person._is_open = False
    assert isinstance(await trusted.fails("signature.create", **params(signer)), PinRequired)
    await trusted.call("lease.release", lease=lease.id)


@pytest.mark.parametrize("method", ["pin.verify", "signature.create"])
async def test_a_request_cancelled_as_its_dialog_closes_leaves_no_pin_verified(
    page: Page,
    inserted: VirtualCard,
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    key = (await page.certificate(Usage.SIGNATURE)).id
    closing, closed = asyncio.Event(), person.close

    async def close_slowly() -> None:
        await closed()
        closing.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(person, "close", close_slowly)
    person.answers = [EBID_PIN]
    wanted = {"key": key} if method == "pin.verify" else params(key)
    asking = asyncio.create_task(page.call(method, as_id=7, **wanted))
    await closing.wait()
    assert inserted.pins["pin"].verified
    await page.call("request.cancel", id=7, as_id=8)
    with pytest.raises(Cancelled):
        await asking
    status = await page.call("pin.status", key=key)
    assert not status.verified  # type: ignore[attr-defined]
    assert not inserted.pins["pin"].verified


async def test_all_that_a_page_puts_into_a_document_is_shown(
    page: Page, person: Person, inserted: VirtualCard
) -> None:
    person.answers = [UserCancelled()]
    key = (await page.certificate(Usage.SIGNATURE)).id
    with pytest.raises(UserCancelled):
        await page.call(
            "document.sign",
            certificate=key,
            format=DocumentFormat.PADES,
            content=b"%PDF-",
            title="入札書",
            reason="承認\u202e",
            location="長野",
        )
    (question,) = person.asked
    facts = {fact.label: fact for fact in question.facts}
    assert facts["署名の形式"].text == "pades B-B"
    assert facts["署名の理由"] == Fact("署名の理由", "承認", quoted=True)
    assert facts["署名の場所"] == Fact("署名の場所", "長野", quoted=True)
    assert "ファイル名" not in facts
