"""A module that hangs, crashes or lies is a clear error, and never more than that."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from bridged.cards.key import Input
from bridged.cards.pkcs11 import calls as c
from bridged.cards.pkcs11 import process
from bridged.cards.pkcs11.driver import Pkcs11Driver
from bridged.cards.pkcs11.module import FIRST_REST_S, LONGEST_REST_S, Module
from bridged.errors import (
    CardFault,
    CardRemoved,
    ModuleFault,
    PinBlocked,
    PinIncorrect,
    PinLastTry,
    UserTimeout,
)
from bridged.model import Algorithm, Usage
from bridged.secret import Pin
from bridged.signing.signer import sign_digest

LOGIN_REQUIRED, PROTECTED, FINAL_TRY, LOCKED = 0x40C, 0x50C, 0x2040C, 0x4040C


@pytest.fixture
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a login, and for the end, no longer than it takes to see that they do not come."""
    monkeypatch.setattr(process, "END_S", 0.5)
    for name in ("CALL_S", "PERSON_S"):
        monkeypatch.setattr(f"bridged.cards.pkcs11.driver.{name}", 0.5)


def found(module: Module) -> Pkcs11Driver:
    driver = Pkcs11Driver.find([module], "a reader")
    assert driver is not None
    return driver


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_module_is_good_where_it_is_told_to_be(hostile) -> None:
    driver = found(hostile())
    key = driver.keys(Usage.SIGNATURE)[0]
    assert (key.pin.rules.min_length, key.pin.rules.max_length) == (6, 8)
    driver.verify_pin(key, Pin("123456"))
    assert len(driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))) == 256
    driver.end()


@pytest.mark.parametrize("moment", ["load", "find", "read"])
@pytest.mark.parametrize("harm", ["hang", "crash"])
def test_harm_while_the_card_is_looked_at_is_told(
    hostile, monkeypatch, harm: str, moment: str
) -> None:
    if harm == "hang":
        monkeypatch.setattr(process, "LOAD_S", 0.5 if moment == "load" else process.LOAD_S)
        monkeypatch.setattr(process.ModuleProcess.call, "__defaults__", (0.5,))
    with pytest.raises(ModuleFault) as fault:
        Pkcs11Driver.find([hostile(f"{harm}-{moment}")], "a reader")
    assert fault.value.module == "Hostile"
    assert fault.value.cause == {"hang": "hung", "crash": "crashed"}[harm]


def test_another_module_is_asked_where_one_does_harm(hostile, softhsm) -> None:
    softhsm.add("card")
    driver = Pkcs11Driver.find([hostile("crash-find"), softhsm.module()], "a reader")
    assert driver is not None
    assert driver.label == "card"
    driver.end()


@pytest.mark.parametrize("harm", ["hang", "crash"])
def test_a_login_that_comes_to_nothing_leaves_no_process(hostile, short_times, harm: str) -> None:
    driver = found(hostile(f"{harm}-login"))
    pid = driver._process._process.pid
    key = driver.keys(Usage.SIGNATURE)[0]
    with pytest.raises(ModuleFault):
        driver.verify_pin(key, Pin("123456"))
    assert not is_alive(pid)
    assert not driver.pin_status(key).verified
    driver.end()


def test_after_a_crash_in_a_signature_the_next_login_works(hostile, monkeypatch) -> None:
    driver = found(hostile("crash-sign"))
    key = driver.keys(Usage.SIGNATURE)[0]
    driver.verify_pin(key, Pin("123456"))
    epoch = driver.epoch
    with pytest.raises(ModuleFault):
        driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))
    monkeypatch.setenv("HOSTILE", "")
    driver.verify_pin(key, Pin("123456"))
    assert driver.epoch != epoch
    assert driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))
    driver.end()


@pytest.mark.parametrize("mode", ["hang-end", "crash-end"])
def test_an_end_that_does_not_end_is_ended(hostile, short_times, mode: str) -> None:
    driver = found(hostile(mode))
    pid = driver._process._process.pid
    driver.end()
    assert not is_alive(pid)


def test_what_is_no_module_is_told(tmp_path: Path) -> None:
    file = tmp_path / "text.so"
    file.write_text("not a library")
    for path in (file, tmp_path / "missing.so"):
        with pytest.raises(ModuleFault) as fault:
            Pkcs11Driver.find([Module(path, "Text")], "a reader")
        assert fault.value.cause == "unloadable"


def test_a_process_that_the_computer_does_not_start_is_told_and_the_next_works(
    hostile, monkeypatch
) -> None:
    module = hostile()
    with monkeypatch.context() as full:
        full.setattr(sys, "executable", "/nonexistent/python")
        for _ in range(3):
            with pytest.raises(ModuleFault) as fault:
                found(module)
            assert fault.value.cause == "unstartable"
    found(module).end()


@pytest.mark.parametrize("mode", ["lie-certificate", "lie-enormous", "lie-lengths"])
def test_a_certificate_that_is_none_is_no_key(hostile, mode: str) -> None:
    driver = found(hostile(mode))
    assert [key.certificate for key in driver.keys(None)] == [None, None]
    driver.end()


def test_objects_without_end_are_cut_off(hostile) -> None:
    driver = found(hostile("lie-endless"))
    assert len(driver._shown.tokens[0].certificates) == c.MAX_OBJECTS
    assert len(driver.keys()) == len(Usage)
    driver.end()


def test_slots_without_end_are_told(hostile) -> None:
    with pytest.raises(ModuleFault):
        Pkcs11Driver.find([hostile("lie-slots")], "a reader")


