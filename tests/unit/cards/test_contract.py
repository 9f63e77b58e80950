"""What every driver owes its callers, over every card we have."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridged.cards import registry
from bridged.cards.base import Driver, Key, PinObject, SecurityStatus
from bridged.errors import (
    BridgedError,
    PinBlocked,
    PinIncorrect,
    PinLastTry,
    PinUnblockUnsupported,
)
from bridged.model import Algorithm, Usage
from bridged.pcsc.apdu import Command, Response
from bridged.pcsc.channel import Channel
from bridged.secret import Pin
from bridged.signing import algorithms
from bridged.signing.signer import sign_digest

pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
"""Numbers that RFC 5280 forbids are warned of, not refused."""

usages = pytest.mark.parametrize("usage", list(Usage))
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def unlocked(subject, usage: Usage) -> tuple[Driver, Key]:
    """Return a driver with the PIN of a key verified, and the key with its certificate."""
    driver = subject.driver()
    (key,) = driver.keys(usage)
    driver.verify_pin_guarded(key, subject.pin(usage), accept_last_try=False)
    (key,) = driver.keys(usage)
    return driver, key


def sign_blindly(driver: Driver, key: Key) -> bytes:
    """Sign zeros, whether or not anything of the key is known to be usable."""
    return driver.sign(key, min(key.inputs, key=lambda form: form.value), bytes(32))


def to_be_signed(algorithm: Algorithm, message: bytes) -> bytes:
    if algorithm is Algorithm.EdDSA:
        return message
    return hashlib.new(algorithms.hash_name(algorithm), message).digest()


def verify_signature(der: bytes, signature: bytes, message: bytes, algorithm: Algorithm) -> None:
    public = x509.load_der_x509_certificate(der).public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, message)
        return
    digest = HASHES[algorithm[2:]]
    if isinstance(public, rsa.RSAPublicKey):
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        how = pss if algorithm.startswith("PS") else padding.PKCS1v15()
        public.verify(signature, message, how, digest)
        return
    assert isinstance(public, ec.EllipticCurvePublicKey)
    half = len(signature) // 2
    r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    public.verify(encode_dss_signature(r, s), message, ec.ECDSA(digest))


# ---- detection and listing ----


def test_the_registry_finds_the_driver(subject) -> None:
    assert type(registry.detect(subject.channel)) is subject.kind


def test_the_other_drivers_leave_the_card_alone(subject) -> None:
    others = [kind for kind in registry.DRIVERS if kind is not subject.kind]
    assert [kind.detect(subject.channel) for kind in others] == [None] * len(others)


def test_keys_are_listed_by_usage_authentication_first(subject) -> None:
    driver = subject.driver()
    everything = driver.keys()
    assert [key.usage for key in everything] == [Usage.AUTHENTICATION, Usage.SIGNATURE]
    for key in everything:
        assert driver.keys(key.usage) == [key]


def test_a_key_keeps_its_reference_and_its_pin_its_rules(subject) -> None:
    driver = subject.driver()
    before = [(key.ref, key.pin) for key in driver.keys(None)]
    subject.reset()
    assert [(key.ref, key.pin) for key in subject.driver().keys(None)] == before
    for key in driver.keys(None):
        pin = subject.pins[key.usage][0]
        assert key.pin.rules.min_length <= len(pin) <= key.pin.rules.max_length


@usages
def test_the_certificate_is_that_of_the_key(subject, usage: Usage, public_key) -> None:
    _, key = unlocked(subject, usage)
    assert key.certificate is not None
    x509.load_der_x509_certificate(key.certificate)
    assert public_key(key.certificate) is not None
    for der in key.chain:
        x509.load_der_x509_certificate(der)


def test_a_second_listing_sends_nothing(subject) -> None:
    driver = subject.driver()
    first, count = driver.keys(), subject.channel.apdus
    subject.begin()
    assert driver.keys() == first
    assert subject.channel.apdus == count


# ---- PIN ----


@usages
def test_the_state_of_a_pin_costs_no_try(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    for _ in range(20):
        status = driver.pin_status(key)
        assert (status.tries_left, status.blocked, status.verified) == (
            subject.tries_left(usage),
            False,
            False,
        )
    assert subject.card.pins[subject.pins[usage][1]].tries == subject.tries_left(usage)
    assert subject.pins_sent() == []


@usages
def test_each_wrong_pin_counts_down_and_the_last_blocks(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    for left in reversed(range(1, subject.tries_left(usage))):
        with pytest.raises(PinIncorrect) as caught:
            driver.verify_pin_guarded(key, subject.wrong_pin(usage), accept_last_try=True)
        assert caught.value.tries_left == left == driver.pin_status(key).tries_left
    with pytest.raises(PinBlocked):
        driver.verify_pin_guarded(key, subject.wrong_pin(usage), accept_last_try=True)
    assert driver.pin_status(key).blocked


@usages
def test_a_blocked_pin_is_not_sent_again(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    subject.card.pins[subject.pins[usage][1]].tries_left = 0
    with pytest.raises(PinBlocked):
        driver.verify_pin_guarded(key, subject.pin(usage), accept_last_try=True)
    assert subject.pins_sent() == []


@usages
def test_a_blocked_pin_is_told_by_the_card_too(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    subject.card.pins[subject.pins[usage][1]].tries_left = 0
    driver.enter()
    with pytest.raises(PinBlocked):
        driver.verify_pin(key, subject.pin(usage))


@usages
def test_the_last_try_is_used_only_where_somebody_agreed(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    subject.card.pins[subject.pins[usage][1]].tries_left = 1
    with pytest.raises(PinLastTry) as caught:
        driver.verify_pin_guarded(key, subject.pin(usage), accept_last_try=False)
    assert caught.value.tries_left == 1
    assert subject.pins_sent() == []
    assert subject.tries_left(usage) == 1
    driver.verify_pin_guarded(key, subject.pin(usage), accept_last_try=True)
    assert subject.tries_left(usage) == subject.card.pins[subject.pins[usage][1]].tries


@usages
def test_a_right_pin_restores_the_counter(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    full = subject.tries_left(usage)
    with pytest.raises(PinIncorrect):
        driver.verify_pin_guarded(key, subject.wrong_pin(usage), accept_last_try=False)
    driver.verify_pin_guarded(key, subject.pin(usage), accept_last_try=False)
    assert subject.tries_left(usage) == full


@usages
def test_a_wrong_pin_ends_what_was_verified(subject, usage: Usage) -> None:
    driver, key = unlocked(subject, usage)
    with pytest.raises(PinIncorrect):
        driver.verify_pin_guarded(key, subject.wrong_pin(usage), accept_last_try=False)
    with pytest.raises(SecurityStatus):
        sign_blindly(driver, key)


class Fingers:
    """A person at the reader's keypad."""

    def __init__(self, subject, pin: Pin) -> None:
        self._subject, self._pin = subject, pin.reveal()

    def verify(self, command: Command, pin: PinObject) -> Response:
        assert len(self._pin) <= (pin.block.length or len(self._pin))
        assert command == pin.block.verify()
        return self._subject.channel.transmit(pin.block.verify(self._pin))


