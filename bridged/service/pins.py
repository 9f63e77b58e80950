"""`pin.verify`, `pin.change`, `pin.unblock`, `puk.change`: with PINs of the page, or those the person is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import msgspec

from bridged.cards.base import Key, PinObject
from bridged.config import PinWay
from bridged.errors import (
    PinBlocked,
    PinIncorrect,
    PinLastTry,
    PinUnblockUnsupported,
    SiteNotAllowed,
)
from bridged.model import Grant, PinRules
from bridged.pin.entry import from_page
from bridged.pin.prompt import Prompts
from bridged.pin.wording import (
    Subject,
    new_pin_question,
    new_puk_question,
    old_pin_question,
    old_puk_question,
    puk_question,
    verify_question,
)
from bridged.protocol import messages as m
from bridged.secret import Pin
from bridged.service.asking import Ask, Asking, Interview
from bridged.service.calls import Call
from bridged.service.card import InsertedCard
from bridged.service.keys import change, change_puk, unblock, verify
from bridged.service.leases import Held, Leases


class Pins:
    """What the hub does about PINs. What a page did not bring is asked for."""

    def __init__(self, prompts: Prompts, asking: Asking, leases: Leases) -> None:
        self._prompts = prompts
        self._asking = asking
        self._leases = leases

    async def verify(
        self, call: Call, card: InsertedCard, key: Key, shape: PinObject, params: m.PinVerifyParams
    ) -> Held:
        """Take a lease."""
        given = None if shape.protected else self._from_page(call, params.pin, shape.rules)
        pin: Pin | None
        if given is None:
            self._leases.find(card, call.peer)
            self._asking.require_open(call, card, shape)
        self._leases.reserve(card, call.peer)
        try:
            if given is None:
                pin, epoch = await self._asking.verified(
                    call, card, key, shape, lambda s: verify_question(s, params.lease_seconds)
                )
            else:
                pin = given
                epoch = await verify(card, key, pin, accept_last_try=params.accept_last_try)
        except BaseException:
            if given is not None:
                given.wipe()
            self._leases.cancel(card)
            card.pin_tried()
            raise
        return self._asking.lease(
            call, card, key, pin, epoch, seconds=params.lease_seconds, asked=given is None
        )

    async def change(
        self, call: Call, card: InsertedCard, key: Key, shape: PinObject, params: m.PinChangeParams
    ) -> None:
        """Change a PIN."""
        with ExitStack() as stack:
            old = self._kept(stack, call, params.pin, shape.rules)
            new = self._kept(stack, call, params.new_pin, shape.rules)
            if old is None or new is None:
                self._require_open(call, card)
            stack.enter_context(self._reserved(card, call))
            if old is not None and new is not None:
                await change(card, key, old, new, accept_last_try=params.accept_last_try)
                return

            async def asked() -> None:
                async with self._asking.interview(call, card, key, shape) as interview:
                    await _changed(
                        interview,
                        partial(change, card, key),
                        (old, old_pin_question),
                        (new, new_pin_question),
                    )

            await card.while_here(asked())

    async def unblock(
        self, call: Call, card: InsertedCard, key: Key, shape: PinObject, params: m.PinUnblockParams
    ) -> None:
        """Give a blocked PIN a new value; raises `PinUnblockUnsupported` where there is no PUK."""
        rules = shape.puk
        if rules is None:
            raise PinUnblockUnsupported
        with ExitStack() as stack:
            puk = self._kept(stack, call, params.puk, rules)
            new = self._kept(stack, call, params.new_pin, shape.rules)
            if puk is None or new is None:
                self._require_open(call, card)
            stack.enter_context(self._reserved(card, call))
            if puk is not None and new is not None:
                await unblock(card, key, puk, new)
                return

            async def asked() -> None:
                async with self._asking.interview(call, card, key, shape, blocked=True) as asking:
                    await _unblocked(asking, card, key, puk, new, rules=rules)

            await card.while_here(asked())

    async def change_puk(
        self, call: Call, card: InsertedCard, key: Key, shape: PinObject, params: m.PukChangeParams
    ) -> None:
        """Change the PUK; raises `PinUnblockUnsupported` where there is none."""
        rules = shape.puk
        if rules is None:
            raise PinUnblockUnsupported
        with ExitStack() as stack:
            old = self._kept(stack, call, params.puk, rules)
            new = self._kept(stack, call, params.new_puk, rules)
            if old is None or new is None:
                self._require_open(call, card)
            stack.enter_context(self._reserved(card, call))
            if old is not None and new is not None:
                await change_puk(card, key, old, new, accept_last_try=params.accept_last_try)
                return

            async def asked() -> None:
                async with self._asking.interview(call, card, key, shape, blocked=True) as asking:
                    asking.subject = await _puk_of(asking.subject, card, key, rules)
                    await _changed(
                        asking,
                        partial(change_puk, card, key),
                        (old, old_puk_question),
                        (new, new_puk_question),
                    )

            await card.while_here(asked())

    def _require_open(self, call: Call, card: InsertedCard) -> None:
        self._leases.find(card, call.peer)
        self._asking.require_open(call)

    def _from_page(self, call: Call, given: str | None, rules: PinRules) -> Pin | None:
        if given is None:
            return None
        call.brought = True
        if PinWay.PAGE not in self._prompts.order:
            raise SiteNotAllowed(origin=call.site.origin or "program", grant=Grant.PAGE_PIN)
        return from_page(call.site, given, rules)

    def _kept(self, stack: ExitStack, call: Call, given: str | None, rules: PinRules) -> Pin | None:
        pin = self._from_page(call, given, rules)
        return None if pin is None else stack.enter_context(pin)

    @contextmanager
    def _reserved(self, card: InsertedCard, call: Call) -> Iterator[None]:
        """Keep other connections from the card for a moment; ends the caller's own lease."""
        self._leases.reserve(card, call.peer)
        try:
            yield
        finally:
            self._leases.cancel(card)


