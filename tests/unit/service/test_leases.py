"""A lease is of one owner, one card and one key."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from bridged.cards.key import Key
from bridged.errors import CardLeased, PinRequired
from bridged.service.card import InsertedCard
from bridged.service.leases import Held, Leases

OWNER, OTHER = "the page", "another page"
CARD = cast("InsertedCard", SimpleNamespace(id="a card"))
LOGIN, SIGNER = (cast("Key", SimpleNamespace(ref=ref, pin="PIN")) for ref in ("9a", "9c"))


@pytest.fixture
def leases() -> Leases:
    return Leases(lambda *_: None)


def granted(leases: Leases) -> Held:
    """Give the lease on the key that logs in."""
    leases.reserve(CARD, OWNER)
    return leases.grant(CARD, LOGIN, epoch=1, pin=None, seconds=None)


def test_a_lease_is_on_one_key_and_for_its_owner(leases: Leases) -> None:
    granted(leases)
    assert leases.holds(CARD, OWNER, LOGIN)
    assert not leases.holds(CARD, OWNER, SIGNER)
    assert not leases.holds(CARD, OTHER, LOGIN)
    with pytest.raises(CardLeased):
        leases.find(CARD, OTHER)


def test_no_key_signs_under_the_lease_of_another_key(leases: Leases) -> None:
    """Not even where a lease was replaced while a batch was being signed."""
    held = granted(leases)
    assert leases.under(CARD, OWNER, LOGIN) is held
    with pytest.raises(PinRequired):
        leases.under(CARD, OWNER, SIGNER)
