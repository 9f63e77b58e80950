"""What every driver owes its callers, over every card we have.

A driver of ours, or one over a PKCS#11 module: no statement is left out for any. Where kinds of
cards differ, `subject.promises` tells what this one is held to.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from bridged.cards.answers import SecurityStatus
from bridged.cards.base import Driver
from bridged.cards.key import Key, PinObject
from bridged.errors import (
    PinBlocked,
    PinIncorrect,
    PinLastTry,
    PinRequired,
    PinUnblockUnsupported,
)
from bridged.model import Algorithm, Usage
from bridged.pcsc.apdu import Command, Response
from bridged.secret import Pin
from bridged.signing import algorithms
from bridged.signing.signer import sign_digest

from ..signing.openssl import openssl_verifies
from .subjects import NativeSubject, Subject, Tries, right, wrong
from .use import attempt, sign_blindly, use_everything

usages = pytest.mark.parametrize("usage", list(Usage))


def met(subject: Subject, usage: Usage) -> tuple[Driver, Key]:
    """Return a driver that has just met the card, and its first key of a usage."""
    driver = subject.driver()
    return driver, driver.keys(usage)[0]


def verify(subject: Subject, driver: Driver, key: Key, pin: Pin | None = None) -> None:
    """Verify a PIN, the right one if none is given."""
    given = right(subject.pins, key.usage) if pin is None else pin
    driver.verify_pin_guarded(key, given, accept_last_try=False)


def unlocked(subject: Subject, usage: Usage) -> tuple[Driver, Key]:
    """Return a driver with the PIN of a key verified, and the key with its certificate."""
    driver, key = met(subject, usage)
    verify(subject, driver, key)
    return driver, driver.keys(usage)[0]


def sign_well(driver: Driver, key: Key) -> bytes:
    """Sign zeros by the key's first algorithm; `sign_digest` verifies that."""
    (algorithm, *_) = algorithms.supported_by(key)
    size = algorithms.digest_size(algorithm) or 32
    assert key.certificate is not None
    return sign_digest(driver, key, key.certificate, algorithm, bytes(size))


# ---- detection and listing ----


def test_the_registry_finds_the_driver(subject: Subject) -> None:
    assert type(subject.found_by_registry()) is type(subject.driver())


def test_the_other_drivers_leave_the_card_alone(subject: Subject) -> None:
    assert not any(subject.found_by_others())


def test_keys_are_listed_by_usage_authentication_first(subject: Subject) -> None:
    driver = subject.driver()
    everything = driver.keys()
    assert [key.usage for key in everything[:2]] == [Usage.AUTHENTICATION, Usage.SIGNATURE]
    for usage in Usage:
        found = driver.keys(usage)
        assert found
        assert all(key in everything and key.usage is usage for key in found)


def test_a_key_keeps_its_reference_and_its_pin_its_rules(subject: Subject) -> None:
    driver = subject.driver()
    before = [(key.ref, key.pin) for key in driver.keys(None)]
    subject.reset()
    assert [(key.ref, key.pin) for key in subject.driver().keys(None)] == before
    for key in driver.keys(None):
        if key.pin is not None:
            rules, pin = key.pin.rules, subject.pins[key.usage][0]
            assert rules.min_length <= len(pin) <= rules.max_length


@usages
def test_each_certificate_of_the_chain_has_issued_the_one_before(
    subject: Subject, usage: Usage
) -> None:
    driver, key = unlocked(subject, usage)
    assert key.certificate is not None
    certificate = x509.load_der_x509_certificate(key.certificate)
    chain = driver.chain(key)
    for der in chain:
        issuer = x509.load_der_x509_certificate(der)
        certificate.verify_directly_issued_by(issuer)
        certificate = issuer
    count = subject.asked()
    assert (driver.chain(key), subject.asked()) == (chain, count)


def test_a_second_listing_sends_nothing(subject: Subject) -> None:
    driver = subject.driver()
    first, count = driver.keys(), subject.asked()
    subject.begin()
    assert driver.keys() == first
    assert subject.asked() == count


# ---- PIN ----


