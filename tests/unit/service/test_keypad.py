"""A PIN that is typed on the reader: it reaches the card, and never this program."""

from __future__ import annotations

import asyncio

import pytest

from bridged.config import PinWay
from bridged.errors import (
    BridgedError,
    CardRemoved,
    PinBlocked,
    PinLastTry,
    PinRequired,
    UserCancelled,
    UserTimeout,
)
from bridged.model import AuthenticationToken, Grant, Usage
from bridged.pcsc import pinpad
from bridged.pin.question import Answer, Question
from bridged.protocol import messages as m
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.keypad import VirtualKeypad
from bridged.virtual.profiles import EBID_PIN, JPKI_AUTHENTICATION_PIN, JPKI_SIGNATURE_PIN

from ..pin.conftest import NO, YES
from .conftest import CHALLENGE, DIGESTS, SAFE, OpenPage, Page, params


@pytest.fixture
def keypad() -> VirtualKeypad:
    return VirtualKeypad()


@pytest.fixture
def bus(keypad: VirtualKeypad) -> InProcessBus:
    return InProcessBus(readers=1, keypad=keypad)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page(grants=SAFE)


async def inserted(page: Page, bus: InProcessBus, card: VirtualCard) -> None:
    bus.insert(0, card)
    await page.event("card.inserted")


async def test_a_reader_tells_of_its_keypad_once_it_was_looked_at(page, bus, ebid) -> None:
    await inserted(page, bus, ebid)
    await page.certificate(Usage.SIGNATURE)
    assert (await page.call("reader.list")).readers[0].pinpad
    assert (await page.call("bridge.info")).pin_entry == (PinWay.PINPAD,)


async def test_a_log_in_with_a_pin_typed_on_the_reader(page, bus, jpki, keypad) -> None:
    await inserted(page, bus, jpki)
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    keypad.type(JPKI_AUTHENTICATION_PIN)
    token = await page.call("authentication.create", certificate=key, challenge=CHALLENGE)
    assert isinstance(token, AuthenticationToken)
    told = await page.event("pin.prompting")
    assert (told.way, told.url) == (PinWay.PINPAD, None)
    await page.event("pin.prompted")
    assert not (await page.call("pin.status", key=key)).verified


async def test_a_key_that_wants_its_pin_each_time_has_it_typed_each_time(
    page, bus, ebid, keypad
) -> None:
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    for _ in DIGESTS:
        keypad.type(EBID_PIN)
    made = await page.call("signature.create", **params(key))
    assert len([each for each in made.signatures if each]) == len(DIGESTS)
    assert keypad.waits_for_keys == len(DIGESTS)


async def test_a_wrong_pin_is_typed_again_and_the_last_try_is_kept(page, bus, ebid, keypad) -> None:
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    keypad.type("12")
    keypad.type("000000")
    keypad.type("000000")
    keypad.type(EBID_PIN)
    error = await page.fails("pin.verify", key=key)
    # Nobody can say yes to the last try where there is no dialog.
    assert isinstance(error, PinLastTry)
    assert ebid.pins["pin"].tries_left == 1
    assert keypad.waits_for_keys == 3


async def test_with_a_dialog_the_person_sees_what_for_and_agrees_to_the_last_try(
    page, bus, ebid, keypad, person
) -> None:
    person._is_open = True
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    person.answers = [YES, YES, YES, YES]
    for typed in ("000000", "000000", EBID_PIN):
        keypad.type(typed)
    assert isinstance(await page.call("pin.verify", key=key), m.Lease)
    assert all(question.wanted is None for question in person.asked)
    assert "残り2回" in person.asked[1].fault


@pytest.mark.parametrize("how", ["dialog", "key"])
async def test_cancelling_is_the_persons(page, bus, ebid, keypad, person, how: str) -> None:
    person._is_open = how == "dialog"
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    person.answers = [NO]
    keypad.cancel()
    assert isinstance(await page.fails("pin.verify", key=key), UserCancelled)
    assert ebid.pins["pin"].tries_left == 3


