"""An inserted card, awaited: jobs go to its reader's thread, removal fails them at once.

A card belongs to the first driver of ours that knows it, else to a PKCS#11 module, whose jobs run
on the same thread and apart from our transactions.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from bridged.cards import registry
from bridged.cards.base import CardDriver, Driver
from bridged.cards.key import Key, Keypad, PinObject
from bridged.cards.pkcs11.driver import Pkcs11Driver
from bridged.cards.pkcs11.module import Module
from bridged.errors import (
    Cancelled,
    CardFault,
    CardInUse,
    CardMute,
    CardRemoved,
    CardUnsupported,
    CertificateNotFound,
)
from bridged.model import Card, PinStatus, Usage
from bridged.pcsc.apdu import Command, Response
from bridged.pcsc.channel import Channel
from bridged.pcsc.pinpad import ENTRY_S
from bridged.pcsc.worker import Apart, Worker
from bridged.secret import Pin

T = TypeVar("T")

Chains = dict[str, tuple[bytes, ...]]
"""The certificates above those of keys, by the keys' references."""

PERSON_TIMEOUT_S = 2.0 * ENTRY_S
"""How much longer a job may take for each entry of a person at the reader (seconds)."""

CARD_TIMEOUT_S = 30.0
"""The longest one job may wait and run; another program's transaction has no time-out of its own."""


MODULE_TIMEOUT_S = 100.0
"""The same for a job of a module, which times its own calls, and may have a person type a PIN."""

Modules = Callable[[], Sequence[Module]]
"""The modules to ask, looked for when a card needs them."""


def no_modules() -> Sequence[Module]:
    """Return none: cards of our own drivers alone."""
    return ()


