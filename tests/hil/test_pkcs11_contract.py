"""The contract of all drivers, held by a module's driver: OpenSC over our own virtual cards.

Left out is what a module alone decides: how it selects, counts tries, and heals after a reset.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from bridged.cards.pkcs11 import calls as c
from bridged.cards.pkcs11.driver import Pkcs11Driver
from bridged.cards.pkcs11.module import Module
from bridged.cards.pkcs11.process import ModuleProcess
from bridged.model import ReaderState, Usage
from bridged.pcsc.scard import PcscBus
from bridged.secret import Pin
from bridged.virtual.card_process import CardProcess
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profiles import EBID_PIN, JPKI_AUTHENTICATION_PIN, JPKI_SIGNATURE_PIN

CONTRACT = Path(__file__).parents[1] / "unit" / "cards" / "test_contract.py"
OPENSC = next(Path("/usr/lib").glob("*/opensc-pkcs11.so"))
PINS = {
    "ebid": dict.fromkeys(Usage, (EBID_PIN, "pin")),
    "jpki": {
        Usage.AUTHENTICATION: (JPKI_AUTHENTICATION_PIN, "authentication"),
        Usage.SIGNATURE: (JPKI_SIGNATURE_PIN, "signature"),
    },
}


def _contract() -> Any:
    spec = importlib.util.spec_from_file_location("driver_contract", CONTRACT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


contract = _contract()
test_keys_are_listed = contract.test_keys_are_listed_by_usage_authentication_first
test_a_key_keeps_its_reference = contract.test_a_key_keeps_its_reference_and_its_pin_its_rules
test_the_certificate_is_that_of_the_key = contract.test_the_certificate_is_that_of_the_key
test_a_second_listing_sends_nothing = contract.test_a_second_listing_sends_nothing
test_a_right_pin_restores_the_counter = contract.test_a_right_pin_restores_the_counter
test_a_wrong_pin_ends_what_was_verified = contract.test_a_wrong_pin_ends_what_was_verified
test_a_wiped_pin_never_reaches_the_card = contract.test_a_wiped_pin_never_reaches_the_card
test_signatures_verify_with_the_certificate = contract.test_signatures_verify_with_the_certificate
test_nothing_is_signed_without_the_pin = contract.test_nothing_is_signed_without_the_pin
test_nothing_is_signed_after_the_end = (
    contract.test_nothing_is_signed_after_a_reset_until_the_pin_is_given_again
)


@dataclass
class Calls:
    """What was asked of the module; counted as APDUs are with other drivers."""

    made: list[c.Call] = field(default_factory=list)

    @property
    def apdus(self) -> int:
        return len(self.made)


@dataclass
class Subject:
    """A card that OpenSC knows, and the driver over it."""

    card: CardProcess
    reader: str
    pins: Mapping[Usage, tuple[str, str]]
    channel: Calls = field(default_factory=Calls)
    drivers: list[Pkcs11Driver] = field(default_factory=list)

    def driver(self) -> Pkcs11Driver:
        driver = Pkcs11Driver.find([Module(OPENSC, "OpenSC")], self.reader)
        assert driver is not None
        self.drivers.append(driver)
        return driver

    def begin(self) -> None:
        """There are no transactions of ours."""

    def reset(self) -> None:
        """End what was verified, as the end of a lease does."""
        for driver in self.drivers:
            driver.end()

    def pin(self, usage: Usage) -> Pin:
        return Pin(self.pins[usage][0])

    def wrong_pin(self, usage: Usage) -> Pin:
        right = self.pins[usage][0]
        return Pin(right[:-1] + ("1" if right[-1] != "1" else "2"))

    def tries_left(self, usage: Usage) -> int:
        return self.card.tries()[self.pins[usage][1]]

    def pins_sent(self) -> list[c.Call]:
        return [call for call in self.channel.made if isinstance(call, c.Login)]


@pytest.fixture(scope="module", params=["ebid", "jpki"])
def _card(
    request: pytest.FixtureRequest, pcscd: PrivatePcscd, ca_directory: Path
) -> Iterator[tuple[str, CardProcess]]:
    card = pcscd.spawn_card(request.param, ca_directory)
    yield request.param, card
    card.close()


@pytest.fixture
def subject(
    _card: tuple[str, CardProcess], pcscd: PrivatePcscd, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Subject]:
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", pcscd.socket_name)
    profile, card = _card
    card.reset()
    context = PcscBus().open()
    readers = [r.name for r in context.wait_for_change() if r.state is ReaderState.PRESENT]
    context.close()
    made = Subject(card, readers[0], PINS[profile])
    call = ModuleProcess.call

    def noted(self: ModuleProcess, wanted: c.Call, *arguments: Any) -> object:
        made.channel.made.append(wanted)
        return call(self, wanted, *arguments)

    monkeypatch.setattr(ModuleProcess, "call", noted)
    yield made
    made.reset()


@pytest.fixture
def public_key():
    """Return a function: the public key of a certificate in DER."""
    return lambda der: x509.load_der_x509_certificate(der).public_key()
