"""PINs and consent that the person is asked for, in one turn of the daemon's prompts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec

from bridged.cards.base import Key, PinObject
from bridged.config import PinWay
from bridged.errors import (
    PinBlocked,
    PinIncorrect,
    PinLastTry,
    PinRequired,
    UserCancelled,
)
from bridged.model import PinStatus
from bridged.pin.prompt import Asker, NobodyToAsk, Prompts, Turn, Where
from bridged.pin.question import Question
from bridged.pin.wording import Subject, last_try_question, wrong
from bridged.protocol.messages import PromptedEvent, PromptingEvent
from bridged.secret import Pin
from bridged.service.calls import Call
from bridged.service.card import InsertedCard
from bridged.service.keys import readable, verify, verify_protected
from bridged.service.leases import Held, Leases

Ask = Callable[[Subject], Question]


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

    def __init__(self, turn: Turn, card: InsertedCard, key: Key, subject: Subject) -> None:
        self._turn, self._card, self._key = turn, card, key
        self.subject = subject

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
        if not await self._turn.confirm(last_try_question(self.subject)):
            raise UserCancelled
        return True


class Asking:
    """Asks for all requests of the hub."""

    def __init__(self, prompts: Prompts, leases: Leases) -> None:
        self._prompts = prompts
        self._leases = leases

    def require_open(self, call: Call) -> None:
        """Raise `PinRequired` where nobody can be asked for a PIN."""
        if not self._prompts.open_ways(asker(call)):
            raise PinRequired

    @asynccontextmanager
    async def interview(
        self,
        call: Call,
        card: InsertedCard,
        key: Key,
        pin: PinObject,
        *,
        blocked: bool = False,
    ) -> AsyncIterator[Interview]:
        """Take the turn and read the tries left.

        Raises `PinBlocked` without asking, unless it may be `blocked`, and `PinRequired` where nobody can be asked.
        """
        try:
            async with self._prompts.turn(asker(call, card.reader)) as turn:
                status = await card.pin_status(key)
                if status.blocked and not blocked:
                    raise PinBlocked
                yield Interview(turn, card, key, self._subject(call, key, pin, status))
        except NobodyToAsk:
            raise PinRequired from None

    def _subject(self, call: Call, key: Key, pin: PinObject, status: PinStatus) -> Subject:
        return Subject(
            self._prompts.language,
            call.site.origin,
            pin.label,
            pin.rules,
            status,
            readable(key),
        )

    async def verified(
        self, call: Call, card: InsertedCard, key: Key, pin: PinObject, ask: Ask
    ) -> tuple[Pin, int]:
        """Ask for the PIN of a key until the card takes it; ends at once when the card is gone."""
        if pin.protected:
            return Pin(""), await self.protected(call, card, key, accept_last_try=False)

        async def ask_in_turn() -> tuple[Pin, int]:
            async with self.interview(call, card, key, pin) as interview:
                return await interview.verified(ask)

        return await card.while_here(ask_in_turn())

    async def protected(
        self, call: Call, card: InsertedCard, key: Key, *, accept_last_try: bool
    ) -> int:
        """Let the card's own software ask, while the page tells that it does; return the epoch."""
        person = asker(call, card.reader)
        person.told(Where(PinWay.PINPAD))
        try:
            return await verify_protected(card, key, accept_last_try=accept_last_try)
        finally:
            person.told(None)

    @asynccontextmanager
    async def right_to_sign(
        self, call: Call, card: InsertedCard, key: Key, ask: Ask, confirm: Ask | None = None
    ) -> AsyncIterator[object]:
        """Yield who owns the lease to sign under: the connection, or this request alone.

        Without a lease the person is asked for the PIN by `ask`, and the card is reset in the end.
        Under one whose PIN the person gave to us, `confirm` asks for a yes to just this. Raises
        `PinRequired`, `CardLeased`, `UserCancelled` and what else ends the asking.
        """
        held = self._leases.find(card, call.peer)
        if key.pin is None:
            yield call.peer
        elif held is not None and held.key.ref == key.ref:
            if held.asked and confirm is not None:
                await self._confirmed(call, card, key, confirm)
            yield call.peer
        else:
            held = await self._leased_to(call, card, key, key.pin, ask)
            try:
                yield call
            finally:
                self._leases.end(held, None)

    async def _leased_to(
        self, call: Call, card: InsertedCard, key: Key, shape: PinObject, ask: Ask
    ) -> Held:
        if not shape.protected:
            self.require_open(call)
        self._leases.reserve(card, call.peer, successor=call)
        try:
            pin, epoch = await self.verified(call, card, key, shape, ask)
        except BaseException:
            self._leases.cancel(card)
            card.pin_tried()
            raise
        return self.lease(card, key, pin, epoch, seconds=None)

    def lease(
        self,
        card: InsertedCard,
        key: Key,
        pin: Pin,
        epoch: int,
        *,
        seconds: float | None,
        asked: bool = True,
    ) -> Held:
        """Turn the reservation of a card into a lease by its PIN, `asked` for or the page's."""
        with pin:
            card.worker.keep_connected(keep=True)
            card.pin_verified(key)
            kept = pin.copy() if key.pin_always else None
            return self._leases.grant(
                card, key, epoch=epoch, pin=kept, seconds=seconds, asked=asked
            )

    async def _confirmed(self, call: Call, card: InsertedCard, key: Key, confirm: Ask) -> None:
        assert key.pin is not None
        status = await card.known_pin_status(key)
        question = confirm(self._subject(call, key, key.pin, status))

        async def ask_in_turn() -> bool:
            return await self._prompts.confirm(asker(call, card.reader), question)

        if not await card.while_here(ask_in_turn()):
            raise UserCancelled
