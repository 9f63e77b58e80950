"""Whatever pages call, a try is used only where a person typed, and the last only after a yes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bridged.config import PinWay
from bridged.errors import BridgedError, UserCancelled
from bridged.model import Algorithm, Grant, Usage
from bridged.pin.prompt import Asker, Prompts
from bridged.pin.question import Answer, Question
from bridged.protocol.messages import METHODS
from bridged.secret import Pin
from bridged.service.hub import Hub
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN, make_card

from .conftest import Page

CA = DemoCa.create()
CARD = make_card("ebid", CA)
WRONG = st.just("000000")
PINS = st.sampled_from([EBID_PIN, "000000", "999999", "12", "", "１２３４５６"])
CALLS = st.sampled_from(
    ["pin.verify", "pin.change", "signature.create", "authentication.create", "document.sign"]
)


class Typist:
    """The person: types what the test says, once each, and counts what could have cost a try."""

    name: ClassVar[PinWay] = PinWay.PINENTRY
    url: str | None = None

    def __init__(self) -> None:
        self.plan: list[str | bool] = []
        self.wrong_typed = 0
        self.right_typed = 0
        self.agreed_to_last = 0

    def is_open(self, _: Asker) -> bool:
        return True

    async def start(self, _: Asker) -> Typist:
        return self

    async def close(self) -> None:
        pass

    async def confirm(self, question: Question) -> Answer:
        answer = self.plan.pop(0) if self.plan else False
        agreed = answer is True
        if agreed and "最後" in question.heading:
            self.agreed_to_last += 1
        return Answer.YES if agreed else Answer.NO

    async def pin(self, question: Question) -> Pin:
        answer = self.plan.pop(0) if self.plan else None
        if not isinstance(answer, str):
            raise UserCancelled
        pin = Pin(answer)
        pin.fold(upper=False)
        if len(pin) >= 6:
            if pin.reveal() == EBID_PIN.encode():
                self.right_typed += 1
            else:
                self.wrong_typed += 1
        pin.wipe()
        return Pin(answer)


class Pages(RuleBasedStateMachine):
    """Two pages without `page-pin`, one card, one person."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.card: VirtualCard = CARD
        self.card.restore()
        self.person = Typist()
        self.loop.run_until_complete(self._set_up())

    async def _set_up(self) -> None:
        self.bus = InProcessBus(readers=1)
        self.bus.insert(0, self.card)
        now = iter(range(0, 10**9, 1000))
        self.hub = Hub(self.bus, Prompts([self.person], clock=lambda: float(next(now))))
        await self.hub.start()
        grants = frozenset({Grant.CERTIFICATES, Grant.SIGN})
        self.pages = [Page(self.hub, f"https://{name}.example", grants) for name in "ab"]
        for page in self.pages:
            self.hub.join(page)
        self.keys = {usage: (await self.pages[0].certificate(usage)).id for usage in Usage}

    def teardown(self) -> None:
        self.loop.run_until_complete(self.hub.stop())
        self.bus.remove(0)
        self.loop.close()

    def _params(self, method: str, usage: Usage, **more: object) -> dict[str, object]:
        key = self.keys[usage]
        match method:
            case "signature.create":
                digests = (b"\1" * 32,) * 2
                return {"certificate": key, "algorithm": Algorithm.RS256, "digests": digests}
            case "authentication.create":
                return {"certificate": key, "challenge": "c" * 44}
            case "document.sign":
                return {"certificate": key, "format": "cades", "content": b"hello"}
            case _:
                return {"key": key, **more}

    def _call(self, page: int, method: str, params: dict[str, object]) -> None:
        async def call() -> None:
            with contextlib.suppress(BridgedError):
                await self.pages[page].call(method, **params)

        self.loop.run_until_complete(asyncio.wait_for(call(), 20))
        self.person.plan.clear()

    @rule(
        page=st.integers(0, 1),
        method=CALLS,
        usage=st.sampled_from(Usage),
        accept=st.booleans(),
        pin=st.none() | PINS,
    )
    def a_page_calls_and_nobody_types(
        self, page: int, method: str, usage: Usage, *, accept: bool, pin: str | None
    ) -> None:
        before = self.card.pins["pin"].tries_left
        more: dict[str, object] = {"accept_last_try": accept, "pin": pin}
        self._call(page, method, self._params(method, usage, **more))
        assert self.card.pins["pin"].tries_left == before

    @rule(
        page=st.integers(0, 1),
        method=CALLS,
        usage=st.sampled_from(Usage),
        typed=st.lists(WRONG | PINS | st.booleans(), max_size=5),
    )
    def a_page_calls_and_the_person_answers(
        self, page: int, method: str, usage: Usage, typed: list[str | bool]
    ) -> None:
        if method == "pin.change":
            # A new PIN would be another game.
            method = "pin.verify"
        before, wrong, agreed = (
            self.card.pins["pin"].tries_left,
            self.person.wrong_typed,
            self.person.agreed_to_last,
        )
        right = self.person.right_typed
        self.person.plan = list(typed)
        self._call(page, method, self._params(method, usage))
        after = self.card.pins["pin"].tries_left
        wrong = self.person.wrong_typed - wrong
        if self.person.right_typed == right:
            assert before - after == wrong
        if after == 0 and before > 0:
            assert self.person.agreed_to_last > agreed

    @rule(page=st.integers(0, 1), wrong=st.integers(1, 4))
    def the_person_is_wrong_again_and_again(self, page: int, wrong: int) -> None:
        before = self.card.pins["pin"].tries_left
        self.person.plan = ["000000"] * wrong
        self._call(page, "pin.verify", {"key": self.keys[Usage.SIGNATURE]})
        # The last one would need a yes, and a PIN is none.
        assert self.card.pins["pin"].tries_left == max(min(before, 1), before - wrong)

    @rule(page=st.integers(0, 1), method=st.sampled_from(sorted(METHODS)))
    @precondition(lambda self: self.card.pins["pin"].tries_left > 0)
    def a_page_asks_what_is_not_there(self, page: int, method: str) -> None:
        if method in {"pin.verify", "pin.change", "pin.unblock", "pin.status"}:
            before = self.card.pins["pin"].tries_left
            self._call(page, method, {"key": "nowhere.9a"})
            assert self.card.pins["pin"].tries_left == before

    @invariant()
    def the_puk_is_untouched(self) -> None:
        assert self.card.pins["puk"].tries_left == 3


Pages.TestCase.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
TestNoSequenceOfCallsBurnsATry = Pages.TestCase