@usages
def test_a_pin_typed_on_the_reader_verifies_as_any_other(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    subject.intrude()
    driver.guard(key, accept_last_try=False)
    with pytest.raises(PinIncorrect):
        driver.verify_on_keypad(key, Fingers(subject, subject.wrong_pin(usage)))
    driver.verify_on_keypad(key, Fingers(subject, subject.pin(usage)))
    (key,) = driver.keys(usage)
    (algorithm, *_) = algorithms.supported_by(key)
    if key.pin_always:
        driver.verify_on_keypad(key, Fingers(subject, subject.pin(usage)))
    assert sign_digest(driver, key, key.certificate, algorithm, bytes(32))
    assert subject.stranger.pins_seen == []


@usages
def test_a_wiped_pin_never_reaches_the_card(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    pin = subject.pin(usage)
    pin.wipe()
    with pytest.raises(ValueError, match="wiped"):
        driver.verify_pin_guarded(key, pin, accept_last_try=False)
    assert subject.pins_sent() == []


@usages
def test_the_application_is_selected_in_the_transaction_that_carries_a_pin(
    subject, usage: Usage
) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    for pin in (subject.wrong_pin(usage), subject.pin(usage), subject.pin(usage)):
        subject.intrude()
        try:
            driver.verify_pin_guarded(key, pin, accept_last_try=False)
        except PinIncorrect as error:
            assert error.tries_left is not None  # noqa: PT017
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
def test_signatures_verify_with_the_certificate(subject, usage: Usage) -> None:
    driver, key = unlocked(subject, usage)
    supported = algorithms.supported_by(key)
    assert supported
    for algorithm in supported:
        message = f"入札書 {algorithm}".encode()
        digest = to_be_signed(algorithm, message)
        if key.pin_always:
            driver.verify_pin(key, subject.pin(usage))
        signature = sign_digest(driver, key, key.certificate, algorithm, digest)
        verify_signature(key.certificate, signature, message, algorithm)


@usages
def test_nothing_is_signed_without_the_pin(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    with pytest.raises(SecurityStatus):
        sign_blindly(driver, key)


@usages
def test_nothing_is_signed_after_a_reset_until_the_pin_is_given_again(
    subject, usage: Usage
) -> None:
    driver, key = unlocked(subject, usage)
    epoch = driver.epoch
    subject.reset()
    assert driver.epoch != epoch
    with pytest.raises(SecurityStatus):
        sign_blindly(driver, key)
    driver.verify_pin_guarded(key, subject.pin(usage), accept_last_try=False)
    (algorithm, *_) = algorithms.supported_by(key)
    assert sign_digest(driver, key, key.certificate, algorithm, bytes(32))


@usages
def test_a_key_that_always_wants_its_pin_signs_once(subject, usage: Usage) -> None:
    driver, key = unlocked(subject, usage)
    (algorithm, *_) = algorithms.supported_by(key)
    sign_digest(driver, key, key.certificate, algorithm, bytes(32))
    if not key.pin_always:
        assert sign_digest(driver, key, key.certificate, algorithm, bytes(32))
        return
    with pytest.raises(SecurityStatus):
        sign_blindly(driver, key)


@usages
def test_an_application_selected_by_another_program_is_no_lasting_trouble(
    subject, usage: Usage
) -> None:
    driver = subject.driver()
    keys = driver.keys()
    for step in (
        lambda: driver.pin_status(keys[0]).tries_left == subject.tries_left(keys[0].usage),
        lambda: driver.keys() == keys,
    ):
        subject.intrude()
        assert step()
    subject.intrude()
    driver.verify_pin_guarded(keys[0], subject.pin(keys[0].usage), accept_last_try=False)
    subject.intrude()
    with pytest.raises(SecurityStatus):
        sign_blindly(driver, keys[0])
    driver.verify_pin_guarded(keys[0], subject.pin(keys[0].usage), accept_last_try=False)
    (algorithm, *_) = algorithms.supported_by(keys[0])
    assert sign_digest(driver, keys[0], keys[0].certificate, algorithm, bytes(32))


# ---- hostile cards ----

STATUS = [0x9000, 0x6100, 0x6110, 0x6C00, 0x6C10, 0x6282, 0x6300, 0x63C0, 0x63C1, 0x63C3, 0x6982]
STATUS += [0x6983, 0x6984, 0x6985, 0x6A80, 0x6A82, 0x6B00, 0x6D00, 0x6F00, 0x0000, 0xFFFF]
ANYTHING = st.lists(
    st.builds(
        lambda data, sw: data + sw.to_bytes(2, "big"),
        st.binary(max_size=40)
        | st.sampled_from([b"\x53\x82\xff\xff\x70", b"\x30\x82\xff\xff", b"\x30\x82\x1f\xff\x30"]),
        st.sampled_from(STATUS) | st.integers(0, 0xFFFF),
    )
    | st.just(b"")
    | st.just(b"\x90"),
    min_size=1,
    max_size=40,
)


def use_everything(channel: Channel, pin: str) -> None:
    """Do all a driver can, each step whatever became of the others."""
    driver = registry.detect(channel)
    for usage in Usage:
        attempt(lambda usage=usage: use_key(driver, usage, pin))


def use_key(driver: Driver, usage: Usage, pin: str) -> None:
    for key in driver.keys(usage):
        attempt(lambda key=key: driver.pin_status(key))
        attempt(lambda key=key: driver.verify_pin_guarded(key, Pin(pin), accept_last_try=False))
    for key in driver.keys(usage):
        attempt(lambda key=key: sign_blindly(driver, key))
        attempt(lambda key=key: sign_with(driver, key))


def sign_with(driver: Driver, key: Key) -> None:
    if key.certificate is not None:
        (algorithm, *_) = algorithms.supported_by(key)
        sign_digest(driver, key, key.certificate, algorithm, bytes(32))


def attempt(step) -> None:
    with contextlib.suppress(BridgedError, SecurityStatus):
        step()


@given(ANYTHING)
@settings(max_examples=300)
def test_whatever_a_card_answers_only_typed_errors_come_of_it(answers: list[bytes]) -> None:
    turn = 0

    def send(_: bytes) -> bytes:
        nonlocal turn
        turn += 1
        return answers[turn % len(answers)]

    channel = Channel()
    channel.attach(send, extended=False)
    attempt(lambda: use_everything(channel, "123456"))
    assert turn < 10_000


@given(
    number=st.integers(0, 12),
    place=st.floats(0, 1, exclude_max=True),
    bits=st.none() | st.integers(1, 255),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_answer_is_a_typed_error_or_no_harm(
    subject, number: int, place: float, bits: int | None
) -> None:
    """One answer is cut off before its status word (`bits` None) or has bits turned over."""
    subject.card.restore()
    subject.card.insert()
    turn = 0

    def send(apdu: bytes) -> bytes:
        nonlocal turn
        turn += 1
        answer = bytearray(subject.card.transmit(apdu))
        at = int(place * len(answer))
        if turn - 1 != number:
            return bytes(answer)
        if bits is None:
            del answer[at:-2]
        else:
            answer[at] ^= bits
        return bytes(answer)

    subject.channel.attach(send, extended=subject.channel.extended)
    attempt(lambda: use_everything(subject.channel, subject.pins[Usage.SIGNATURE][0]))
    assert turn > 1


# ---- a new PIN ----


@usages
def test_a_changed_pin_is_the_pin_from_then_on(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    new = subject.wrong_pin(usage)
    subject.intrude()
    driver.change_pin_guarded(key, subject.pin(usage), new, accept_last_try=False)
    assert subject.stranger.pins_seen == []
    with pytest.raises(PinIncorrect):
        driver.verify_pin_guarded(key, subject.pin(usage), accept_last_try=False)
    driver.verify_pin_guarded(key, new, accept_last_try=False)


@usages
def test_a_wrong_pin_changes_nothing_and_its_last_try_is_guarded(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    wrong, new = subject.wrong_pin(usage), subject.wrong_pin(usage)
    for left in range(subject.tries_left(usage) - 1, 0, -1):
        with pytest.raises(PinIncorrect) as refused:
            driver.change_pin_guarded(key, wrong, new, accept_last_try=False)
        assert refused.value.tries_left == left
    with pytest.raises(PinLastTry):
        driver.change_pin_guarded(key, subject.pin(usage), new, accept_last_try=False)
    driver.verify_pin_guarded(key, subject.pin(usage), accept_last_try=True)


@usages
def test_a_blocked_pin_is_unblocked_where_the_card_has_a_puk(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    wrong, new = subject.wrong_pin(usage), subject.wrong_pin(usage)
    for _ in range(subject.tries_left(usage)):
        with pytest.raises((PinIncorrect, PinBlocked)):
            driver.verify_pin_guarded(key, wrong, accept_last_try=True)
    assert driver.pin_status(key).blocked
    if key.pin.puk is None:
        with pytest.raises(PinUnblockUnsupported):
            driver.unblock_pin(key, Pin("12345678"), new)
        return
    with pytest.raises(PinIncorrect) as refused:
        driver.unblock_pin(key, Pin("00000000"), new)
    assert refused.value.tries_left == 2
    driver.unblock_pin(key, Pin("12345678"), new)
    driver.verify_pin_guarded(key, new, accept_last_try=False)


@usages
def test_a_puk_is_changed_where_the_card_has_one(subject, usage: Usage) -> None:
    driver = subject.driver()
    (key,) = driver.keys(usage)
    old, new, wrong = Pin("12345678"), Pin("87654321"), Pin("00000000")
    if key.pin.puk is None:
        with pytest.raises(PinUnblockUnsupported):
            driver.change_puk_guarded(key, old, new, accept_last_try=True)
        return
    for left in (2, 1):
        with pytest.raises(PinIncorrect) as refused:
            driver.change_puk_guarded(key, wrong, new, accept_last_try=False)
        assert refused.value.tries_left == left
    with pytest.raises(PinLastTry):
        driver.change_puk_guarded(key, old, new, accept_last_try=False)
    driver.change_puk_guarded(key, old, new, accept_last_try=True)
    assert driver.puk_tries_left(key) is None
    driver.unblock_pin(key, new, subject.wrong_pin(usage))
    driver.verify_pin_guarded(key, subject.wrong_pin(usage), accept_last_try=False)
