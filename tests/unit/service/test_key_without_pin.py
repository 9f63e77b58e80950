"""PIV's 9E signs without a PIN: no lease, no status, and one transaction of the card's own."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.cards import registry
from bridged.cards.key import Key
from bridged.cards.piv import PivDriver
from bridged.errors import (
    BridgedError,
    CardFault,
    ConfirmationUnavailable,
    InvalidParams,
    KeyUsageForbidden,
    UserCancelled,
)
from bridged.model import Algorithm, AuthenticationToken, Grant, Usage
from bridged.pcsc.apdu import SW, Command, Response
from bridged.pin.prompt import Prompts
from bridged.service.hub import Hub
from bridged.signing import webeid
from bridged.virtual import certificates, piv
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.reference_data import ReferenceData

from ..pin.conftest import NO, YES, Person
from .conftest import CHALLENGE, SAFE, Page

ORIGIN = "https://portal.example"


class Refusing(piv.PivApplet):
    """A card whose issuer wants a PIN for 9E all the same."""

    def process(self, command: Command) -> Response:
        if command.ins == 0x87:
            return Response(b"", SW.SECURITY_STATUS)
        return super().process(command)


def card(ca: DemoCa, kind: type[piv.PivApplet] = piv.PivApplet) -> VirtualCard:
    issued = certificates.ebid_authentication(
        ca, ca.key.public_key(), certificates.Cardholder(), certificates.valid_for(9)
    )
    key = piv.PivKey(piv.CARD_AUTHENTICATION, ca.key, issued.public_bytes(Encoding.DER))
    pin, puk = ReferenceData(b"123456\xff\xff", 3), ReferenceData(b"12345678", 3)
    return VirtualCard([kind([key], pin, puk)], b"9e")


async def test_it_logs_in_at_once(page: Page, bus: InProcessBus, ca: DemoCa) -> None:
    bus.insert(0, card(ca))
    await page.event("card.inserted")
    key = await page.certificate(Usage.AUTHENTICATION)
    assert (key.label, key.pin) == ("Card Authentication (9E)", None)
    token = await page.call("authentication.create", certificate=key.id, challenge=CHALLENGE)
    public = x509.load_der_x509_certificate(token.unverified_certificate).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    digest = webeid.digest("https://portal.example", CHALLENGE, token.algorithm)
    public.verify(token.signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


async def test_it_signs_no_documents(page: Page, bus: InProcessBus, ca: DemoCa) -> None:
    bus.insert(0, card(ca))
    await page.event("card.inserted")
    key = await page.certificate(Usage.AUTHENTICATION)
    digests = (hashlib.sha256(b"bid").digest(),)
    error = await page.fails(
        "signature.create", certificate=key.id, algorithm=Algorithm.RS256, digests=digests
    )
    assert isinstance(error, KeyUsageForbidden)


@pytest.mark.parametrize(
    "method", ["pin.status", "pin.verify", "pin.change", "pin.unblock", "puk.change"]
)
async def test_it_has_no_pin_to_speak_of(
    page: Page, bus: InProcessBus, ca: DemoCa, method: str
) -> None:
    bus.insert(0, card(ca))
    await page.event("card.inserted")
    key = await page.certificate(Usage.AUTHENTICATION)
    error = await page.fails(method, key=key.id)
    assert isinstance(error, InvalidParams)
    assert error.path == "key"


async def test_a_card_that_wants_a_pin_for_it_is_at_fault(
    page: Page, bus: InProcessBus, ca: DemoCa
) -> None:
    bus.insert(0, card(ca, Refusing))
    await page.event("card.inserted")
    key = await page.certificate(Usage.AUTHENTICATION)
    error = await page.fails("authentication.create", certificate=key.id, challenge=CHALLENGE)
    assert isinstance(error, CardFault)
    assert error.sw == "6982"


AskHub = Callable[[Person], Awaitable[Hub]]


@pytest.fixture
async def hub_of(bus: InProcessBus) -> AsyncIterator[AskHub]:
    """Start a hub whose questions a person answers."""
    async with AsyncExitStack() as stack:

        async def start(person: Person) -> Hub:
            hub = Hub(bus, Prompts([person]))
            await hub.start()
            stack.push_async_callback(hub.stop)
            return hub

        yield start


async def present(
    hub: Hub,
    bus: InProcessBus,
    inserted: VirtualCard,
    usage: Usage,
    *,
    origin: str | None,
    **more: Any,
) -> tuple[Page, str]:
    """Insert a card under the eyes of a page; return it and the key of a usage."""
    page = Page(hub, origin, more.get("grants", SAFE))
    hub.join(page)
    bus.insert(0, inserted)
    await page.event("card.inserted")
    return page, (await page.certificate(usage)).id


@pytest.mark.parametrize(
    ("person", "error"),
    [
        (Person(YES), None),
        (Person(NO), UserCancelled),
        (Person(is_open=False), ConfirmationUnavailable),
    ],
)
async def test_a_page_logs_in_after_a_yes_alone(
    bus: InProcessBus,
    hub_of: AskHub,
    ca: DemoCa,
    person: Person,
    error: type[BridgedError] | None,
) -> None:
    hub = await hub_of(person)
    page, key = await present(hub, bus, card(ca), Usage.AUTHENTICATION, origin=ORIGIN)
    asked = {"certificate": key, "challenge": CHALLENGE}
    if error is None:
        token = await page.call("authentication.create", **asked)
        assert isinstance(token, AuthenticationToken)
        (question,) = person.asked
        assert question.wanted is None
        assert ORIGIN in [fact.text for fact in question.facts]
    else:
        failed = await page.fails("authentication.create", **asked)
        assert isinstance(failed, error)
        # Allowing the site would help nobody: it is allowed.
        assert not any("bridged sites" in text for text in failed.messages().values())


async def test_a_page_that_may_bring_pins_is_not_asked_about(
    bus: InProcessBus, hub_of: AskHub, ca: DemoCa
) -> None:
    person = Person()
    page, key = await present(
        await hub_of(person),
        bus,
        card(ca),
        Usage.AUTHENTICATION,
        origin=ORIGIN,
        grants=frozenset(Grant),
    )
    token = await page.call("authentication.create", certificate=key, challenge=CHALLENGE)
    assert isinstance(token, AuthenticationToken)
    assert person.asked == []


class Signing(PivDriver):
    """A card whose key for documents wants no PIN, as some tokens of companies have it."""

    def keys(self, usage: Usage | None = None) -> list[Key]:
        del usage
        return [replace(key, usage=Usage.SIGNATURE) for key in super().keys(None)]


@pytest.mark.parametrize(("origin", "asked"), [(None, 0), (ORIGIN, 1)])
async def test_a_program_signs_at_once_and_a_page_after_a_yes(
    bus: InProcessBus,
    hub_of: AskHub,
    ca: DemoCa,
    monkeypatch: pytest.MonkeyPatch,
    origin: str | None,
    asked: int,
) -> None:
    monkeypatch.setattr(registry, "DRIVERS", (Signing,))
    person = Person(YES)
    page, key = await present(await hub_of(person), bus, card(ca), Usage.SIGNATURE, origin=origin)
    digest = hashlib.sha256(b"bid").digest()
    made = await page.call(
        "signature.create",
        certificate=key,
        algorithm=Algorithm.RS256,
        digests=(digest,),
        title="入札書",
    )
    public = ca.key.public_key()
    public.verify(made.signatures[0], digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    assert len(person.asked) == asked
    for question in person.asked:
        assert question.wanted is None
        assert "入札書" in [fact.text for fact in question.facts]