async def _changed(
    asking: Interview,
    change: Callable[..., Awaitable[None]],
    old: tuple[Pin | None, Ask],
    new: tuple[Pin | None, Ask],
) -> None:
    """Ask for what is missing until the card takes it; what the page gave is tried once."""
    (given, ask_old), (given_new, ask_new) = old, new
    fault = ""
    while True:
        agreed = await asking.agreed()
        with ExitStack() as stack:
            present = given or stack.enter_context(await asking.secret(ask_old, fault=fault))
            wished = given_new or stack.enter_context(await asking.secret(ask_new))
            try:
                return await change(present, wished, accept_last_try=agreed)
            except (PinIncorrect, PinLastTry) as error:
                if given is not None:
                    raise
                fault = asking.failed(error)


async def _unblocked(
    asking: Interview,
    card: InsertedCard,
    key: Key,
    puk: Pin | None,
    new: Pin | None,
    *,
    rules: PinRules,
) -> None:
    """Ask for what is missing until the card takes it; a PUK of the page is tried once.

    No card tells how many tries the PUK has before a wrong one: after the first, the guard holds.
    """
    pin_subject = asking.subject
    asking.subject = await _puk_of(pin_subject, card, key, rules)
    fault = ""
    while True:
        await asking.agreed()
        with ExitStack() as stack:
            present = puk or stack.enter_context(await asking.secret(puk_question, fault=fault))
            wished = new or stack.enter_context(
                await asking.secret(lambda _: new_pin_question(pin_subject))
            )
            try:
                return await unblock(card, key, present, wished)
            except PinIncorrect as error:
                if puk is not None:
                    raise
                fault = asking.failed(error)


async def _puk_of(subject: Subject, card: InsertedCard, key: Key, rules: PinRules) -> Subject:
    """Return the PUK as a subject, with the tries left if known; raises `PinBlocked`."""
    left = await card.run(lambda driver: driver.puk_tries_left(key))
    if left == 0:
        raise PinBlocked
    status = msgspec.structs.replace(subject.status, tries_left=left)
    return replace(subject, label="PUK", rules=rules, status=status)