@usages
def test_the_state_of_a_pin_costs_no_try(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    full = subject.tries_left(usage)
    for _ in range(20):
        status = driver.pin_status(key)
        assert status.tries_left == subject.promises.tries.told(full)
        assert (status.blocked, status.verified) == (False, False)
    assert (subject.tries_left(usage), subject.pins_sent()) == (full, 0)


@usages
def test_each_wrong_pin_counts_down_and_the_last_blocks(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    tries = subject.promises.tries
    for left in reversed(range(1, subject.tries_left(usage))):
        with pytest.raises(PinIncorrect) as caught:
            driver.verify_pin_guarded(key, wrong(subject.pins, usage), accept_last_try=True)
        assert caught.value.tries_left == tries.told(left) == driver.pin_status(key).tries_left
    if tries is Tries.UNLIMITED:
        verify(subject, driver, key)
        return
    with pytest.raises(PinBlocked):
        driver.verify_pin_guarded(key, wrong(subject.pins, usage), accept_last_try=True)
    assert driver.pin_status(key).blocked


@usages
def test_a_blocked_pin_is_not_sent_again(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    subject.use_up(usage, 0)
    if subject.promises.tries is Tries.UNLIMITED:
        verify(subject, driver, key)
        return
    with pytest.raises(PinBlocked):
        driver.verify_pin_guarded(key, right(subject.pins, usage), accept_last_try=True)
    assert subject.pins_sent() == 0


@usages
def test_a_blocked_pin_is_told_by_the_card_too(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    subject.use_up(usage, 0)
    driver.enter()
    if subject.promises.tries is Tries.UNLIMITED:
        driver.verify_pin(key, right(subject.pins, usage))
        return
    with pytest.raises(PinBlocked):
        driver.verify_pin(key, right(subject.pins, usage))


@usages
def test_the_last_try_is_used_only_where_somebody_agreed(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    full = subject.tries_left(usage)
    subject.use_up(usage, 1)
    if subject.promises.tries is not Tries.UNLIMITED:
        with pytest.raises(PinLastTry) as caught:
            verify(subject, driver, key)
        assert caught.value.tries_left == 1 == subject.tries_left(usage)
    assert subject.pins_sent() == 0
    driver.verify_pin_guarded(key, right(subject.pins, usage), accept_last_try=True)
    assert subject.tries_left(usage) == full


@usages
def test_a_right_pin_restores_the_counter(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    full = subject.tries_left(usage)
    with pytest.raises(PinIncorrect):
        verify(subject, driver, key, wrong(subject.pins, usage))
    verify(subject, driver, key)
    assert subject.tries_left(usage) == full


@usages
def test_a_wrong_pin_ends_what_was_verified(subject: Subject, usage: Usage) -> None:
    driver, key = unlocked(subject, usage)
    with pytest.raises(PinIncorrect):
        verify(subject, driver, key, wrong(subject.pins, usage))
    with pytest.raises(SecurityStatus):
        sign_blindly(driver, key)


class Fingers:
    """A person at the reader's keypad."""

    def __init__(self, subject: NativeSubject, pin: Pin) -> None:
        self._subject, self._pin = subject, pin.reveal()

    def verify(self, command: Command, pin: PinObject) -> Response:
        assert len(self._pin) <= (pin.block.length or len(self._pin))
        assert command == pin.block.verify()
        return self._subject.channel.transmit(pin.block.verify(self._pin))

    def modify(self, command: Command, pin: PinObject, *, old: bool) -> Response:
        """Type the PIN where `old`, and the new one, which is the same."""
        entries = [pin.block.of(self._pin)] * (2 if old else 1)
        assert len(command.data) in {0, len(b"".join(entries))}
        return self._subject.channel.transmit(replace(command, data=b"".join(entries)))


@usages
def test_a_pin_typed_on_the_reader_verifies_as_any_other(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    subject.intrude()
    driver.guard(key, accept_last_try=False)
    if not isinstance(subject, NativeSubject):
        # The module has the card to itself, and its own way to a keypad (`verify_protected`).
        with pytest.raises(PinRequired):
            driver.verify_on_keypad(key, None)  # type: ignore[arg-type]
        return
    with pytest.raises(PinIncorrect):
        driver.verify_on_keypad(key, Fingers(subject, wrong(subject.pins, usage)))
    typing = Fingers(subject, right(subject.pins, usage))
    driver.verify_on_keypad(key, typing)
    key = driver.keys(usage)[0]
    if key.pin_always:
        driver.verify_on_keypad(key, typing)
    assert sign_well(driver, key)
    assert subject.stranger.pins_seen == []


@usages
def test_a_pin_is_changed_on_the_reader_as_any_other(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    if not isinstance(subject, NativeSubject):
        with pytest.raises(PinRequired):
            driver.change_on_keypad(key, None)  # type: ignore[arg-type]
        return
    subject.intrude()
    driver.guard(key, accept_last_try=False)
    with pytest.raises(PinIncorrect):
        driver.change_on_keypad(key, Fingers(subject, wrong(subject.pins, usage)))
    driver.change_on_keypad(key, Fingers(subject, right(subject.pins, usage)))
    assert subject.stranger.pins_seen == []
    verify(subject, driver, key, right(subject.pins, usage))


@usages
def test_a_wiped_pin_never_reaches_the_card(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    pin = right(subject.pins, usage)
    pin.wipe()
    with pytest.raises(ValueError, match="wiped"):
        verify(subject, driver, key, pin)
    assert subject.pins_sent() == 0


@usages
def test_a_pin_reaches_its_own_application_whoever_was_there_between(
    subject: Subject, usage: Usage
) -> None:
    driver, key = met(subject, usage)
    full = subject.tries_left(usage)
    subject.intrude()
    with pytest.raises(PinIncorrect):
        verify(subject, driver, key, wrong(subject.pins, usage))
    if subject.promises.tries is not Tries.UNLIMITED:
        assert subject.tries_left(usage) == full - 1
    for _ in range(2):
        subject.intrude()
        verify(subject, driver, key)
        assert subject.tries_left(usage) == full
    if isinstance(subject, NativeSubject):
        assert_selected_before_each_pin(subject)


def assert_selected_before_each_pin(subject: NativeSubject) -> None:
    """Look for the SELECT in the very transaction that carries a PIN."""
    pins = [i for i, (_, c) in enumerate(subject.sent) if c.ins == 0x20 and c.data]
    assert len(pins) == 3
    assert subject.stranger.pins_seen == []
    for at in pins:
        transaction = subject.sent[at][0]
        before = [c for t, c in subject.sent[:at] if t == transaction]
        selects = [c for c in before if c.ins == 0xA4 and c.p1 == 0x04]
        assert selects
        assert all(select.data == subject.sent[0][1].data for select in selects)


# ---- signatures ----


@usages
def test_openssl_verifies_every_algorithm_with_the_certificate(
    subject: Subject, usage: Usage, tmp_path: Path
) -> None:
    driver, key = unlocked(subject, usage)
    supported = algorithms.supported_by(key)
    assert supported
    assert key.certificate is not None
    public = x509.load_der_x509_certificate(key.certificate).public_key()
    for algorithm in supported:
        message = f"入札書 {algorithm}".encode()
        digest = message
        if algorithm is not Algorithm.EdDSA:
            digest = hashlib.new(algorithms.hash_name(algorithm), message).digest()
        if key.pin_always:
            driver.verify_pin(key, right(subject.pins, usage))
        signature = sign_digest(driver, key, key.certificate, algorithm, digest)
        assert openssl_verifies(public, algorithm, signature, message, tmp_path)
        assert not openssl_verifies(public, algorithm, signature, message + b".", tmp_path)


@usages
def test_nothing_is_signed_without_the_pin(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    with pytest.raises(SecurityStatus):
        sign_blindly(driver, key)


@usages
def test_nothing_is_signed_after_a_reset_until_the_pin_is_given_again(
    subject: Subject, usage: Usage
) -> None:
    driver, key = unlocked(subject, usage)
    epoch = driver.epoch
    subject.reset()
    assert driver.epoch != epoch
    with pytest.raises(SecurityStatus):
        sign_blindly(driver, key)
    verify(subject, driver, key)
    assert sign_well(driver, key)


@usages
def test_another_programs_reset_costs_no_more_than_the_pin_once_again(
    subject: Subject, usage: Usage
) -> None:
    driver, key = unlocked(subject, usage)
    full = subject.tries_left(usage)
    subject.reset_by_another()
    if subject.promises.own_commands:
        with pytest.raises(SecurityStatus):
            sign_blindly(driver, key)
    else:
        # Some modules keep the PIN themselves, and give it to the card again.
        attempt(lambda: sign_well(driver, key))
    verify(subject, driver, key)
    assert sign_well(driver, key)
    assert subject.tries_left(usage) == full


@usages
def test_a_key_that_always_wants_its_pin_signs_once(subject: Subject, usage: Usage) -> None:
    driver, key = unlocked(subject, usage)
    assert sign_well(driver, key)
    if not key.pin_always:
        assert sign_well(driver, key)
        return
    with pytest.raises(SecurityStatus):
        sign_blindly(driver, key)


@usages
def test_another_program_in_between_is_no_lasting_trouble(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    keys, tries = driver.keys(), subject.promises.tries
    subject.intrude()
    assert driver.pin_status(key).tries_left == tries.told(subject.tries_left(usage))
    subject.intrude()
    assert driver.keys() == keys
    subject.intrude()
    verify(subject, driver, key)
    key = driver.keys(usage)[0]
    subject.intrude()
    if subject.promises.own_commands:
        with pytest.raises(SecurityStatus):
            sign_blindly(driver, key)
        verify(subject, driver, key)
    assert sign_well(driver, key)


# ---- what goes wrong ----


@pytest.mark.parametrize(
    "fault", ["short", "garbage", "no-status", "status 6F00", "reset", "removed"]
)
@pytest.mark.parametrize("after", [0, 4])
def test_a_fault_is_a_typed_error_and_does_no_lasting_harm(
    subject: Subject, fault: str, after: int
) -> None:
    subject.fail(f"{fault} after {after}")
    attempt(lambda: use_everything(subject.found_by_registry(), subject.pins))
    subject.mend()
    for usage in Usage:
        driver, key = unlocked(subject, usage)
        assert sign_well(driver, key)


# ---- a new PIN ----


@usages
def test_a_changed_pin_is_the_pin_from_then_on(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    old, new = right(subject.pins, usage), wrong(subject.pins, usage)
    subject.intrude()
    if (refused := subject.promises.changing_refused) is not None:
        with pytest.raises(refused):
            driver.change_pin_guarded(key, old, new, accept_last_try=False)
        verify(subject, driver, key)
        return
    driver.change_pin_guarded(key, old, new, accept_last_try=False)
    with pytest.raises(PinIncorrect):
        verify(subject, driver, key)
    verify(subject, driver, key, new)
    if isinstance(subject, NativeSubject):
        assert subject.stranger.pins_seen == []


@usages
def test_a_wrong_pin_changes_nothing_and_its_last_try_is_guarded(
    subject: Subject, usage: Usage
) -> None:
    driver, key = met(subject, usage)
    old, new, tries = right(subject.pins, usage), wrong(subject.pins, usage), subject.promises.tries
    refused = subject.promises.changing_refused or PinIncorrect
    for left in reversed(range(1, subject.tries_left(usage))):
        with pytest.raises(refused) as caught:
            driver.change_pin_guarded(key, new.copy(), new, accept_last_try=False)
        if isinstance(caught.value, PinIncorrect):
            assert caught.value.tries_left == tries.told(left)
    subject.use_up(usage, 1)
    if tries is not Tries.UNLIMITED:
        with pytest.raises(PinLastTry):
            driver.change_pin_guarded(key, old, new, accept_last_try=False)
    driver.verify_pin_guarded(key, old, accept_last_try=True)


@usages
def test_a_blocked_pin_is_unblocked_where_the_card_has_a_puk(
    subject: Subject, usage: Usage
) -> None:
    driver, key = met(subject, usage)
    new = wrong(subject.pins, usage)
    subject.use_up(usage, 0)
    puk, other = Pin("12345678"), Pin("00000000")
    assert key.pin is not None
    if key.pin.puk is None:
        with pytest.raises(PinUnblockUnsupported):
            driver.unblock_pin_guarded(key, puk, new, accept_last_try=True)
        return
    assert driver.pin_status(key).blocked
    for left in (2, 1):
        with pytest.raises(PinIncorrect) as refused:
            driver.unblock_pin_guarded(key, other, new, accept_last_try=False)
        assert refused.value.tries_left == left == driver.puk_tries_left(key)
    with pytest.raises(PinLastTry):
        driver.unblock_pin_guarded(key, puk, new, accept_last_try=False)
    driver.unblock_pin_guarded(key, puk, new, accept_last_try=True)
    verify(subject, driver, key, new)


@usages
def test_a_puk_is_changed_where_the_card_has_one(subject: Subject, usage: Usage) -> None:
    driver, key = met(subject, usage)
    old, new, other = Pin("12345678"), Pin("87654321"), Pin("00000000")
    assert key.pin is not None
    if key.pin.puk is None:
        with pytest.raises(PinUnblockUnsupported):
            driver.change_puk_guarded(key, old, new, accept_last_try=True)
        return
    for left in (2, 1):
        with pytest.raises(PinIncorrect) as refused:
            driver.change_puk_guarded(key, other, new, accept_last_try=False)
        assert refused.value.tries_left == left
    with pytest.raises(PinLastTry):
        driver.change_puk_guarded(key, old, new, accept_last_try=False)
    driver.change_puk_guarded(key, old, new, accept_last_try=True)
    assert driver.puk_tries_left(key) is None
    driver.unblock_pin(key, new, wrong(subject.pins, usage))
    verify(subject, driver, key, wrong(subject.pins, usage))
