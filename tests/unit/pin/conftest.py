"""Questions, and people who answer them from within the test."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from bridged.config import PinWay
from bridged.model import PinAlphabet, PinRules, PinStatus
from bridged.pin.prompt import Asker, Where
from bridged.pin.question import Answer, Language, Question
from bridged.pin.subject import Subject
from bridged.secret import Pin

ORIGIN = "https://portal.example"
YES, NO, NEVER = Answer
DIGITS = PinRules(min_length=6, max_length=8, alphabet=PinAlphabet.DIGITS)
UPPER = PinRules(min_length=6, max_length=16, alphabet=PinAlphabet.UPPER_ALNUM)


class Person:
    """A way, and the person at its end: answers in order; waits where there is none."""

    name: ClassVar[PinWay] = PinWay.PINENTRY

    def __init__(self, *answers: str | Answer | Exception, is_open: bool = True) -> None:
        self.answers = list(answers)
        self.asked: list[Question] = []
        self.dialogs = 0
        self.open_dialogs = 0
        self.seen = asyncio.Event()
        self.url: str | None = None
        self._is_open = is_open

    def is_open(self, _: Asker) -> bool:
        return self._is_open

    async def start(self, _: Asker) -> Person:
        self.dialogs += 1
        self.open_dialogs += 1
        return self

    async def confirm(self, question: Question) -> Answer:
        answer = await self._answer(question)
        assert isinstance(answer, Answer)
        return answer

    async def pin(self, question: Question) -> Pin:
        answer = await self._answer(question)
        assert isinstance(answer, str)
        return Pin(answer)

    async def close(self) -> None:
        self.open_dialogs -= 1

    async def _answer(self, question: Question) -> str | Answer:
        self.asked.append(question)
        self.seen.set()
        if not self.answers:
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def told() -> list[Where | None]:
    """Where the page was told that the prompt is."""
    return []


@pytest.fixture
def asker(told: list[Where | None]) -> Asker:
    return Asker(ORIGIN, told.append)


def make_subject(
    rules: PinRules = DIGITS, tries_left: int | None = 3, language: Language = Language.JA
) -> Subject:
    status = PinStatus(
        label="PIN", rules=rules, tries_left=tries_left, blocked=False, verified=False
    )
    return Subject(language, ORIGIN, None, label="PIN", rules=rules, status=status)