async def test_a_pin_with_letters_is_not_for_the_keypad(page, bus, jpki, keypad, person) -> None:
    await inserted(page, bus, jpki)
    key = (await page.certificate(Usage.SIGNATURE)).id
    assert isinstance(await page.fails("pin.verify", key=key), PinRequired)
    person._is_open, person.answers = True, [JPKI_SIGNATURE_PIN]
    assert isinstance(await page.call("pin.verify", key=key), m.Lease)
    assert keypad.waits_for_keys == 0


async def test_a_pin_typed_after_the_request_was_given_up_does_not_stay_verified(
    page, bus, ebid, keypad
) -> None:
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    task = asyncio.create_task(page.call("pin.verify", as_id=5, key=key))
    assert await asyncio.to_thread(keypad.asked.acquire, timeout=5)
    await page.call("request.cancel", as_id=6, id=5)
    with pytest.raises(BridgedError):
        await task
    keypad.type(EBID_PIN)
    assert not (await page.call("pin.status", key=key)).verified
    for _ in range(2):
        keypad.type("000000")
    assert not isinstance(await page.fails("pin.verify", key=key), PinBlocked)


async def typed(keypad: VirtualKeypad, *entries: str) -> None:
    """Type at the reader each time it waits for an entry."""
    for entry in entries:
        assert await asyncio.to_thread(keypad.asked.acquire, timeout=5)
        keypad.type(entry)


async def takes(page: Page, key: str, pin: str) -> bool:
    """Whether the card takes a PIN."""
    trusted = Page(page._hub, "https://trusted.example", frozenset(Grant))
    return isinstance(await trusted.call("pin.verify", key=key, pin=pin), m.Lease)


CHANGED = {"ebid": (EBID_PIN, "654321"), "jpki": (JPKI_AUTHENTICATION_PIN, "4321")}


@pytest.mark.parametrize("dialog", [True, False])
@pytest.mark.parametrize("profile", CHANGED)
async def test_a_pin_is_changed_at_the_reader(
    page, bus, cards, keypad, person, profile: str, *, dialog: bool
) -> None:
    person._is_open, person.answers = dialog, [YES]
    await inserted(page, bus, cards[profile])
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    old, new = CHANGED[profile]
    for entry in (old, new, new):
        keypad.type(entry)
    await page.call("pin.change", key=key)
    assert keypad.waits_for_keys == 3
    assert await takes(page, key, new)
    assert all(question.wanted is None for question in person.asked)
    if dialog:
        assert "現在のPIN、新しいPIN" in person.asked[0].warnings[-1]


async def test_a_wrong_pin_two_entries_that_differ_and_a_short_one_change_nothing(
    page, bus, ebid, keypad, person
) -> None:
    person._is_open, person.answers = True, [YES] * 4
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    new = "654321"
    changing = asyncio.create_task(page.call("pin.change", key=key))
    await typed(keypad, "000000", new, new)
    await typed(keypad, EBID_PIN, new, "654322")
    await typed(keypad, EBID_PIN, "12")
    assert ebid.pins["pin"].tries_left == 2
    await typed(keypad, EBID_PIN, new, new)
    await changing
    faults = [question.fault for question in person.asked]
    assert faults[0] == ""
    assert "残り2回" in faults[1]
    assert faults[2] == "2回の入力が一致しません。"
    assert "6～8" in faults[3]
    assert await takes(page, key, new)


@pytest.mark.parametrize("dialog", [True, False])
async def test_the_last_try_of_a_change_has_a_yes_of_its_own(
    page, bus, ebid, keypad, person, *, dialog: bool
) -> None:
    person._is_open, person.answers = dialog, [YES, YES, NO]
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    for _ in range(2):
        for entry in ("000000", "654321", "654321"):
            keypad.type(entry)
    error = await page.fails("pin.change", key=key)
    assert isinstance(error, UserCancelled if dialog else PinLastTry)
    assert ebid.pins["pin"].tries_left == 1
    assert keypad.waits_for_keys == 6


@pytest.mark.parametrize("entries", [[], [EBID_PIN], [EBID_PIN, "654321"]])
async def test_a_change_is_cancelled_at_any_entry(
    page, bus, ebid, keypad, entries: list[str]
) -> None:
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    for entry in entries:
        keypad.type(entry)
    keypad.cancel()
    assert isinstance(await page.fails("pin.change", key=key), UserCancelled)
    assert ebid.pins["pin"].tries_left == 3


