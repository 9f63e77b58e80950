"""Tokens of SoftHSM with keys of all kinds, and the driver over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bridged.cards.pkcs11.driver import Pkcs11Driver
from bridged.virtual import certificates
from bridged.virtual.ca import DemoCa

Issue = Callable[..., object]


@pytest.fixture
def authentication(ca: DemoCa):
    """Return a function: a certificate that logs in, for a key."""
    return lambda key: certificates.ebid_authentication(
        ca, key.public_key(), certificates.Cardholder(), certificates.valid_for(730)
    )


@pytest.fixture
def signature(ca: DemoCa):
    """Return a function: a certificate that signs and may log in, as e-bidding cards have it."""
    return lambda key: certificates.ebid_signature(
        ca, key.public_key(), certificates.Cardholder(), certificates.valid_for(730)
    )


@pytest.fixture
def find(softhsm) -> Iterator[Callable[[], Pkcs11Driver]]:
    """Return a function: the driver over the tokens there are; ended after the test."""
    made: list[Pkcs11Driver] = []

    def find() -> Pkcs11Driver:
        driver = Pkcs11Driver.find([softhsm.module()], "a reader")
        assert driver is not None
        made.append(driver)
        return driver

    yield find
    for driver in made:
        driver.end()
