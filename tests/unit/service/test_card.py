"""An inserted card, for which jobs and people are waited, and which may be gone at any moment."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, cast

import pytest

from bridged.errors import CardRemoved, UserTimeout
from bridged.pcsc.worker import Worker
from bridged.service.card import InsertedCard, no_modules


class Thread:
    """Stands for a reader's thread: `now` is done as soon as a job comes, in the same turn."""

    reader = "a reader"
    resets = 0

    def __init__(self) -> None:
        self.now: Callable[[], None] = lambda: None

    def submit(self, _: Callable[..., Any]) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result("of the card")
        self.now()
        return done

    def disconnect(self, *, reset: bool) -> None:
        self.resets += reset


@pytest.fixture
def thread() -> Thread:
    return Thread()


@pytest.fixture
async def card(thread: Thread) -> InsertedCard:
    return InsertedCard("a reader", cast("Worker", thread), 1, lambda: None, no_modules)


async def test_what_a_person_answers_as_the_card_is_pulled_out_counts_no_more(
    card: InsertedCard,
) -> None:
    """Both are there when the waiting ends: the answer must not be taken for another card."""

    async def answered() -> str:
        card.removed()
        return "123456"

    with pytest.raises(CardRemoved):
        await card.while_here(answered())


async def test_a_question_ends_before_its_card_s_removal_is_told(card: InsertedCard) -> None:
    ended = False

    async def asks() -> None:
        nonlocal ended
        asyncio.get_running_loop().call_soon(card.removed)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended = True

    with pytest.raises(CardRemoved):
        await card.while_here(asks())
    assert ended


async def test_what_fails_as_the_card_is_pulled_out_is_no_fault_of_the_daemon(
    card: InsertedCard, caplog: pytest.LogCaptureFixture
) -> None:
    async def asks() -> None:
        card.removed()
        raise UserTimeout

    with pytest.raises(CardRemoved):
        await card.while_here(asks())
    gc.collect()
    assert caplog.messages == []


async def test_what_a_card_answers_as_it_is_pulled_out_counts_no_more(
    card: InsertedCard, thread: Thread
) -> None:
    assert await card.run(lambda _: "unused") == "of the card"
    thread.now = card.removed
    with pytest.raises(CardRemoved):
        await card.run(lambda _: "unused")
    assert thread.resets >= 1
