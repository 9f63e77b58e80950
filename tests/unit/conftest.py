"""Virtual cards whose keys are made once for all tests, and whose state is fresh for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import make_card


@pytest.fixture(scope="session")
def ca() -> DemoCa:
    return DemoCa.create()


@pytest.fixture(scope="session")
def issued(ca: DemoCa) -> dict[str, VirtualCard]:
    return {profile: make_card(profile, ca) for profile in ("ebid", "jpki")}


def _fresh(card: VirtualCard) -> VirtualCard:
    card.restore()
    card.insert()
    card.apdu_latency_s = card.signature_latency_s = 0.0
    return card


@pytest.fixture
def ebid(issued: dict[str, VirtualCard]) -> VirtualCard:
    return _fresh(issued["ebid"])


@pytest.fixture
def jpki(issued: dict[str, VirtualCard]) -> VirtualCard:
    return _fresh(issued["jpki"])


@pytest.fixture
def bus() -> InProcessBus:
    """Two empty readers."""
    return InProcessBus(readers=2)


@pytest.fixture
def no_blocking() -> Iterator[BlockBuster]:
    """Fail a test whose event loop makes a blocking call."""
    with blockbuster_ctx("bridged") as blocking:
        yield blocking
