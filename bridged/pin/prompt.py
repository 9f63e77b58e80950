"""Asking the person: one prompt at a time, bounded for each site, by the first way that is open."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Protocol, TypeVar

from bridged.config import PinWay
from bridged.errors import PinFormat, RateLimited, UserTimeout
from bridged.pin.entry import check_rules
from bridged.pin.faults import rules_fault
from bridged.pin.question import Answer, Language, Question
from bridged.secret import Pin

ANSWER_S = 120.0
"""How long a person has for one answer, and a request waits for its turn (seconds)."""
MAX_WAITING = 3
"""Prompts of one site that may wait for their turn."""
PERIOD_S, PER_SITE, PER_PERIOD = 60.0, 10, 30
"""Prompts in a period (seconds): of one site, and of all together."""

log = logging.getLogger(__name__)

T = TypeVar("T")


class WayClosed(Exception):
    """The way cannot ask here after all, and nobody saw the question: try the next one."""


class NobodyToAsk(Exception):
    """No way to ask a person is open here."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where the person is asked: the way, and the address where it is a window to be opened."""

    way: PinWay
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom the person is asked: an origin, or None for a program of this computer.

    `told` hears where the prompt is, and None when it is over. It never waits.
    """

    origin: str | None
    told: Callable[[Where | None], None]


class Dialog(Protocol):
    """A way that is asking; it may ask several questions, one after the other.

    `confirm` and `pin` raise `UserCancelled`, `UserTimeout`, or `WayClosed` where nobody saw the
    question. A dialog that crashed raises anything else: that is no answer of the person.
    """

    url: str | None

    async def confirm(self, question: Question) -> Answer:
        """Return what the person said; closing the dialog is a no."""

    async def pin(self, question: Question) -> Pin:
        """Return what the person typed, as it was typed."""

    async def close(self) -> None:
        """Take the dialog away, whatever it is doing. Never raises."""


class Way(Protocol):
    """One kind of dialog."""

    name: ClassVar[PinWay]

    def is_open(self, asker: Asker) -> bool:
        """Whether this way could ask here; never blocks."""

    async def start(self, asker: Asker) -> Dialog:
        """Begin a dialog; raises `WayClosed`."""


class Turn:
    """The right to ask now. Falls through to the next way while nobody has seen a question."""

    def __init__(self, ways: Sequence[Way], asker: Asker) -> None:
        self._ways = list(ways)
        self._asker = asker
        self._dialog: Dialog | None = None
        self._way: PinWay | None = None
        """The way that was tried last."""

    async def confirm(self, question: Question) -> Answer:
        """Ask for a yes or no; raises `UserTimeout` and `NobodyToAsk`."""
        return await self._ask(lambda dialog: dialog.confirm(question))

    async def pin(self, question: Question) -> Pin:
        """Ask for a PIN until it keeps its rules; no card sees one that breaks them.

        Raises `UserCancelled`, `UserTimeout` and `NobodyToAsk`.
        """
        assert question.wanted is not None
        rules = question.wanted.rules
        while True:
            pin = await self._ask(partial(_ask_pin, question=question))
            pin.fold(upper=rules.alphabet == "upper-alphanumeric")
            try:
                check_rules(pin, rules)
            except PinFormat:
                question = replace(question, fault=rules_fault(question))
            else:
                return pin

    async def _ask(self, ask: Callable[[Dialog], Awaitable[T]]) -> T:
        while True:
            try:
                dialog = await self._started()
                async with asyncio.timeout(ANSWER_S):
                    return await ask(dialog)
            except WayClosed as closed:
                log.warning("%s could not ask, the next way is tried: %s", self._way, closed)
                await self.close()
            except TimeoutError:
                raise UserTimeout from None

    async def _started(self) -> Dialog:
        if self._dialog is None:
            if not self._ways:
                raise NobodyToAsk
            way = self._ways.pop(0)
            self._way = way.name
            self._dialog = await way.start(self._asker)
            self._asker.told(Where(way.name, self._dialog.url))
        return self._dialog

    async def close(self) -> None:
        """Take the dialog away."""
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            await dialog.close()


class Prompts:
    """Every prompt of the daemon; one at a time, the others wait in order.

    `order` are the ways that the settings allow, best first; two of them are no dialogs: the
    keypad of a reader, and the portal's own page.
    """

    def __init__(
        self,
        ways: Sequence[Way] = (),
        *,
        order: Sequence[PinWay] = tuple(PinWay),
        language: Language = Language.JA,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.use(ways, order, language)
        self._clock = clock
        self._lock = asyncio.Lock()
        self._waiting: Counter[str | None] = Counter()
        self._recent: deque[tuple[float, str | None]] = deque()

    def use(self, ways: Sequence[Way], order: Sequence[PinWay], language: Language) -> None:
        """Ask by these from the next prompt on; one that is under way stays as it is."""
        self.language = language
        self.order = tuple(order)
        self._ways = sorted(
            (way for way in ways if way.name in self.order),
            key=lambda way: self.order.index(way.name),
        )

    def open_ways(self, asker: Asker) -> list[PinWay]:
        """Return the dialogs that are open for who asks, best first."""
        return [way.name for way in self._ways if way.is_open(asker)]

    async def confirm(self, asker: Asker, question: Question) -> Answer:
        """Ask one yes or no.

        Raises `NobodyToAsk`, `UserTimeout`, `RateLimited`.
        """
        async with self.turn(asker) as turn:
            return await turn.confirm(question)

    def prefers_keypad(self, asker: Asker) -> bool:
        """Whether the keypad of a reader comes before every dialog that is open."""
        first = next((way for way in self.order if way in self.open_ways(asker)), None)
        if PinWay.PINPAD not in self.order:
            return False
        return first is None or self.order.index(PinWay.PINPAD) < self.order.index(first)

    @asynccontextmanager
    async def turn(self, asker: Asker, *, keypad: bool = False) -> AsyncIterator[Turn]:
        """Wait for one's turn and keep it; the dialog goes when the context does.

        With a `keypad` no dialog need be open. Raises `NobodyToAsk`, `RateLimited`, and `UserTimeout` where the turn does not come.
        """
        ways = [way for way in self._ways if way.is_open(asker)]
        if not ways and not keypad:
            raise NobodyToAsk
        self._admit(asker.origin)
        await self._wait(asker.origin)
        turn = Turn(ways, asker)
        try:
            yield turn
        finally:
            try:
                await turn.close()
            finally:
                self._lock.release()
                asker.told(None)

    async def _wait(self, origin: str | None) -> None:
        self._waiting[origin] += 1
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._lock.acquire()
        except TimeoutError:
            raise UserTimeout from None
        finally:
            self._waiting[origin] -= 1
            if not self._waiting[origin]:
                del self._waiting[origin]

    def _admit(self, origin: str | None) -> None:
        """Count a prompt; raises `RateLimited` before anybody is disturbed."""
        now = self._clock()
        while self._recent and now - self._recent[0][0] >= PERIOD_S:
            self._recent.popleft()
        own = [at for at, who in self._recent if who == origin]
        if len(own) >= PER_SITE:
            raise _limited(own[0], now)
        if len(self._recent) >= PER_PERIOD:
            raise _limited(self._recent[0][0], now)
        if self._waiting[origin] >= MAX_WAITING:
            raise RateLimited(retry_after_seconds=math.ceil(ANSWER_S))
        self._recent.append((now, origin))


async def _ask_pin(dialog: Dialog, question: Question) -> Pin:
    return await dialog.pin(question)


def _limited(first: float, now: float) -> RateLimited:
    return RateLimited(retry_after_seconds=max(1, math.ceil(first + PERIOD_S - now)))