async def test_who_types_nothing_has_changed_nothing(
    page, bus, ebid, keypad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinpad, "ENTRY_S", 0)
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    assert isinstance(await page.fails("pin.change", key=key), UserTimeout)
    assert ebid.pins["pin"].tries_left == 3


@pytest.mark.parametrize("keypad", [VirtualKeypad(modifies=False)])
async def test_a_reader_that_only_verifies_leaves_a_change_to_dialogs(
    page, bus, ebid, keypad, person
) -> None:
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    assert isinstance(await page.fails("pin.change", key=key), PinRequired)
    person._is_open, person.answers = True, [EBID_PIN, "654321"]
    await page.call("pin.change", key=key)
    assert keypad.waits_for_keys == 0


@pytest.mark.parametrize("lease", [True, False])
async def test_a_wrong_pin_for_a_signature_is_typed_again(
    page, bus, ebid, keypad, person, *, lease: bool
) -> None:
    person._is_open, person.answers = True, [YES] * 10
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    if lease:
        await page.call("pin.verify", key=key)
    asked = len(person.asked)
    for entry in (EBID_PIN, "000000", "12", EBID_PIN, EBID_PIN):
        keypad.type(entry)
    made = await page.call("signature.create", **params(key))
    assert all(made.signatures)
    assert ebid.pins["pin"].tries_left == 3
    faults = [question.fault for question in person.asked[asked:]]
    assert ["残り2回" in fault for fault in faults] == [False, True, False]
    assert "6～8" in faults[-1]
    assert all(
        "申請書" in [fact.text for fact in question.facts] for question in person.asked[asked:]
    )


@pytest.mark.parametrize(
    ("answers", "error"), [([YES, YES, NO], UserCancelled), (None, PinLastTry)]
)
async def test_the_last_try_of_a_signature_has_a_yes_of_its_own(
    page, bus, ebid, keypad, person, answers: list | None, error: type[BridgedError]
) -> None:
    person._is_open, person.answers = answers is not None, answers or []
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    for entry in ("000000", "000000", "000000"):
        keypad.type(entry)
    assert isinstance(await page.fails("signature.create", **params(key)), error)
    assert ebid.pins["pin"].tries_left == 1
    assert keypad.waits_for_keys == 2


async def test_a_try_that_another_program_used_meanwhile_makes_the_next_one_the_last(
    page, bus, ebid, keypad, person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person._is_open, person.answers = True, [YES, YES, NO]
    confirm = person.confirm

    async def confirm_meanwhile(question: Question) -> Answer:
        if "残り2回" in question.fault:
            ebid.pins["pin"].tries_left = 1
        return await confirm(question)

    monkeypatch.setattr(person, "confirm", confirm_meanwhile)
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    for _ in range(2):
        keypad.type("000000")
    assert isinstance(await page.fails("signature.create", **params(key)), UserCancelled)
    assert ebid.pins["pin"].tries_left == 1
    assert keypad.waits_for_keys == 1


async def test_a_blocked_pin_ends_the_signature(page, bus, ebid, keypad, person) -> None:
    # What for, twice after a wrong PIN, and a yes to the last try before the third.
    person._is_open, person.answers = True, [YES] * 4
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    for entry in ("000000", "000000", "000000"):
        keypad.type(entry)
    assert isinstance(await page.fails("signature.create", **params(key)), PinBlocked)
    assert [question.heading for question in person.asked][2] == "最後の1回を使用しますか？"
    assert not person.answers
    assert (await page.call("pin.status", key=key)).blocked


async def test_a_card_that_is_pulled_ends_the_question_for_another_entry(
    page, bus, ebid, keypad, person
) -> None:
    person._is_open, person.answers = True, [YES]
    await inserted(page, bus, ebid)
    key = (await page.certificate(Usage.SIGNATURE)).id
    keypad.type("000000")
    signing = asyncio.create_task(page.call("signature.create", **params(key)))
    # The first question was answered, the one after the wrong PIN is not.
    await page.event("pin.prompted")
    assert (await page.event("pin.prompting")).way is PinWay.PINPAD
    assert (await page.event("pin.prompting")).way is PinWay.PINENTRY
    bus.remove(0)
    with pytest.raises(CardRemoved):
        await signing
    assert person.open_dialogs == 0
