"""PINs and consent that the person is asked for, in one turn of the daemon's prompts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bridged.cards.key import Key, PinObject
from bridged.config import PinWay
from bridged.errors import (
    ConfirmationUnavailable,
    PinBlocked,
    PinRequired,
    UserCancelled,
)
from bridged.model import Grant, PinAlphabet, PinStatus, Usage
from bridged.pin.prompt import NobodyToAsk, Prompts, Where
from bridged.pin.question import Answer
from bridged.pin.subject import About, Subject
from bridged.secret import Pin
from bridged.service.calls import Call
from bridged.service.card import InsertedCard
from bridged.service.interview import Agree, Ask, BadEntry, Interview, asker
from bridged.service.keys import (
    readable,
    typed_each_time,
)
from bridged.service.leases import Held, Leases

Again = Callable[[BadEntry], Awaitable[bool]]
"""Ask the person to type a PIN anew at the reader; returns whether the last try may be used."""


@dataclass(frozen=True, slots=True)
class Right:
    """To sign: who owns the lease, and how to go on after a wrong PIN at the reader."""

    owner: object
    again: Again | None


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

    def changes_on_keypad(self, call: Call, card: InsertedCard, pin: PinObject) -> bool:
        """Whether a PIN is changed on the reader: as it is typed there, where the reader can."""
        keypad = card.worker.channel.keypad
        can = keypad is not None and keypad.can_modify and not pin.protected
        return can and self._on_keypad(call, card, pin)

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
    ) -> AsyncIterator[Right]:
        """Yield the lease to sign under: that of the connection, or one of this request alone.

        Without a lease the person is asked for the PIN by `ask`, and the card is reset in the end.
        Where the person gave the PIN of a lease to us, `confirm` asks for a yes to each signature;
        where a key has no PIN, to each use by a page. Raises `PinRequired`, `CardLeased`,
        `ConfirmationUnavailable`, `UserCancelled` and what else ends the asking.
        """
        held = self._leases.find(card, call.peer)
        if key.pin is None:
            if self._must_agree(call):
                await self._confirmed(call, card, key, confirm)
            yield Right(call.peer, None)
        elif held is not None and held.key.ref == key.ref:
            call.lease_by = held.by
            if held.asked and key.usage is not Usage.AUTHENTICATION:
                await self._confirmed(call, card, key, confirm)
            async with self._at_reader(call, held, ask) as again:
                yield Right(call.peer, again)
        else:
            held = await self._leased_to(call, card, key, key.pin, ask)
            try:
                async with self._at_reader(call, held, ask) as again:
                    yield Right(call, again)
            finally:
                self._leases.end(held, None)

    @asynccontextmanager
    async def _at_reader(self, call: Call, held: Held, ask: Ask) -> AsyncIterator[Again | None]:
        """Tell the page that the person is wanted at the keypad, where each signature has its PIN.

        Yields what to do after a wrong one; None where the PIN is not typed each time.
        """
        card, key = held.card, held.key
        shape = key.pin
        if shape is None or not (held.keypad and typed_each_time(key)):
            yield None
            return
        who = asker(call, card.reader)

        async def again(error: BadEntry) -> bool:
            async with self.interview(call, card, key, shape) as interview:
                agreed = await interview.again_on_reader(ask, error)
            who.told(Where(PinWay.PINPAD))
            return agreed

        try:
            who.told(Where(PinWay.PINPAD))
            yield lambda error: card.while_here(again(error))
        finally:
            who.told(None)

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
