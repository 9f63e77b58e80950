"""One prompt at a time, bounded for each site, by the first way that is open."""

from __future__ import annotations

import asyncio

import pytest

from bridged.config import PinWay
from bridged.errors import RateLimited, UserCancelled, UserTimeout
from bridged.model import Grant
from bridged.pin import prompt
from bridged.pin.prompt import Asker, NobodyToAsk, Prompts, WayClosed, Where
from bridged.pin.question import Language
from bridged.pin.wording import sites_question, verify_question

from .conftest import NO, ORIGIN, UPPER, YES, Person, make_subject

CONSENT = sites_question(Language.JA, ORIGIN, [Grant.SIGN])
PIN = verify_question(make_subject(), 60)


async def test_the_first_open_way_is_asked_and_the_page_told_where(
    asker: Asker, told: list[Where | None]
) -> None:
    closed, person, last = Person(is_open=False), Person(YES), Person(NO)
    assert await Prompts([closed, person, last]).confirm(asker, CONSENT)
    assert (closed.asked, person.asked, last.asked) == ([], [CONSENT], [])
    assert told == [Where(PinWay.PINENTRY), None]
    assert person.open_dialogs == 0


async def test_a_way_that_closes_before_anybody_saw_it_leaves_the_question_to_the_next(
    asker: Asker,
) -> None:
    gone, person = Person(WayClosed()), Person(NO)
    assert not await Prompts([gone, person]).confirm(asker, CONSENT)
    assert gone.open_dialogs == 0
    assert person.asked == [CONSENT]


@pytest.mark.parametrize("ways", [[], [{"is_open": False}], [{"closes": True}]])
async def test_where_nobody_can_be_asked_there_is_no_consent(asker: Asker, ways: list) -> None:
    people = [
        Person(*[WayClosed(), WayClosed()] * ("closes" in way), is_open=way.get("is_open", True))
        for way in ways
    ]
    with pytest.raises(NobodyToAsk):
        await Prompts(people).confirm(asker, CONSENT)
    with pytest.raises(NobodyToAsk):
        async with Prompts(people).turn(asker) as turn:
            await turn.pin(PIN)


@pytest.mark.parametrize("crash", [RuntimeError("crashed"), OSError("gone")])
async def test_a_dialog_that_crashes_is_no_answer_of_the_person(
    asker: Asker, crash: Exception
) -> None:
    person, other = Person(crash), Person(YES)
    with pytest.raises(type(crash)):
        await Prompts([person, other]).confirm(asker, CONSENT)
    assert other.asked == []
    assert person.open_dialogs == 0


async def test_a_pin_that_breaks_its_rules_is_asked_for_again_with_the_rules(asker: Asker) -> None:
    person = Person("12345", "１２３４５６")
    async with Prompts([person]).turn(asker) as turn:
        pin = await turn.pin(PIN)
    assert pin.reveal() == b"123456"
    first, second = person.asked
    assert first.fault == ""
    assert "6～8" in second.fault
    assert "送信していません" in second.fault
    assert person.dialogs == 1


async def test_small_letters_of_a_pin_of_capitals_are_taken_as_capitals(asker: Asker) -> None:
    question = verify_question(make_subject(UPPER), 60)
    async with Prompts([Person("abC12ｄ")]).turn(asker) as turn:
        assert (await turn.pin(question)).reveal() == b"ABC12D"


async def test_cancelling_ends_the_question(asker: Asker) -> None:
    person = Person(UserCancelled())
    with pytest.raises(UserCancelled):
        async with Prompts([person]).turn(asker) as turn:
            await turn.pin(PIN)
    assert person.open_dialogs == 0


async def test_who_does_not_answer_in_time_loses_the_dialog(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt, "ANSWER_S", 0.0)
    person = Person()
    with pytest.raises(UserTimeout):
        await Prompts([person]).confirm(asker, CONSENT)
    assert person.open_dialogs == 0


async def test_one_prompt_at_a_time_in_order_and_a_cancelled_one_makes_room() -> None:
    person = Person()
    prompts = Prompts([person])
    first, second, third = (
        asyncio.create_task(
            prompts.confirm(Asker(origin, lambda _: None), sites_question(Language.JA, origin, []))
        )
        for origin in ("https://a.example", "https://b.example", "https://c.example")
    )
    await person.seen.wait()
    await asyncio.sleep(0)
    assert len(person.asked) == 1
    second.cancel()
    person.answers.append(YES)
    person.seen.clear()
    first.cancel()
    assert await third
    assert [q.facts[0].text for q in person.asked] == ["https://a.example", "https://c.example"]
    assert person.open_dialogs == 0
    await asyncio.gather(first, second, return_exceptions=True)


async def test_a_site_may_not_flood_the_person_and_others_are_heard(asker: Asker) -> None:
    now = 0.0
    person = Person(*[YES] * 100)
    prompts = Prompts([person], clock=lambda: now)
    for _ in range(prompt.PER_SITE):
        await prompts.confirm(asker, CONSENT)
    with pytest.raises(RateLimited) as caught:
        await prompts.confirm(asker, CONSENT)
    assert caught.value.retry_after_seconds == prompt.PERIOD_S
    assert len(person.asked) == prompt.PER_SITE
    assert await prompts.confirm(Asker("https://other.example", asker.told), CONSENT)
    now = prompt.PERIOD_S
    assert await prompts.confirm(asker, CONSENT)


async def test_many_sites_together_may_not_flood_the_person(asker: Asker) -> None:
    prompts = Prompts([Person(*[YES] * 100)], clock=lambda: 0.0)
    for number in range(prompt.PER_PERIOD):
        await prompts.confirm(Asker(f"https://site{number}.example", asker.told), CONSENT)
    with pytest.raises(RateLimited):
        await prompts.confirm(asker, CONSENT)


async def test_few_prompts_of_a_site_may_wait(asker: Asker) -> None:
    person = Person()
    prompts = Prompts([person])
    tasks = [
        asyncio.create_task(prompts.confirm(asker, CONSENT)) for _ in range(prompt.MAX_WAITING + 1)
    ]
    await person.seen.wait()
    with pytest.raises(RateLimited):
        await prompts.confirm(asker, CONSENT)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    person.answers.append(YES)
    assert await prompts.confirm(asker, CONSENT)
