"""The person, asked about one key: by a dialog, or at the reader once a dialog told what for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

import msgspec

from bridged.cards.key import Key
from bridged.config import PinWay
from bridged.errors import PinFormat, PinIncorrect, PinLastTry, UserCancelled
from bridged.pcsc.pinpad import EntriesDiffer
from bridged.pin.faults import NOT_THE_SAME, rules_fault, wrong
from bridged.pin.prompt import Asker, NobodyToAsk, Turn, Where
from bridged.pin.question import Question
from bridged.pin.subject import About, Subject
from bridged.pin.wording import keypad_question, last_try_question
from bridged.protocol.messages import PromptedEvent, PromptingEvent
from bridged.secret import Pin
from bridged.service.calls import Call
from bridged.service.card import InsertedCard
from bridged.service.keys import change_on_keypad, verify, verify_on_keypad

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Ask = Callable[[Subject], Question]
Agree = Callable[[About], Question]
BadEntry = PinIncorrect | PinLastTry | PinFormat | EntriesDiffer


class AtReader(Protocol[T_co]):
    """What is done with a PIN that a person types at the reader."""

    async def __call__(self, card: InsertedCard, key: Key, *, accept_last_try: bool) -> T_co: ...  # noqa: D102


def asker(call: Call, reader: str | None = None) -> Asker:
    """Return for whom a request asks the person; its page hears where, and when it is over."""
    shown = False

    def told(where: Where | None) -> None:
        nonlocal shown
        if where is not None:
            shown = True
            call.asked_by = where.way
            event = PromptingEvent(id=call.id, way=where.way, reader=reader, url=where.url)
            call.peer.notify("pin.prompting", event)
        elif shown:
            call.peer.notify("pin.prompted", PromptedEvent(id=call.id))

    return Asker(call.site.origin, told)


class Interview:
    """The person, asked about one key of a card; tries left are read before and kept up to date."""

    def __init__(
        self, turn: Turn, card: InsertedCard, key: Key, subject: Subject, *, asker: Asker
    ) -> None:
        self._turn, self._card, self._key, self._asker = turn, card, key, asker
        self.subject = subject

    async def typed_on_reader(self, ask: Ask) -> int:
        """Show the question where that can be, then let the keypad ask; return the epoch.

        Raises as `verified`, and `PinLastTry` where nobody can say yes to that.
        """
        return await self._on_reader(ask, verify_on_keypad)

    async def changed_on_reader(self, ask: Ask) -> None:
        """Show the question where that can be, then let the keypad change the PIN; raises as above."""
        await self._on_reader(ask, change_on_keypad, changes=True)

    async def _on_reader(self, ask: Ask, do: AtReader[T], *, changes: bool = False) -> T:
        fault = ""
        while True:
            agreed = await self.agreed()
            await self._sent_to_reader(ask, fault, changes=changes)
            try:
                return await do(self._card, self._key, accept_last_try=agreed)
            except (PinIncorrect, PinLastTry, PinFormat, EntriesDiffer) as error:
                fault = self._fault(ask, error)

    async def again_on_reader(self, ask: Ask, error: BadEntry) -> bool:
        """Send the person to the keypad once more, told of the `error`; return as `agreed`."""
        fault = self._fault(ask, error)
        agreed = await self.agreed()
        await self._sent_to_reader(ask, fault)
        return agreed

    async def _sent_to_reader(self, ask: Ask, fault: str, *, changes: bool = False) -> None:
        asked = replace(ask(self.subject), fault=fault)
        with contextlib.suppress(NobodyToAsk):
            if not await self._turn.confirm(keypad_question(asked, changes=changes)):
                raise UserCancelled
        self._asker.told(Where(PinWay.PINPAD))

    def _fault(self, ask: Ask, error: BadEntry) -> str:
        """Return what the person is told of an entry that came to nothing."""
        if isinstance(error, PinFormat):
            return rules_fault(ask(self.subject))
        if isinstance(error, EntriesDiffer):
            return NOT_THE_SAME[self.subject.language]
        return self.failed(error)

    async def verified(self, ask: Ask) -> tuple[Pin, int]:
        """Ask until the card takes the PIN; return it, and the epoch in which it is verified.

        Each PIN is one that was typed for just this, and the last try has a yes of its own.
        Raises `PinBlocked`, and what ends the asking.
        """
        fault = ""
        while True:
            agreed = await self.agreed()
            pin = await self._turn.pin(replace(ask(self.subject), fault=fault))
            try:
                return pin, await verify(self._card, self._key, pin, accept_last_try=agreed)
            except (PinIncorrect, PinLastTry) as error:
                pin.wipe()
                fault = self.failed(error)
            except BaseException:
                pin.wipe()
                raise

    async def secret(self, ask: Ask, *, fault: str = "") -> Pin:
        """Ask for a PIN that is not verified here, and keeps its rules."""
        return await self._turn.pin(replace(ask(self.subject), fault=fault))

    def failed(self, error: PinIncorrect | PinLastTry) -> str:
        """Note what the card said of the tries left; return what the person is told."""
        status = msgspec.structs.replace(self.subject.status, tries_left=error.tries_left)
        self.subject = replace(self.subject, status=status)
        if isinstance(error, PinLastTry):
            return ""
        return wrong(self.subject.label, error.tries_left, self.subject.language)

    async def agreed(self) -> bool:
        """Return whether the last try may be used; raises `UserCancelled` where it may not."""
        if not self.subject.last_try:
            return False
        try:
            agreed = await self._turn.confirm(last_try_question(self.subject))
        except NobodyToAsk:
            raise PinLastTry(tries_left=1, secret=self.subject.which) from None
        if not agreed:
            raise UserCancelled
        return True
