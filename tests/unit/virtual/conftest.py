"""Cards whose keys are made once and whose state is fresh for each test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridged.pcsc.apdu import Response
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.profiles import make_card

Send = Callable[[str], Response]


def _script(card: VirtualCard) -> Send:
    def send(apdu: str) -> Response:
        return Response.decode(card.transmit(bytes.fromhex(apdu)))

    return send


@pytest.fixture(scope="session")
def ca() -> DemoCa:
    return DemoCa.create()


@pytest.fixture(scope="session")
def _issued(ca: DemoCa) -> dict[str, VirtualCard]:
    return {profile: make_card(profile, ca) for profile in ("ebid", "jpki")}


@pytest.fixture
def ebid(_issued: dict[str, VirtualCard]) -> VirtualCard:
    card = _issued["ebid"]
    card.restore()
    card.insert()
    card.apdu_latency_s = card.signature_latency_s = 0.0
    return card


@pytest.fixture
def jpki(_issued: dict[str, VirtualCard]) -> VirtualCard:
    card = _issued["jpki"]
    card.restore()
    card.insert()
    return card


@pytest.fixture
def piv_apdu(ebid: VirtualCard) -> Send:
    """Send hexadecimal to `ebid`, whose PIV application is selected."""
    send = _script(ebid)
    assert send("00A4040009A00000030800001000").ok
    return send


@pytest.fixture
def jpki_apdu(jpki: VirtualCard) -> Send:
    """Send hexadecimal to `jpki`, whose application is selected."""
    send = _script(jpki)
    assert send("00A4040C0AD392F000260100000001").ok
    return send