class InsertedCard:
    """A card from its insertion to its removal; `id` is never used again."""

    def __init__(
        self,
        reader: str,
        worker: Worker,
        generation: int,
        on_lost: Callable[[], None],
        modules: Modules,
    ) -> None:
        self.id = secrets.token_urlsafe(9)
        self.reader = reader
        self.worker = worker
        self.driver: Driver | None = None
        self._generation = generation
        self._on_lost = on_lost
        self._modules = modules
        self._keys: dict[Usage | None, list[Key]] = {}
        self._usages: dict[str, Usage] = {}
        self._chains: Chains = {}
        self._pins: dict[PinObject | None, PinStatus] = {}
        self._pin_tries = 0
        self._removed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def keypad(self) -> Keypad:
        """The keypad of the reader; one without any key where it has none."""
        return self.worker.channel.keypad or _NoKeypad()

    def describe(self) -> Card | None:
        """Return what is known of the card without talking to it."""
        if self.driver is None:
            return None
        return Card(id=self.id, type=self.driver.card_type, label=self.driver.label)

    def removed(self) -> None:
        """Fail everything that waits for the card, and whatever comes."""
        if not self._removed.done():
            self._removed.set_result(None)
            if isinstance(self.driver, Pkcs11Driver):
                self.driver.abort()
            self.worker.disconnect(reset=True)

    async def run(
        self,
        job: Callable[[Driver], T],
        *,
        late: Callable[[T], None] | None = None,
        entries: int = 0,
        pins: Sequence[Pin] = (),
    ) -> T:
        """Run a job on the reader's thread, after finding the card's driver where needed.

        Raises `CardRemoved` as soon as the card is gone, what the job raises, and when the time is
        over `CardMute` (the card does not answer us) or `CardInUse`. A job that has not begun when
        its caller goes never begins. A command that is under way is always finished: with `late` a
        cancellation waits for its job, and `late` is told what it returned. Each of the `entries` that
        a person makes at the reader gives it more time. The `pins` are the job's own: they are wiped
        as soon as it is over, or can begin no more.
        """
        if self._removed.done():
            _wipe(pins)
            raise CardRemoved
        abandoned = threading.Event()
        submitted = self._submit(job, abandoned)
        submitted.add_done_callback(lambda _: _wipe(pins))
        future = asyncio.wrap_future(submitted)
        try:
            return await self._result(future, entries * PERSON_TIMEOUT_S)
        except CardRemoved:
            # The reader may not have noticed, and another card may be in it: this one is over.
            self.removed()
            self._on_lost()
            raise
        except asyncio.CancelledError:
            abandoned.set()
            if late is not None:
                with contextlib.suppress(Exception):
                    late(await self._result(future))
            raise
        finally:
            abandoned.set()
            if not future.cancel():
                future.exception()

    def _submit(self, job: Callable[[Driver], T], abandoned: threading.Event) -> Future[T]:
        def on_card(channel: Channel) -> T:
            if abandoned.is_set():
                raise Cancelled
            if channel.generation != self._generation:
                # The card was changed, and its events are still on their way.
                raise CardRemoved
            if self.driver is None:
                try:
                    self.driver = registry.detect(channel)
                except CardUnsupported:
                    raise Apart(self._generation, by_module) from None
            if not isinstance(self.driver, CardDriver):
                raise Apart(self._generation, by_module)
            return job(self.driver)

        def by_module() -> T:
            if abandoned.is_set():
                raise Cancelled
            if self.driver is None:
                self.driver = registry.find_by_module(self._modules(), self.worker.reader)
            if isinstance(self.driver, Pkcs11Driver):
                self.worker.companion = self.driver
            return job(self.driver)

        if isinstance(self.driver, Pkcs11Driver):
            return self.worker.submit_apart(self._generation, by_module)
        return self.worker.submit(on_card)

    async def _result(self, future: asyncio.Future[T], longer_s: float = 0.0) -> T:
        await asyncio.wait(
            (future, self._removed),
            timeout=longer_s
            + (MODULE_TIMEOUT_S if isinstance(self.driver, Pkcs11Driver) else CARD_TIMEOUT_S),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if self._removed.done():
            raise CardRemoved
        if not future.done():
            raise CardMute if self.worker.in_transaction else CardInUse
        return future.result()

    async def while_here(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something that waits for a person; ends it and raises `CardRemoved` with the card."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, self._removed), return_when=asyncio.FIRST_COMPLETED)
            if self._removed.done():
                raise CardRemoved
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))
            if not task.cancelled():
                # What failed after the card was gone is of no interest.
                task.exception()

    async def keys(self, usage: Usage | None = None) -> list[Key]:
        """Return the keys of a usage, or all; asks the card only for what was never seen.

        Their chains, and the state of their PINs, are asked for in the same transaction: `chain` and
        `known_pin_status` have them. That of a private certificate is left until it is wanted.
        """
        if usage in self._keys:
            return self._keys[usage]
        before, known = self._pin_tries, set(self._pins)

        def look(driver: Driver) -> tuple[list[Key], Chains, dict[PinObject | None, PinStatus]]:
            keys = driver.keys(usage)
            chains = {key.ref: driver.chain(key) for key in keys if not key.certificate_private}
            unknown = {key.pin: key for key in keys if key.pin is not None and key.pin not in known}
            return keys, chains, {pin: driver.pin_status(key) for pin, key in unknown.items()}

        keys, chains, statuses = await self.run(look)
        self._chains.update(chains)
        self._usages.update({key.ref: key.usage for key in keys})
        if before == self._pin_tries:
            self._keys[usage] = keys
            self._pins.update(statuses)
        return keys

    async def chain(self, key: Key) -> tuple[bytes, ...]:
        """Return the certificates above a key's; asks the card only if never seen."""
        if key.ref not in self._chains:
            self._chains[key.ref] = await self.run(lambda driver: driver.chain(key))
        return self._chains[key.ref]

    def known(self) -> list[tuple[Key, PinStatus | None]] | None:
        """Return the keys and their PINs as last seen, asking nothing; None: not read yet."""
        keys = {key.ref: key for keys in self._keys.values() for key in keys}
        if not keys and None not in self._keys:
            return None
        return [(key, self._pins.get(key.pin)) for key in keys.values()]

    async def key(self, ref: str) -> Key:
        """Return a key by its reference; raises `CertificateNotFound`."""
        seen = [key for keys in self._keys.values() for key in keys]
        found = _by_ref(seen, ref)
        if found is None and ref in self._usages:
            found = _by_ref(await self.keys(self._usages[ref]), ref)
        if found is None:
            found = _by_ref(await self.keys(), ref)
        if found is None:
            raise CertificateNotFound
        return found

    async def pin_status(self, key: Key) -> PinStatus:
        """Return the state of the key's PIN, from the card."""
        before = self._pin_tries
        status = await self.run(lambda driver: driver.pin_status(key))
        if before == self._pin_tries:
            self._pins[key.pin] = status
        return status

    async def known_pin_status(self, key: Key) -> PinStatus:
        """Return the state of the key's PIN as last seen; asks the card only if never seen."""
        return self._pins.get(key.pin) or await self.pin_status(key)

    def pin_tried(self) -> None:
        """Ask the card again next time: a PIN was tried, or its verification ended."""
        self._pin_tries += 1
        self._pins.clear()
        for usage, keys in list(self._keys.items()):
            if any(key.certificate_private for key in keys):
                del self._keys[usage]

    def pin_verified(self, key: Key) -> None:
        """Know without asking that the PIN of a key is verified."""
        self.pin_tried()
        if key.pin is not None:
            self._pins[key.pin] = key.pin.status(tries_left=None, verified=True)


class _NoKeypad:
    def verify(self, command: Command, pin: PinObject) -> Response:
        """Fail: nobody is sent here."""
        raise CardFault(sw="")

    def modify(self, command: Command, pin: PinObject, *, old: bool) -> Response:
        """Fail as well."""
        raise CardFault(sw="")


def _wipe(pins: Sequence[Pin]) -> None:
    for pin in pins:
        pin.wipe()


def _by_ref(keys: list[Key], ref: str) -> Key | None:
    return next((key for key in keys if key.ref == ref), None)
