"""What a site may do: asked for, remembered, taken back, and told to its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from blockbuster import BlockBuster

from bridged.config import PinWay
from bridged.errors import ConsentDenied, ConsentUnavailable, SiteNotAllowed, UserTimeout
from bridged.model import Grant, Usage
from bridged.pin.prompt import Asker, Dialog, Prompts
from bridged.pin.question import Answer, Language, Question
from bridged.pin.wording import sites_question
from bridged.protocol import messages as m
from bridged.secret import Pin
from bridged.service.hub import Hub
from bridged.sites.managed import ManagedPolicy, Pattern
from bridged.sites.policy import SitePolicy
from bridged.sites.store import How
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus

from .conftest import Page

SITE = "https://portal.example"
BOTH = (Grant.CERTIFICATES, Grant.SIGN)


@dataclass
class Person:
    """Answers a dialog as told, once it is let."""

    name: ClassVar[PinWay] = PinWay.PINENTRY
    url: str | None = None

    answers: list[Answer | Exception] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    closed: int = 0
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def is_open(self, asker: Asker) -> bool:
        return True

    async def start(self, asker: Asker) -> Dialog:
        return self

    async def pin(self, question: Question) -> Pin:
        self.asked.append(question)
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        self.closed += 1

    async def confirm(self, question: Question) -> Answer:
        self.asked.append(question)
        self.seen.set()
        await self.may_answer.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def person() -> Person:
    person = Person()
    person.may_answer.set()
    return person


@pytest.fixture
def policy() -> SitePolicy:
    return SitePolicy({})


@pytest.fixture
async def hub(
    bus: InProcessBus, no_blocking: BlockBuster, policy: SitePolicy, person: Person
) -> AsyncIterator[Hub]:
    hub = Hub(bus, Prompts([person]), policy)
    await hub.start()
    yield hub
    await hub.stop()


@pytest.fixture
def stranger(hub: Hub) -> Page:
    return meet(hub, SITE)


def meet(hub: Hub, origin: str) -> Page:
    site = hub.policy.site(origin)
    assert site is not None
    page = Page(hub, origin, site.grants)
    hub.join(page)
    return page


async def test_a_stranger_may_ask_and_nothing_else(stranger: Page) -> None:
    for method, params in (
        ("reader.list", {}),
        ("certificate.list", {}),
        ("pin.status", {"key": "k"}),
    ):
        assert isinstance(await stranger.fails(method, **params), SiteNotAllowed)
    for method in ("bridge.info", "site.status", "rpc.discover"):
        await stranger.call(method)
    await stranger.call("request.cancel", id=7)


async def test_a_stranger_is_told_of_no_card(
    stranger: Page, hub: Hub, bus: InProcessBus, ebid: VirtualCard
) -> None:
    watcher = Page(hub, "https://other.example", frozenset(Grant))
    hub.join(watcher)
    bus.insert(0, ebid)
    await watcher.event("card.inserted")
    assert stranger.events.empty()


async def test_the_status_of_a_stranger(stranger: Page) -> None:
    assert await stranger.call("site.status") == m.SiteStatus(held=(), missing=BOTH, can_ask=True)


async def test_a_yes_is_remembered_and_told_to_every_page_of_the_site(
    stranger: Page, hub: Hub, person: Person
) -> None:
    second, other = meet(hub, SITE), meet(hub, "https://other.example")
    person.answers = [Answer.YES]
    assert await stranger.call("site.request", grants=BOTH) == m.SiteStatus(
        held=BOTH, missing=(), can_ask=True
    )
    assert person.asked == [sites_question(Language.JA, SITE, BOTH, stranger=True)]
    for page in (stranger, second):
        assert await page.event("site.granted") == m.SiteEvent(held=BOTH)
        await page.call("reader.list")
    assert other.events.empty()
    remembered = hub.policy.store.sites[SITE]
    assert (remembered.grants, remembered.how) == (BOTH, How.PROMPT)


async def test_nobody_is_asked_for_what_is_granted(stranger: Page, person: Person) -> None:
    person.answers = [Answer.YES]
    await stranger.call("site.request", grants=BOTH)
    await stranger.call("site.request", grants=(Grant.SIGN,))
    assert len(person.asked) == 1


async def test_a_pin_in_the_page_is_a_question_of_its_own(stranger: Page, person: Person) -> None:
    person.answers = [Answer.YES, Answer.NO]
    error = await stranger.fails("site.request", grants=tuple(Grant))
    assert isinstance(error, ConsentDenied)
    # A site that has something cannot lose it by a slip of the hand.
    assert person.asked == [
        sites_question(Language.JA, SITE, BOTH, stranger=True),
        sites_question(Language.JA, SITE, [Grant.PAGE_PIN]),
    ]
    status = await stranger.call("site.status", grants=tuple(Grant))
    assert status == m.SiteStatus(held=BOTH, missing=(Grant.PAGE_PIN,), can_ask=False)


async def test_a_no_keeps_the_page_from_asking_again(stranger: Page, person: Person) -> None:
    person.answers = [Answer.NO]
    for _ in range(3):
        assert isinstance(await stranger.fails("site.request", grants=BOTH), ConsentDenied)
    assert len(person.asked) == 1
    assert stranger.site.grants == frozenset()


async def test_a_stranger_can_be_refused_for_good_and_that_taken_back(
    stranger: Page, hub: Hub, person: Person
) -> None:
    person.answers = [Answer.NEVER]
    for _ in range(2):
        assert isinstance(await stranger.fails("site.request", grants=BOTH), ConsentDenied)
    assert len(person.asked) == 1
    # Listed as denied, by the dialog; the site does not come in again until that is taken back.
    (decision,) = hub.policy.decisions()
    assert (decision.origin, decision.denied) == (SITE, True)
    assert decision.remembered is not None
    assert decision.remembered.how is How.PROMPT
    assert hub.policy.site(SITE) is None
    assert hub.policy.forget(SITE)
    person.answers = [Answer.YES]
    await meet(hub, SITE).call("site.request", grants=BOTH)


async def test_no_answer_is_no_denial(stranger: Page, person: Person) -> None:
    person.answers = [UserTimeout(), Answer.YES]
    assert isinstance(await stranger.fails("site.request", grants=BOTH), UserTimeout)
    await stranger.call("site.request", grants=BOTH)


async def test_two_pages_of_a_site_are_one_question(
    stranger: Page, hub: Hub, person: Person
) -> None:
    second = meet(hub, SITE)
    person.answers = [Answer.YES]
    person.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        both = [
            tasks.create_task(page.call("site.request", grants=BOTH)) for page in (stranger, second)
        ]
        await person.seen.wait()
        person.may_answer.set()
    assert [task.result() for task in both] == [
        m.SiteStatus(held=BOTH, missing=(), can_ask=True)
    ] * 2
    assert len(person.asked) == 1


async def test_a_page_that_leaves_takes_its_question_along(
    stranger: Page, hub: Hub, person: Person
) -> None:
    person.may_answer.clear()
    asking = asyncio.create_task(stranger.call("site.request", grants=BOTH))
    await person.seen.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert person.closed == 1
    assert hub.policy.store.sites == {}
    person.answers, person.may_answer = [Answer.YES], asyncio.Event()
    person.may_answer.set()
    await meet(hub, SITE).call("site.request", grants=BOTH)


async def test_where_nobody_can_be_asked_the_command_is_told(bus: InProcessBus) -> None:
    hub = Hub(bus, Prompts())
    page = meet(hub, SITE)
    error = await page.fails("site.request", grants=BOTH)
    assert isinstance(error, ConsentUnavailable)
    for message in error.messages().values():
        assert f"bridged sites allow {SITE}" in message
    status = await page.call("site.status")
    assert isinstance(status, m.SiteStatus)
    assert not status.can_ask


async def test_the_administrator_is_not_overruled_by_a_question(
    bus: InProcessBus, person: Person
) -> None:
    managed = ManagedPolicy(allow=((Pattern.parse(SITE), frozenset({Grant.CERTIFICATES})),))
    hub = Hub(bus, Prompts([person]), SitePolicy({}, managed=managed))
    error = await meet(hub, SITE).fails("site.request", grants=BOTH)
    assert isinstance(error, SiteNotAllowed)
    assert error.grant is Grant.SIGN
    assert person.asked == []


async def test_a_program_holds_everything_and_asks_nobody(hub: Hub, person: Person) -> None:
    program = Page(hub, None, frozenset(Grant))
    status = await program.call("site.request", grants=tuple(Grant))
    assert isinstance(status, m.SiteStatus)
    assert status.missing == ()
    assert person.asked == []


async def test_a_revoked_site_is_told_closed_and_loses_its_lease(
    hub: Hub, bus: InProcessBus, ebid: VirtualCard
) -> None:
    hub.policy.grant(SITE, Grant, How.COMMAND)
    page, other = meet(hub, SITE), meet(hub, "https://other.example")
    bus.insert(0, ebid)
    await page.event("card.inserted")
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    await page.call("pin.verify", key=key, pin="123456")
    assert ebid.pins["pin"].verified
    hub.policy.forget(SITE)
    hub.sites_changed()
    assert await page.event("site.revoked") == m.SiteEvent(held=())
    assert page.turned_away
    assert not other.turned_away
    assert isinstance(await page.fails("reader.list"), SiteNotAllowed)
    hub.policy.grant(SITE, Grant, How.COMMAND)
    back = meet(hub, SITE)
    await back.call("pin.status", key=key)
    assert not ebid.pins["pin"].verified


async def test_a_revoked_site_is_asked_for_no_more_even_if_it_does_not_read(
    hub: Hub, bus: InProcessBus, ebid: VirtualCard, person: Person
) -> None:
    hub.policy.grant(SITE, BOTH, How.COMMAND)
    page = meet(hub, SITE)
    bus.insert(0, ebid)
    await page.event("card.inserted")
    key = (await page.certificate(Usage.AUTHENTICATION)).id
    asking = asyncio.create_task(page.call("pin.verify", key=key))
    await page.event("pin.prompting")
    hub.policy.forget(SITE)
    hub.sites_changed()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await asking
    assert person.closed == 1


async def test_a_site_that_loses_one_grant_is_told_what_is_left(hub: Hub) -> None:
    hub.policy.grant(SITE, BOTH, How.COMMAND)
    page = meet(hub, SITE)
    hub.policy.forget(SITE)
    hub.policy.grant(SITE, [Grant.CERTIFICATES], How.COMMAND)
    hub.sites_changed()
    assert await page.event("site.revoked") == m.SiteEvent(held=(Grant.CERTIFICATES,))
    assert page.turned_away


async def test_a_change_elsewhere_is_told_to_nobody(hub: Hub) -> None:
    page, program = meet(hub, SITE), Page(hub, None, frozenset(Grant))
    hub.join(program)
    hub.policy.grant("https://other.example", BOTH, How.COMMAND)
    hub.sites_changed()
    assert page.events.empty()
    assert program.events.empty()
