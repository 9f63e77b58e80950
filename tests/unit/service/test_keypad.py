"""A PIN that is typed on the reader: it reaches the card, and never this program."""

from __future__ import annotations

import asyncio

import pytest

from bridged.config import PinWay
from bridged.errors import (
    BridgedError,
    PinBlocked,
    PinLastTry,
    PinRequired,
    UserCancelled,
)
from bridged.model import AuthenticationToken, Usage
from bridged.pin.prompt import Prompts
from bridged.protocol import messages as m
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.keypad import VirtualKeypad
from bridged.virtual.profiles import EBID_PIN, JPKI_AUTHENTICATION_PIN, JPKI_SIGNATURE_PIN

from ..pin.conftest import NO, YES, Person
from .conftest import CHALLENGE, DIGESTS, SAFE, OpenPage, Page, params


@pytest.fixture
def keypad() -> VirtualKeypad:
    return VirtualKeypad()


@pytest.fixture
def bus(keypad: VirtualKeypad) -> InProcessBus:
    return InProcessBus(readers=1, keypad=keypad)


@pytest.fixture
def person() -> Person:
    return Person(is_open=False)


@pytest.fixture
def prompts(person: Person) -> Prompts:
    return Prompts([person])


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
