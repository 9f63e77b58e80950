"""The driver over SoftHSM: what is on the token, logins, signatures of every kind."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.cards.answers import SecurityStatus
from bridged.cards.key import Input, Key
from bridged.errors import PinFormat, PinIncorrect, PinUnblockUnsupported
from bridged.model import Algorithm, Usage
from bridged.secret import Pin
from bridged.signing import algorithms
from bridged.signing.signer import sign_digest
from bridged.virtual import certificates

from ...signing.openssl import openssl_verifies
from ..module_subjects import SoftHsmSubject
from ..subjects import UNLIMITED


def kinds(driver) -> list[tuple[str, bytes | None]]:
    return [(key.usage, key.certificate) for key in driver.keys(None)]


def der(certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def key_for(driver, usage: Usage) -> Key:
    (key,) = driver.keys(usage)
    return key


@pytest.fixture
def one_of_each(softhsm, on_token, rsa_key, authentication, signature, find):
    """A token as company cards are: one key to log in, one to sign."""
    softhsm.add(
        "card",
        on_token(b"\x01", rsa_key, authentication(rsa_key)),
        on_token(b"\x02", rsa_key, signature(rsa_key)),
    )
    return find()


def test_each_key_has_the_usage_its_certificate_is_for(one_of_each) -> None:
    usages = [key.usage for key in one_of_each.keys(None)]
    assert usages == [Usage.AUTHENTICATION, Usage.SIGNATURE]
    assert one_of_each.label == "card"


def test_the_one_key_of_an_ebidding_card_logs_in_and_signs(
    softhsm, on_token, rsa_key, signature, find
) -> None:
    certificate = signature(rsa_key)
    softhsm.add("card", on_token(b"\x01", rsa_key, certificate))
    driver = find()
    keys = driver.keys()
    assert [(key.usage, key.certificate) for key in keys] == [
        (Usage.AUTHENTICATION, der(certificate)),
        (Usage.SIGNATURE, der(certificate)),
    ]
    assert len({key.ref for key in keys}) == 2


def test_a_hidden_certificate_is_shown_after_the_login_to_who_logged_in(
    softhsm, on_token, rsa_key, authentication, signature, find
) -> None:
    hidden = signature(rsa_key)
    softhsm.add("first", on_token(b"\x01", rsa_key, authentication(rsa_key)))
    softhsm.add("second", on_token(b"\x02", rsa_key, hidden, hidden=True))
    driver = find()
    before = key_for(driver, Usage.SIGNATURE)
    assert before.certificate is None
    assert before.pin.label == "second"
    driver.verify_pin(before, Pin(softhsm.pin))
    after = key_for(driver, Usage.SIGNATURE)
    assert (after.ref, after.certificate, after.certificate_private) == (
        before.ref,
        der(hidden),
        True,
    )
    assert not key_for(driver, Usage.AUTHENTICATION).certificate_private


def test_a_certificate_without_its_key_is_dropped_once_that_can_be_seen(
    softhsm, on_token, rsa_key, authentication, signature, find, ca
) -> None:
    orphan = signature(ec.generate_private_key(ec.SECP256R1()))
    softhsm.add(
        "card",
        on_token(b"\x01", rsa_key, authentication(rsa_key)),
        on_token(b"\x02", None, orphan),
        authorities=(der(ca.certificate),),
    )
    driver = find()
    key, seen = driver.keys()
    assert seen.certificate == der(orphan)
    assert driver.chain(key) == (der(ca.certificate),)
    driver.verify_pin(key, Pin(softhsm.pin))
    assert [key.ref for key in driver.keys(None)] == [key.ref]


def test_the_rules_of_the_pin_are_those_of_the_token(one_of_each) -> None:
    rules = key_for(one_of_each, Usage.SIGNATURE).pin.rules
    assert (rules.min_length, rules.max_length) == (4, 255)


def test_openssl_verifies_every_algorithm_there_is(
    softhsm, on_token, rsa_key, signature, find, tmp_path
) -> None:
    made = [rsa_key, ed25519.Ed25519PrivateKey.generate()]
    made += [ec.generate_private_key(c) for c in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())]
    softhsm.add(
        "card", *(on_token(bytes([n]), key, signature(key)) for n, key in enumerate(made, 1))
    )
    driver = find()
    driver.verify_pin(driver.keys()[0], Pin(softhsm.pin))
    used = set()
    for key in driver.keys(Usage.SIGNATURE):
        for algorithm in algorithms.supported_by(key):
            message = digest = b"a message"
            if algorithm is not Algorithm.EdDSA:
                digest = hashlib.new(algorithms.hash_name(algorithm), message).digest()
            made = sign_digest(driver, key, key.certificate, algorithm, digest)
            public = x509.load_der_x509_certificate(key.certificate).public_key()
            assert openssl_verifies(public, algorithm, made, message, tmp_path)
            used.add(algorithm)
    assert used == set(Algorithm)


def test_only_mechanisms_of_the_token_are_offered(one_of_each) -> None:
    key = key_for(one_of_each, Usage.SIGNATURE)
    assert key.inputs == {Input.RSA_DIGEST_INFO, Input.RSA_BLOCK, Input.RSA_PSS}


def test_nothing_is_signed_before_the_login_or_after_its_end(softhsm, one_of_each) -> None:
    driver, key = one_of_each, key_for(one_of_each, Usage.SIGNATURE)
    with pytest.raises(SecurityStatus):
        driver.sign(key, Input.EC_DIGEST, bytes(32))
    driver.verify_pin_guarded(key, Pin(softhsm.pin), accept_last_try=False)
    epoch = driver.epoch
    assert driver.pin_status(key).verified
    driver.end()
    assert driver.epoch != epoch
    assert not driver.pin_status(key).verified
    with pytest.raises(SecurityStatus):
        driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))


def test_after_the_end_the_card_is_found_again(softhsm, one_of_each) -> None:
    driver, key = one_of_each, key_for(one_of_each, Usage.SIGNATURE)
    driver.end()
    driver.verify_pin_guarded(key, Pin(softhsm.pin), accept_last_try=False)
    assert sign_digest(driver, key, key.certificate, Algorithm.RS256, bytes(32))


def test_a_wrong_pin_ends_the_login_and_uses_a_try_that_nobody_can_count(
    softhsm, one_of_each
) -> None:
    driver, key = one_of_each, key_for(one_of_each, Usage.SIGNATURE)
    driver.verify_pin(key, Pin(softhsm.pin))
    with pytest.raises(PinIncorrect) as wrong:
        driver.verify_pin(key, Pin("654321"))
    assert wrong.value.tries_left is None
    with pytest.raises(SecurityStatus):
        driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))


def test_a_key_that_wants_its_pin_each_time_gets_it_each_time(
    softhsm, on_token, rsa_key, signature, find
) -> None:
    softhsm.add("card", on_token(b"\x01", rsa_key, signature(rsa_key), pin_always=True))
    driver = find()
    key = driver.keys(Usage.SIGNATURE)[0]
    driver.verify_pin(key, Pin(softhsm.pin))
    for _ in range(2):
        assert sign_digest(driver, key, key.certificate, Algorithm.RS256, bytes(32))
    kept = driver._verified[0]
    assert kept.reveal() == softhsm.pin.encode()
    driver._verified[0] = Pin("654321")
    with pytest.raises(PinIncorrect):
        driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))
    with pytest.raises(SecurityStatus):
        driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))


def test_a_pin_is_kept_only_for_a_key_that_wants_it_and_until_the_end(
    softhsm, on_token, rsa_key, signature, one_of_each, find
) -> None:
    key = key_for(one_of_each, Usage.SIGNATURE)
    one_of_each.verify_pin(key, Pin(softhsm.pin))
    assert sign_digest(one_of_each, key, key.certificate, Algorithm.RS256, bytes(32))
    assert one_of_each._verified == {0: None}
    softhsm.add("another", on_token(b"\x01", rsa_key, signature(rsa_key), pin_always=True))
    driver = find()
    wanting = next(key for key in driver.keys(None) if key.pin.label == "another")
    driver.verify_pin(wanting, Pin(softhsm.pin))
    driver.keys()
    (kept,) = driver._verified.values()
    assert kept is not None
    driver.end()
    with pytest.raises(ValueError, match="wiped"):
        kept.reveal()


def test_who_fits_both_has_what_nobody_else_serves(
    softhsm, on_token, rsa_key, ca, signature, find
) -> None:
    # As JPKI's log-in certificate: digitalSignature, and no word of a purpose.
    holder, validity = certificates.Cardholder(), certificates.valid_for(730)
    log_in = certificates.ebid_signature(
        ca, rsa_key.public_key(), holder, validity, usage=("digital_signature",)
    )
    softhsm.add("first", on_token(b"\x01", rsa_key, log_in))
    softhsm.add("second", on_token(b"\x02", rsa_key, signature(rsa_key), hidden=True))
    listed = [(key.usage, key.certificate) for key in find().keys(None)]
    assert listed == [(Usage.AUTHENTICATION, der(log_in)), (Usage.SIGNATURE, None)]


def test_a_changed_pin_is_the_pin_from_then_on(softhsm, one_of_each) -> None:
    driver, key = one_of_each, key_for(one_of_each, Usage.SIGNATURE)
    with pytest.raises(PinIncorrect):
        driver.change_pin_guarded(key, Pin("000000"), Pin("222222"), accept_last_try=False)
    driver.change_pin_guarded(key, Pin(softhsm.pin), Pin("222222"), accept_last_try=False)
    with pytest.raises(SecurityStatus):
        driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))
    with pytest.raises(PinIncorrect):
        driver.verify_pin(key, Pin(softhsm.pin))
    driver.verify_pin(key, Pin("222222"))


def test_a_new_pin_the_token_refuses_is_told_with_its_rules(softhsm, one_of_each) -> None:
    driver, key = one_of_each, key_for(one_of_each, Usage.SIGNATURE)
    with pytest.raises(PinFormat) as refused:
        driver.change_pin(key, Pin(softhsm.pin), Pin("1"))
    assert (refused.value.min_length, refused.value.max_length) == (4, 255)
    driver.verify_pin(key, Pin(softhsm.pin))


def test_no_puk_is_known(one_of_each) -> None:
    key = key_for(one_of_each, Usage.SIGNATURE)
    assert key.pin.puk is None
    with pytest.raises(PinUnblockUnsupported):
        one_of_each.unblock_pin(key, Pin("12345678"), Pin("123456"))


def test_a_listing_and_signatures_make_the_fewest_calls(
    softhsm, on_token, rsa_key, authentication, signature, monkeypatch
) -> None:
    softhsm.add(
        "card",
        on_token(b"\x01", rsa_key, authentication(rsa_key)),
        on_token(b"\x02", rsa_key, signature(rsa_key)),
    )
    subject = SoftHsmSubject(softhsm.module(), "a reader", {}, UNLIMITED)
    subject.note(monkeypatch)

    def taken() -> list[str]:
        now, subject.made[:] = [type(call).__name__ for call in subject.made], []
        return now

    driver = subject.driver()
    key = driver.keys(Usage.SIGNATURE)[0]
    assert driver.chain(key) == ()
    assert driver.pin_status(key).tries_left is None
    # The process loads the module as it starts, and tells so.
    assert taken() == ["Find", "Read", "Status"]
    driver.verify_pin_guarded(key, Pin(softhsm.pin), accept_last_try=False)
    key = driver.keys(Usage.SIGNATURE)[0]
    assert sign_digest(driver, key, key.certificate, Algorithm.RS256, bytes(32))
    # Private keys, and who wants the PIN each time, are seen after the login, once.
    assert taken() == ["Status", "Login", "Read", "Sign"]
    assert sign_digest(driver, key, key.certificate, Algorithm.RS256, bytes(32))
    assert taken() == ["Sign"]
    driver.end()


def test_a_second_listing_asks_the_module_nothing(one_of_each, monkeypatch) -> None:
    first = one_of_each.keys()
    monkeypatch.setattr(one_of_each._process, "call", None)
    assert one_of_each.keys() == first


def found_in_memory(pid: int, secret: bytes) -> list[str]:
    """Return where a process has a secret in its memory."""
    places = []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory, open(f"/proc/{pid}/maps") as maps:  # noqa: PTH123
        for line in maps:
            where, rights, *rest = line.split()
            begin, end = (int(part, 16) for part in where.split("-"))
            if "r" not in rights or rest[-1].startswith("[v"):
                continue
            memory.seek(begin)
            with contextlib.suppress(OSError):
                if secret in memory.read(end - begin):
                    places.append(line)
    return places


def test_nobody_finds_the_pin_in_the_memory_of_the_modules_process(
    softhsm, on_token, rsa_key, signature, find
) -> None:
    softhsm.add("card", on_token(b"\x01", rsa_key, signature(rsa_key), pin_always=True))
    driver = find()
    key = driver.keys(Usage.SIGNATURE)[0]
    driver.change_pin(key, Pin(softhsm.pin), Pin("canary-5d1f-77"))
    with pytest.raises(PinIncorrect):
        driver.verify_pin(key, Pin("canary-0000-00"))
    driver.verify_pin(key, Pin("canary-5d1f-77"))
    assert sign_digest(driver, key, key.certificate, Algorithm.RS256, bytes(32))
    # Root may look; anybody else is turned away, as the process forbids it (PR_SET_DUMPABLE).
    with contextlib.suppress(PermissionError):
        pid = driver._process._process.pid
        assert found_in_memory(pid, b"certificate")
        assert found_in_memory(pid, b"canary-") == []