@pytest.mark.parametrize("mode", ["lie-info", "lie-text"])
def test_lies_about_the_token_do_no_harm(hostile, mode: str) -> None:
    driver = found(hostile(mode))
    for key in driver.keys(None):
        assert 1 <= key.pin.rules.min_length <= key.pin.rules.max_length <= 255
    driver.end()


@pytest.mark.parametrize(
    ("mode", "error"), [("refuse-read", ModuleFault), ("lose-read", CardRemoved)]
)
def test_a_token_that_cannot_be_read_is_told_and_leaves_no_process(
    hostile, monkeypatch, mode: str, error: type[Exception]
) -> None:
    made: list[process.Process] = []
    popen = process.subprocess.Popen

    def noted(*arguments, **options):
        made.append(popen(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(process.subprocess, "Popen", noted)
    with pytest.raises(error):
        Pkcs11Driver.find([hostile(mode)], "a reader")
    assert [each.returncode is not None for each in made] == [True]


def test_a_signature_that_is_none_never_leaves(hostile) -> None:
    driver = found(hostile())
    key = driver.keys(Usage.SIGNATURE)[0]
    driver.verify_pin(key, Pin("123456"))
    with pytest.raises(CardFault):
        sign_digest(driver, key, key.certificate, Algorithm.RS256, bytes(32))
    driver.end()


def test_what_a_module_prints_goes_nowhere(hostile, capfd) -> None:
    driver = found(hostile())
    driver.verify_pin(driver.keys()[0], Pin("123456"))
    driver.end()
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_the_pin_is_in_no_argument_and_no_environment(hostile) -> None:
    driver = found(hostile())
    driver.verify_pin(driver.keys()[0], Pin("123456"))
    proc = Path("/proc") / str(driver._process._process.pid)
    assert b"123456" not in (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
    driver.end()


def test_a_card_that_is_gone_ends_the_call_under_way(hostile) -> None:
    driver = found(hostile("hang-login"))
    key = driver.keys()[0]
    timer = threading.Timer(0.2, driver.abort)
    timer.start()
    with pytest.raises(CardRemoved):
        driver.verify_pin(key, Pin("123456"))
    with pytest.raises(CardRemoved):
        driver.verify_pin(key, Pin("123456"))


# ---- what the flags of a token tell ----


def test_one_try_left_is_guarded(hostile) -> None:
    driver = found(hostile(flags=FINAL_TRY))
    key = driver.keys()[0]
    assert driver.pin_status(key).tries_left == 1
    with pytest.raises(PinLastTry):
        driver.verify_pin_guarded(key, Pin("123456"), accept_last_try=False)
    driver.verify_pin_guarded(key, Pin("123456"), accept_last_try=True)
    driver.end()


def test_a_locked_pin_is_blocked_and_not_sent(hostile) -> None:
    driver = found(hostile("crash-login", flags=LOCKED))
    key = driver.keys()[0]
    assert driver.pin_status(key).blocked
    with pytest.raises(PinBlocked):
        driver.verify_pin_guarded(key, Pin("123456"), accept_last_try=True)
    driver.end()


def test_a_wrong_pin_tells_of_the_last_try(hostile) -> None:
    driver = found(hostile(flags=FINAL_TRY))
    with pytest.raises(PinIncorrect) as wrong:
        driver.verify_pin(driver.keys()[0], Pin("654321"))
    assert wrong.value.tries_left == 1
    driver.end()


def test_a_protected_pin_is_typed_elsewhere(hostile) -> None:
    driver = found(hostile(flags=PROTECTED))
    key = driver.keys(Usage.SIGNATURE)[0]
    assert key.pin.protected
    driver.verify_protected(key)
    assert driver.sign(key, Input.RSA_DIGEST_INFO, bytes(32))
    driver.end()


def test_a_person_who_types_nothing_has_run_out_of_time(hostile, short_times) -> None:
    driver = found(hostile("hang-login", flags=PROTECTED))
    with pytest.raises(UserTimeout):
        driver.verify_protected(driver.keys()[0])
    driver.end()


# ---- slots and readers ----


@pytest.mark.parametrize(
    ("slot", "reader", "same"),
    [
        ("Reader 00 00", "Reader 00 00", True),
        ("Reader 00 00", "Reader 01 00", False),
        ("x" * 64, "x" * 70, True),
        ("読" * 21 + "x", "読" * 21 + "xy", True),
        ("Virtual slot", "Reader 00 00", False),
    ],
)
def test_a_slot_belongs_to_the_reader_of_its_name(hostile, slot, reader, *, same) -> None:
    driver = Pkcs11Driver.find([hostile(reader=slot)], reader)
    assert (driver is not None) == same
    if driver is not None:
        driver.end()


# ---- a module that fails again and again ----


def test_a_broken_module_is_left_alone_for_longer_and_longer() -> None:
    now = 0.0
    module = Module(Path("/x"), "x", clock=lambda: now)
    module.failed("crashed")
    module.require_rested()
    rest = FIRST_REST_S
    for _ in range(12):
        module.failed("hung")
        with pytest.raises(ModuleFault) as fault:
            module.require_rested()
        assert fault.value.cause == "hung"
        now += min(rest, LONGEST_REST_S)
        module.require_rested()
        rest *= 2
    assert rest > LONGEST_REST_S
    module.worked()
    module.failed("crashed")
    module.require_rested()


def test_a_module_that_rests_is_not_started(hostile) -> None:
    module = hostile("crash-load")
    module.clock = lambda: 0.0
    for _ in range(2):
        with pytest.raises(ModuleFault):
            Pkcs11Driver.find([module], "a reader")
    started = process.ModuleProcess(module)
    with pytest.raises(ModuleFault) as fault:
        started.call(c.Find(None), list[c.Place])
    assert (fault.value.cause, started.starts) == ("crashed", 0)
