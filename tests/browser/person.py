"""A person before the daemon's dialogs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import ClassVar

from bridged.config import PinWay
from bridged.pin.prompt import Asker, Dialog
from bridged.pin.question import Answer, Question
from bridged.secret import Pin
from bridged.virtual.profiles import EBID_PIN


@dataclass
class Person:
    """Sits before the dialogs; answers as told, once it is let."""

    name: ClassVar[PinWay] = PinWay.PINENTRY
    url: str | None = None
    answer: Answer = Answer.YES
    asked: list[Question] = field(default_factory=list)
    shown: int = 0
    most_shown: int = 0
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def is_open(self, asker: Asker) -> bool:
        return True

    async def start(self, asker: Asker) -> Dialog:
        self.shown += 1
        self.most_shown = max(self.most_shown, self.shown)
        return self

    async def pin(self, question: Question) -> Pin:
        await self.confirm(question)
        return Pin(EBID_PIN)

    async def confirm(self, question: Question) -> Answer:
        self.asked.append(question)
        self.seen.set()
        await self.may_answer.wait()
        return self.answer

    async def close(self) -> None:
        self.shown -= 1
        self.gone.set()
