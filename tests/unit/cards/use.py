"""Everything that can be done with a card, whatever comes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from bridged.cards.answers import SecurityStatus
from bridged.cards.base import Driver
from bridged.cards.key import Key
from bridged.errors import BridgedError
from bridged.model import Usage
from bridged.signing import algorithms
from bridged.signing.signer import sign_digest

from .subjects import Pins, right


def use_everything(driver: Driver, pins: Pins) -> None:
    """Do all a driver can, each step whatever became of the others."""
    for usage in Usage:
        attempt(lambda usage=usage: _use_keys(driver, usage, pins))


def _use_keys(driver: Driver, usage: Usage, pins: Pins) -> None:
    for key in driver.keys(usage):
        attempt(lambda key=key: driver.pin_status(key))
        attempt(
            lambda key=key: driver.verify_pin_guarded(
                key, right(pins, usage), accept_last_try=False
            )
        )
    for key in driver.keys(usage):
        attempt(lambda key=key: sign_blindly(driver, key))
        attempt(lambda key=key: _sign(driver, key))


def sign_blindly(driver: Driver, key: Key) -> bytes:
    """Sign zeros, whether or not anything of the key is known to be usable."""
    return driver.sign(key, min(key.inputs, key=lambda form: form.value), bytes(32))


def _sign(driver: Driver, key: Key) -> None:
    if key.certificate is not None:
        (algorithm, *_) = algorithms.supported_by(key)
        size = algorithms.digest_size(algorithm) or 32
        sign_digest(driver, key, key.certificate, algorithm, bytes(size))


def attempt(step: Callable[[], object]) -> None:
    """Take a step that may end in an error of ours, and in no other."""
    with contextlib.suppress(BridgedError, SecurityStatus):
        step()
