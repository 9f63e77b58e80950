"""Virtual cards whose keys are made once and whose state is fresh for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import settings

from bridged.pcsc.channel import Channel
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import make_card

# The same examples on every machine, however busy it is.
settings.register_profile("bridged", derandomize=True, deadline=None)
settings.load_profile("bridged")


@pytest.fixture(scope="session")
def ca() -> DemoCa:
    return DemoCa.create()


@pytest.fixture(scope="session")
def _issued_once(ca: DemoCa) -> dict[str, VirtualCard]:
    return {profile: make_card(profile, ca) for profile in ("ebid", "jpki")}


@pytest.fixture
def cards(_issued_once: dict[str, VirtualCard]) -> dict[str, VirtualCard]:
    """The demo cards by profile, as they were issued and powered."""
    for card in _issued_once.values():
        card.restore()
        card.insert()
        card.apdu_latency_s = card.signature_latency_s = 0.0
    return _issued_once


@pytest.fixture
def ebid(cards: dict[str, VirtualCard]) -> VirtualCard:
    return cards["ebid"]


@pytest.fixture
def jpki(cards: dict[str, VirtualCard]) -> VirtualCard:
    return cards["jpki"]


@pytest.fixture
def bus() -> InProcessBus:
    """Two empty readers."""
    return InProcessBus(readers=2)


@pytest.fixture(scope="session")
def pdf() -> bytes:
    """A PDF of one empty page."""
    from pyhanko.pdf_utils.generic import ArrayObject, NumberObject, StreamObject
    from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

    writer = PdfFileWriter()
    page = PageObject(
        contents=writer.add_object(StreamObject(stream_data=b"q Q")),
        media_box=ArrayObject([NumberObject(n) for n in (0, 0, 595, 842)]),
    )
    writer.insert_page(page)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.fixture
def no_blocking() -> Iterator[BlockBuster]:
    """Fail a test whose event loop makes a blocking call in the daemon's own code."""
    with blockbuster_ctx("bridged") as blocking:
        yield blocking


@pytest.fixture
def attached() -> Callable[..., Channel]:
    """Return a function that makes a channel, in its first transaction, out of a send function."""

    def attach(send: Callable[[bytes], bytes], *, extended: bool = False) -> Channel:
        channel = Channel()
        channel.attach(send, extended=extended)
        channel.transaction += 1
        return channel

    return attach


@pytest.fixture
def script(attached: Callable[..., Channel]) -> Callable[..., Channel]:
    """Return a function that makes a channel out of pairs of command and response, in hexadecimal.

    What is sent must be just what the script says, in its order, and all of it.
    """
    left: list[tuple[str, str]] = []

    def send(apdu: bytes) -> bytes:
        assert left, f"the script is over, and {apdu.hex()} was sent"
        command, response = left.pop(0)
        assert apdu.hex() == command
        return bytes.fromhex(response)

    def make(*pairs: tuple[str, str], extended: bool = False) -> Channel:
        left.extend((_hex(command), response) for command, response in pairs)
        return attached(send, extended=extended)

    yield make
    assert not left, f"never sent: {left}"


def _hex(text: str) -> str:
    return text.replace(" ", "").lower()
