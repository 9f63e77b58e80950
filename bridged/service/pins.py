"""`pin.*` and `puk.change`: with PINs of the page, or those the person is asked for."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import msgspec

from bridged.cards.base import Driver
from bridged.cards.key import Key, PinObject
from bridged.config import PinWay
from bridged.errors import (
    PinBlocked,
    PinIncorrect,
    PinLastTry,
    PinUnblockUnsupported,
    SiteNotAllowed,
    WhichSecret,
    about,
)
from bridged.model import Grant, PinRules, PinStatus
from bridged.pin.entry import from_page
from bridged.pin.prompt import Prompts
from bridged.pin.subject import Subject
from bridged.pin.wording import (
    new_pin_question,
    new_puk_question,
    old_pin_question,
    old_puk_question,
    puk_question,
    unblocked_pin_question,
    verify_question,
)
from bridged.protocol import messages as m
from bridged.secret import Pin
from bridged.service.asking import Asking
from bridged.service.calls import Call
from bridged.service.card import InsertedCard
from bridged.service.certificates import Certificates
from bridged.service.interview import Ask, Interview
from bridged.service.keys import Guarded, replace, verify
from bridged.service.leases import Leases

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Secret:
    """A PIN or PUK: what a page brought of it, its shape, and how the person is asked for it."""

    given: str | None
    rules: PinRules
    ask: Ask
    which: WhichSecret = WhichSecret.PIN


@dataclass(frozen=True, slots=True)
class Change:
    """A secret that is set by the right of another, the PIN itself or the PUK."""

    how: Guarded
    old: Secret
    new: Secret


class Pins:
    """What the hub does about PINs. What a page did not bring is asked for."""

    def __init__(
        self, prompts: Prompts, asking: Asking, leases: Leases, certificates: Certificates
    ) -> None:
        self._prompts = prompts
        self._asking = asking
        self._leases = leases
        self._find = certificates.find_with_pin

    async def status(self, _: Call, params: m.KeyParams) -> PinStatus:
        """Ask the card for the state of a PIN."""
        card, key, _shape = await self._find(params.key)
        return await card.pin_status(key)

    async def verify(self, call: Call, params: m.PinVerifyParams) -> m.Lease:
        """Take a lease."""
        card, key, shape = await self._find(params.key)
        given = None if shape.protected else self._from_page(call, params.pin, shape.rules)
        with given or Pin(""):
            if given is None:
                self._leases.find(card, call.peer)
                self._asking.require_open(call, card, shape)
            self._leases.reserve(card, call.peer)
            pin = given
            try:
                if given is None:
                    pin, epoch = await self._asking.verified(
                        call, card, key, shape, lambda s: verify_question(s, params.lease_seconds)
                    )
                else:
                    epoch = await verify(card, key, given, accept_last_try=params.accept_last_try)
            except BaseException:
                self._leases.cancel(card)
                card.pin_tried()
                raise
            held = self._asking.lease(
                call, card, key, pin, epoch, seconds=params.lease_seconds, asked=given is None
            )
        return m.Lease(id=held.id, key=params.key, expires_in_seconds=params.lease_seconds)

    async def change(self, call: Call, params: m.PinChangeParams) -> m.Empty:
        """Change a PIN."""
        card, key, shape = await self._find(params.key)
        old = Secret(params.pin, shape.rules, old_pin_question)
        new = Secret(params.new_pin, shape.rules, new_pin_question)
        change = Change(Driver.change_pin_guarded, old, new)
        await self._carry_out(change, call, card, key, shape, params)
        log.info("%s changed %s", call.site.origin, shape.label)
        return m.Empty()

    async def unblock(self, call: Call, params: m.PinUnblockParams) -> m.Empty:
        """Give a blocked PIN a new value; raises `PinUnblockUnsupported` where there is no PUK."""
        card, key, shape = await self._find(params.key)
        puk = Secret(params.puk, _puk_rules(shape), puk_question, WhichSecret.PUK)
        new = Secret(params.new_pin, shape.rules, unblocked_pin_question)
        change = Change(Driver.unblock_pin_guarded, puk, new)
        await self._carry_out(change, call, card, key, shape, params)
        log.info("%s unblocked %s", call.site.origin, shape.label)
        return m.Empty()

    async def change_puk(self, call: Call, params: m.PukChangeParams) -> m.Empty:
        """Change the PUK; raises `PinUnblockUnsupported` where there is none."""
        card, key, shape = await self._find(params.key)
        rules = _puk_rules(shape)
        old = Secret(params.puk, rules, old_puk_question, WhichSecret.PUK)
        new = Secret(params.new_puk, rules, new_puk_question, WhichSecret.PUK)
        change = Change(Driver.change_puk_guarded, old, new)
        await self._carry_out(change, call, card, key, shape, params)
        log.info("%s changed the PUK of %s", call.site.origin, shape.label)
        return m.Empty()

    async def _carry_out(  # noqa: PLR0917
        self,
        change: Change,
        call: Call,
        card: InsertedCard,
        key: Key,
        shape: PinObject,
        params: m.PinChangeParams | m.PinUnblockParams | m.PukChangeParams,
    ) -> None:
        """Set a secret by another while no other connection has the card; ask for what is missing."""
        with ExitStack() as stack:
            old, new = (self._kept(stack, call, each) for each in (change.old, change.new))
            by_puk = shape.puk if change.old.which is WhichSecret.PUK else None
            typed = old is new is None and by_puk is None
            at_reader = typed and self._asking.changes_on_keypad(call, card, shape)
            if (old is None or new is None) and not at_reader:
                with about(change.old.which if old is None else change.new.which):
                    self._require_open(call, card)
            stack.enter_context(self._reserved(card, call))
            do = partial(replace, card, key, change.how)
            if old is not None and new is not None:
                await do(old, new, accept_last_try=params.accept_last_try)
                return

            async def asked() -> None:
                blocked = by_puk is not None
                async with self._asking.interview(
                    call, card, key, shape, blocked=blocked
                ) as asking:
                    if by_puk is not None:
                        asking.subject = await _puk_of(asking.subject, card, key, by_puk)
                    if at_reader:
                        await asking.changed_on_reader(change.old.ask)
                    else:
                        await _asked(asking, change, do, old, new)

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

    def _kept(self, stack: ExitStack, call: Call, secret: Secret) -> Pin | None:
        with about(secret.which):
            pin = self._from_page(call, secret.given, secret.rules)
        return None if pin is None else stack.enter_context(pin)

    @contextmanager
    def _reserved(self, card: InsertedCard, call: Call) -> Iterator[None]:
        """Keep other connections from the card for a moment; ends the caller's own lease."""
        self._leases.reserve(card, call.peer)
        try:
            yield
        finally:
            self._leases.cancel(card)


