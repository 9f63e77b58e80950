"""PINs and consent that the person is asked for, in one turn of the daemon's prompts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec

from bridged.cards.base import Key, PinObject
from bridged.config import PinWay
from bridged.errors import (
    ConfirmationUnavailable,
    PinBlocked,
    PinFormat,
    PinIncorrect,
    PinLastTry,
    PinRequired,
    UserCancelled,
)
from bridged.model import Grant, PinAlphabet, PinStatus, Usage
from bridged.pin.prompt import Asker, NobodyToAsk, Prompts, Turn, Where
from bridged.pin.question import Answer, Question
from bridged.pin.wording import (
    About,
    Subject,
    keypad_question,
    last_try_question,
    rules_fault,
    wrong,
)
from bridged.protocol.messages import PromptedEvent, PromptingEvent
from bridged.secret import Pin
from bridged.service.calls import Call
from bridged.service.card import InsertedCard
from bridged.service.keys import readable, typed_each_time, verify, verify_on_keypad
from bridged.service.leases import Held, Leases

Ask = Callable[[Subject], Question]
Agree = Callable[[About], Question]


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
        fault = ""
        while True:
            agreed = await self.agreed()
            question = keypad_question(replace(ask(self.subject), fault=fault))
            with contextlib.suppress(NobodyToAsk):
                if not await self._turn.confirm(question):
                    raise UserCancelled
            self._asker.told(Where(PinWay.PINPAD))
            try:
                return await verify_on_keypad(self._card, self._key, accept_last_try=agreed)
            except (PinIncorrect, PinLastTry) as error:
                fault = self.failed(error)
            except PinFormat:
                fault = rules_fault(ask(self.subject))

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
            raise PinLastTry(tries_left=1) from None
        if not agreed:
            raise UserCancelled
        return True


class Asking:
    """Asks for all requests of the hub."""

    def __init__(self, prompts: Prompts, leases: Leases) -> None:
        self._prompts = prompts
        self._leases = leases

    def require_open(
        self, call: Call, card: InsertedCard | None = None, pin: PinObject | None = None
    ) -> None:
        """Raise `PinRequired` where nobody can be asked for a PIN."""
        by_keypad = card is not None and pin is not None and self._on_keypad(call, card, pin)
        if not by_keypad and not self._prompts.open_ways(asker(call)):
            raise PinRequired

    def _on_keypad(self, call: Call, card: InsertedCard, pin: PinObject) -> bool:
        """Whether the PIN is typed on the reader: digits, and no better way; or the card's own."""
        return pin.protected or (
            card.worker.channel.keypad is not None
            and pin.rules.alphabet is PinAlphabet.DIGITS
            and self._prompts.prefers_keypad(asker(call))
        )

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
        who, keypad = asker(call, card.reader), self._on_keypad(call, card, pin)
        try:
            async with self._prompts.turn(who, keypad=keypad) as turn:
                status = await card.pin_status(key)
                if status.blocked and not blocked:
                    raise PinBlocked
                subject = self._subject(call, key, pin, status)
                yield Interview(turn, card, key, subject, asker=who)
        except NobodyToAsk:
            raise PinRequired from None

    def _subject(self, call: Call, key: Key, pin: PinObject, status: PinStatus) -> Subject:
        return Subject(
            self._prompts.language,
            call.site.origin,
            readable(key),
            label=pin.label,
            rules=pin.rules,
            status=status,
        )

    async def verified(
        self, call: Call, card: InsertedCard, key: Key, pin: PinObject, ask: Ask
    ) -> tuple[Pin | None, int]:
        """Ask for the PIN of a key until the card takes it; ends at once when the card is gone.

        There is no PIN where it was typed on the reader.
        """
        taken = False

        async def ask_in_turn() -> tuple[Pin | None, int]:
            nonlocal taken
            async with self.interview(call, card, key, pin) as interview:
                if self._on_keypad(call, card, pin):
                    result: tuple[Pin | None, int] = None, await interview.typed_on_reader(ask)
                else:
                    result = await interview.verified(ask)
                taken = True
            return result

        try:
            return await card.while_here(ask_in_turn())
        except BaseException:
            if taken:
                # Cancelled while the dialog was taken away: nobody owns what is verified.
                card.worker.disconnect(reset=True)
            raise

    @asynccontextmanager
    async def right_to_sign(
        self, call: Call, card: InsertedCard, key: Key, ask: Ask, confirm: Agree
    ) -> AsyncIterator[object]:
        """Yield who owns the lease to sign under: the connection, or this request alone.

        Without a lease the person is asked for the PIN by `ask`, and the card is reset in the end.
        Where the person gave the PIN of a lease to us, `confirm` asks for a yes to each signature;
        where a key has no PIN, to each use by a page. Raises `PinRequired`, `CardLeased`,
        `ConfirmationUnavailable`, `UserCancelled` and what else ends the asking.
        """
        held = self._leases.find(card, call.peer)
        if key.pin is None:
            if self._must_agree(call):
                await self._confirmed(call, card, key, confirm)
            yield call.peer
        elif held is not None and held.key.ref == key.ref:
            call.lease_by = held.by
            if held.asked and key.usage is not Usage.AUTHENTICATION:
                await self._confirmed(call, card, key, confirm)
            yield call.peer
        else:
            held = await self._leased_to(call, card, key, key.pin, ask)
            who = asker(call, card.reader)
            try:
                if held.keypad and typed_each_time(key):
                    who.told(Where(PinWay.PINPAD))
                yield call
            finally:
                who.told(None)
                self._leases.end(held, None)

    def _must_agree(self, call: Call) -> bool:
        """Whether a page may use a key without a PIN only after a yes: it may bring no PIN itself."""
        if call.site.origin is None:
            return False
        return not (Grant.PAGE_PIN in call.site.grants and PinWay.PAGE in self._prompts.order)

    async def _leased_to(
        self, call: Call, card: InsertedCard, key: Key, shape: PinObject, ask: Ask
    ) -> Held:
        self.require_open(call, card, shape)
        self._leases.reserve(card, call.peer, successor=call)
        try:
            pin, epoch = await self.verified(call, card, key, shape, ask)
        except BaseException:
            self._leases.cancel(card)
            card.pin_tried()
            raise
        return self.lease(call, card, key, pin, epoch, seconds=None)

    def lease(
        self,
        call: Call,
        card: InsertedCard,
        key: Key,
        pin: Pin | None,
        epoch: int,
        *,
        seconds: float | None,
        asked: bool = True,
    ) -> Held:
        """Turn the reservation of a card into a lease by its PIN, `asked` for or the page's."""
        with pin or Pin(""):
            card.worker.keep_connected(keep=True)
            if not (pin is None and typed_each_time(key)):
                card.pin_verified(key)
            kept = pin.copy() if key.pin_always and pin is not None else None
            return self._leases.grant(
                card,
                key,
                epoch=epoch,
                pin=kept,
                seconds=seconds,
                asked=asked,
                keypad=pin is None,
                by=call.pin_by,
            )

    async def _confirmed(self, call: Call, card: InsertedCard, key: Key, confirm: Agree) -> None:
        about = About(self._prompts.language, call.site.origin, readable(key))
        question = confirm(about)

        async def ask_in_turn() -> Answer:
            try:
                return await self._prompts.confirm(asker(call, card.reader), question)
            except NobodyToAsk:
                raise ConfirmationUnavailable from None

        if not await card.while_here(ask_in_turn()):
            raise UserCancelled