async def _asked(
    asking: Interview,
    change: Change,
    do: Callable[..., Awaitable[None]],
    old: Pin | None,
    new: Pin | None,
) -> None:
    """Ask for what is missing until the card takes it; what the page gave is tried once."""
    fault = ""
    while True:
        agreed = await asking.agreed()
        with ExitStack() as stack:
            present = old or stack.enter_context(await asking.secret(change.old.ask, fault=fault))
            wished = new or stack.enter_context(await asking.secret(change.new.ask))
            try:
                return await do(present, wished, accept_last_try=agreed)
            except (PinIncorrect, PinLastTry) as error:
                if old is not None:
                    raise
                fault = asking.failed(error)


def _puk_rules(shape: PinObject) -> PinRules:
    if shape.puk is None:
        raise PinUnblockUnsupported
    return shape.puk


async def _puk_of(subject: Subject, card: InsertedCard, key: Key, rules: PinRules) -> Subject:
    """Return the PUK of a PIN as a subject, with the tries left if known; raises `PinBlocked`."""
    left = await card.run(lambda driver: driver.puk_tries_left(key))
    if left == 0:
        raise PinBlocked(secret=WhichSecret.PUK)
    status = msgspec.structs.replace(subject.status, tries_left=left)
    return dataclasses.replace(subject, label="PUK", rules=rules, status=status, unblocks=subject)
