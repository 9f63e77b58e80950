"""The PIV driver, APDU by APDU."""

from __future__ import annotations

import contextlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.cards.answers import SecurityStatus
from bridged.cards.key import Input
from bridged.cards.piv import PivDriver
from bridged.errors import (
    CardFault,
    PinBlocked,
    PinIncorrect,
    PinLastTry,
    PinUnblockUnsupported,
)
from bridged.model import Usage
from bridged.pcsc import tlv
from bridged.pcsc.apdu import Response
from bridged.secret import Pin
from bridged.virtual import certificates

SELECT = ("00A40400 05 A000000308 00", "61069000")
GET_9A, GET_9C = "00CB3FFF 05 5C035FC105", "00CB3FFF 05 5C035FC10A"
NOTHING = "6A82"
DISCOVERY = ("00CB3FFF 03 5C017E 00", NOTHING)
LONG_DISCOVERY = ("00CB3FFF 000003 5C017E 0000", NOTHING)
GLOBAL = "7E12 4F0BA000000308000010000100 5F2F02 6020 9000".replace(" ", "")
YUBIKEY_ATR = bytes.fromhex("3BFD1300008131FE158073C021C057597562694B657940")
PIN = Pin("123456")
VERIFY = "00200080 08 313233343536FFFF"


@pytest.fixture(scope="session")
def certificate(ca) -> bytes:
    holder, validity = certificates.Cardholder(), certificates.valid_for(30)
    issued = certificates.ebid_signature(ca, ca.key.public_key(), holder, validity)
    return issued.public_bytes(Encoding.DER)


def wrapped(certificate: bytes, info: bytes = b"\0") -> bytes:
    inner = tlv.encode(0x70, certificate) + tlv.encode(0x71, info) + b"\xfe\0"
    return tlv.encode(0x53, inner)


def in_parts(command: str, answer: bytes) -> list[tuple[str, str]]:
    """Return the transcript of a long answer over short APDUs."""
    parts = [answer[i : i + 256] for i in range(0, len(answer), 256)]
    rest = [len(part) % 256 for part in parts[1:]]
    status = [f"61{left:02x}" for left in rest] + ["9000"]
    commands = [command] + [f"00C00000{left:02x}" for left in rest]
    return [(c, p.hex() + s) for c, p, s in zip(commands, parts, status, strict=True)]


def test_certificates_are_listed_over_short_apdus(script, certificate: bytes) -> None:
    channel = script(SELECT, *in_parts(GET_9A + "00", wrapped(certificate)), DISCOVERY)
    driver = PivDriver.detect(channel)
    (key,) = driver.keys(Usage.AUTHENTICATION)
    assert key.certificate == certificate
    assert (key.ref, key.usage, key.pin_always) == ("9a", Usage.AUTHENTICATION, False)
    assert (key.inputs, key.certificate_private, driver.chain(key)) == (
        {Input.RSA_BLOCK},
        False,
        (),
    )


def test_certificates_are_listed_in_one_answer_each_where_the_card_takes_extended_length(
    script, certificate: bytes
) -> None:
    answer = wrapped(certificate).hex() + "9000"
    channel = script(
        SELECT,
        ("00CB3FFF 000005 5C035FC105 0000", answer),
        LONG_DISCOVERY,
        ("00CB3FFF 000005 5C035FC10A 0000", answer),
        *[(f"00CB3FFF 000005 5C03{tag} 0000", NOTHING) for tag in ("5FC101", "5FC10B", "5FC10C")],
        extended=True,
    )
    keys = PivDriver.detect(channel).keys()
    assert [(key.ref, key.pin_always) for key in keys] == [("9a", False), ("9c", True)]


def test_only_the_wanted_usage_is_read(script, certificate: bytes) -> None:
    channel = script(SELECT, *in_parts(GET_9C + "00", wrapped(certificate)), DISCOVERY)
    (key,) = PivDriver.detect(channel).keys(Usage.SIGNATURE)
    assert key.ref == "9c"


def with_key(script, certificate: bytes, *rest: tuple[str, str], extended: bool = False):
    """Return a driver that has read its signature key, and the key; `rest` goes on."""
    if extended:
        read = [("00CB3FFF 000005 5C035FC10A 0000", wrapped(certificate).hex() + "9000")]
        read.append(LONG_DISCOVERY)
    else:
        read = [*in_parts(GET_9C + "00", wrapped(certificate)), DISCOVERY]
    channel = script(SELECT, *read, *rest, extended=extended)
    driver = PivDriver.detect(channel)
    (key,) = driver.keys(Usage.SIGNATURE)
    return channel, driver, key


def test_a_pin_is_padded_and_sent_right_after_its_application_was_selected(
    script, certificate: bytes
) -> None:
    channel, driver, key = with_key(
        script, certificate, SELECT, ("00200080", "63C3"), (VERIFY, "9000")
    )
    channel.transaction += 1
    driver.verify_pin_guarded(key, PIN.copy(), accept_last_try=False)


def test_a_signature_over_short_apdus_is_chained_and_fetched(script, certificate: bytes) -> None:
    block = bytes(range(256))
    template = "7c82010682008182 0100".replace(" ", "") + block.hex()
    signature = tlv.encode(0x7C, tlv.encode(0x82, block[::-1]))
    _, driver, key = with_key(
        script,
        certificate,
        (VERIFY, "9000"),
        ("1087079C FF" + template[:510], "9000"),
        *in_parts(f"0087079C {len(template) // 2 - 255:02X}" + template[510:] + "00", signature),
    )
    driver.verify_pin(key, PIN.copy())
    assert driver.sign(key, Input.RSA_BLOCK, block) == block[::-1]


def test_a_signature_in_the_extended_form_is_one_apdu(script, certificate: bytes) -> None:
    block = bytes(256)
    _, driver, key = with_key(
        script,
        certificate,
        ("0087079C 00010A 7C820106 8200 81820100" + block.hex() + "0000", "7c048202abcd9000"),
        extended=True,
    )
    assert driver.sign(key, Input.RSA_BLOCK, block) == b"\xab\xcd"


SIGN = "0087079C 07 7C05 8200 8101AA 00"


@pytest.mark.parametrize("answer", ["6A82", "6D00", "6A86", "6E00", "6982"])
def test_a_signature_that_reached_another_application_is_asked_for_again(
    script, certificate: bytes, answer: str
) -> None:
    channel, driver, key = with_key(
        script, certificate, (SIGN, answer), SELECT, (SIGN, "7C038201AB9000")
    )
    channel.transaction += 1
    assert driver.sign(key, Input.RSA_BLOCK, b"\xaa") == b"\xab"


def test_another_application_leaves_the_pin_forgotten(script, certificate: bytes) -> None:
    channel, driver, key = with_key(script, certificate, (SIGN, "6D00"), SELECT, (SIGN, "6982"))
    channel.transaction += 1
    with pytest.raises(SecurityStatus):
        driver.sign(key, Input.RSA_BLOCK, b"\xaa")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("6982", SecurityStatus),
        ("6D00", CardFault),
        ("6F00", CardFault),
        ("7C0082009000", CardFault),
    ],
)
def test_a_signature_refused_by_piv_itself_is_not_asked_for_again(
    script, certificate: bytes, answer: str, error: type[Exception]
) -> None:
    _, driver, key = with_key(script, certificate, (SIGN, answer))
    with pytest.raises(error):
        driver.sign(key, Input.RSA_BLOCK, b"\xaa")


NEW_PUK = Pin("87654321")
PUK, PUKS = Pin("12345678"), "3132333435363738 3837363534333231"


def test_a_puk_is_changed_by_its_reference(script, certificate: bytes) -> None:
    channel, driver, key = with_key(
        script,
        certificate,
        SELECT,
        ("00240081 10 3030303030303030 3837363534333231", "63C2"),
        SELECT,
        ("00240081 10" + PUKS, "9000"),
    )
    for puk, left in ((Pin("00000000"), 2), (PUK, None)):
        channel.transaction += 1
        with pytest.raises(PinIncorrect) if left else contextlib.nullcontext():
            driver.change_puk_guarded(key, puk, NEW_PUK, accept_last_try=False)
        assert driver.puk_tries_left(key) == left


def test_a_pin_is_unblocked_by_the_puk_unless_that_was_its_last_try(
    script, certificate: bytes
) -> None:
    wrong = "002C0080 10 3030303030303030 313233343536FFFF"
    _, driver, key = with_key(script, certificate, (wrong, "63C1"), (wrong, "63C0"))
    for accept, error in ((False, PinIncorrect), (False, PinLastTry), (True, PinBlocked)):
        with pytest.raises(error):
            driver.unblock_pin_guarded(key, Pin("00000000"), PIN.copy(), accept_last_try=accept)
    with pytest.raises(PinBlocked):
        driver.unblock_pin_guarded(key, PUK, PIN.copy(), accept_last_try=True)


METADATA = "00F70081 00"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("0101FF 050100 06020301 9000", PinLastTry),
        ("0101FF 050100 06020300 9000", PinBlocked),
        ("0101FF 050100 06020302 9000", None),
        ("6D00", None),
        ("0602 9000", None),
        ("060103 9000", None),
    ],
)
def test_a_yubikey_is_asked_for_the_tries_of_its_puk(
    script, certificate: bytes, answer: str, error: type[Exception] | None
) -> None:
    change = [] if error else [("00240081 10" + PUKS, "9000")]
    channel, driver, key = with_key(script, certificate, (METADATA, answer), *change)
    channel.atr = YUBIKEY_ATR
    with pytest.raises(error) if error else contextlib.nullcontext():
        driver.change_puk_guarded(key, PUK, NEW_PUK, accept_last_try=False)


def test_a_new_transaction_selects_before_it_asks(script, certificate: bytes) -> None:
    channel, driver, key = with_key(
        script, certificate, ("00200080", "63C2"), SELECT, ("00200080", "9000")
    )
    assert driver.pin_status(key).tries_left == 2
    channel.transaction += 1
    status = driver.pin_status(key)
    assert (status.tries_left, status.verified, status.blocked) == (None, True, False)


@pytest.mark.parametrize(
    ("answer", "left", "blocked"),
    [
        ("63C1", 1, False),
        ("63C0", 0, True),
        ("6983", 0, True),
        ("6301", 1, False),
        ("6300", None, False),
    ],
)
def test_the_state_of_the_pin_is_what_an_empty_verify_says(
    script,
    certificate: bytes,
    answer: str,
    left: int | None,
    blocked: bool,  # noqa: FBT001
) -> None:
    _, driver, key = with_key(script, certificate, ("00200080", answer))
    status = driver.pin_status(key)
    assert (status.tries_left, status.blocked, status.verified) == (left, blocked, False)


@pytest.mark.parametrize("answer", ["6982", "6A88", "6D00", "6F00"])
def test_an_odd_answer_about_the_pin_is_a_fault(script, certificate: bytes, answer: str) -> None:
    _, driver, key = with_key(script, certificate, ("00200080", answer))
    with pytest.raises(CardFault, match=answer):
        driver.pin_status(key)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("63C2", PinIncorrect),
        ("6302", PinIncorrect),
        ("6300", PinIncorrect),
        ("63C0", PinBlocked),
        ("6983", PinBlocked),
        ("6A80", CardFault),
        ("6982", CardFault),
    ],
)
def test_a_refused_pin_is_told_by_its_status_word(
    script, certificate: bytes, answer: str, error: type[Exception]
) -> None:
    _, driver, key = with_key(script, certificate, (VERIFY, answer))
    with pytest.raises(error):
        driver.verify_pin(key, PIN.copy())


def test_an_application_that_vanished_is_a_fault(script, certificate: bytes) -> None:
    channel, driver, key = with_key(script, certificate, (SELECT[0], "6A82"))
    channel.transaction += 1
    with pytest.raises(CardFault, match="6A82"):
        driver.pin_status(key)


def test_a_key_that_was_never_listed_signs_nothing(script, certificate: bytes) -> None:
    _, _, key = with_key(script, certificate)
    other = PivDriver.detect(script(SELECT))
    with pytest.raises(CardFault):
        other.sign(key, Input.RSA_BLOCK, bytes(32))


@pytest.mark.parametrize(
    "answer",
    ["5300 9000", "5302 7000 9000", "9000", "53829000", "5303700112 9000", "6A82", "6982"],
    ids=["empty", "no certificate", "nothing", "cut", "no DER", "not found", "not without PIN"],
)
def test_a_slot_without_a_readable_certificate_is_no_key(script, answer: str) -> None:
    elsewhere = [("00CB3FFF 05 5C03" + tag + "00", NOTHING) for tag in ("5FC10B", "5FC10C")]
    channel = script(SELECT, (GET_9C + "00", answer), *elsewhere)
    assert PivDriver.detect(channel).keys(Usage.SIGNATURE) == []


def test_a_status_that_says_nothing_about_the_slot_is_a_fault(script) -> None:
    channel = script(SELECT, (GET_9C + "00", "6F00"))
    with pytest.raises(CardFault, match="6F00"):
        PivDriver.detect(channel).keys(Usage.SIGNATURE)


# ---- the PIN that people know ----


def test_a_card_may_prefer_its_global_pin(script, certificate: bytes) -> None:
    channel = script(
        SELECT,
        *in_parts(GET_9C + "00", wrapped(certificate)),
        (DISCOVERY[0], GLOBAL),
        ("00200000", "63C3"),
        ("00200000 08 313233343536FFFF", "9000"),
        ("00240000 10 313233343536FFFF 363534333231FFFF", "9000"),
    )
    driver = PivDriver.detect(channel)
    (key,) = driver.keys(Usage.SIGNATURE)
    assert (key.pin.ref, key.pin.label, key.pin.puk) == ("00", "Global PIN", None)
    driver.verify_pin_guarded(key, PIN.copy(), accept_last_try=False)
    driver.change_pin(key, PIN.copy(), Pin("654321"))
    with pytest.raises(PinUnblockUnsupported):
        driver.unblock_pin(key, Pin("12345678"), PIN.copy())


@pytest.mark.parametrize("answer", ["6A82", "6D00", "6982", "9000", "7E03 5F2F01 9000"])
def test_a_card_that_says_nothing_of_its_pins_has_pivs(
    script, certificate: bytes, answer: str
) -> None:
    read = in_parts(GET_9C + "00", wrapped(certificate))
    channel = script(SELECT, *read, (DISCOVERY[0], answer))
    (key,) = PivDriver.detect(channel).keys(Usage.SIGNATURE)
    assert key.pin.block.verify(b"123456").encode() == bytes.fromhex(VERIFY.replace(" ", ""))


def test_a_keypad_fills_in_the_block_of_the_pin(script, certificate: bytes) -> None:
    _, driver, key = with_key(script, certificate, ("00200080", "63C3"))
    typed: list[str] = []

    class Pad:
        def verify(self, command, pin):
            typed.append(command.encode().hex())
            return Response(b"", 0x63C2 if len(typed) == 1 else 0x9000)

    driver.guard(key, accept_last_try=False)
    with pytest.raises(PinIncorrect):
        driver.verify_on_keypad(key, Pad())
    driver.verify_on_keypad(key, Pad())
    assert typed == ["0020008008" + "ff" * 8] * 2


# ---- where keys are ----


def test_the_place_of_a_usage_is_enough(script, certificate: bytes) -> None:
    channel = script(SELECT, *in_parts(GET_9C + "00", wrapped(certificate)), DISCOVERY)
    driver = PivDriver.detect(channel)
    assert driver.keys(Usage.SIGNATURE) == driver.keys(Usage.SIGNATURE)


def test_tokens_that_keep_no_history_are_searched(script, certificate: bytes) -> None:
    found = in_parts("00CB3FFF 05 5C035FC10E 00", wrapped(certificate))
    empty = [f"00CB3FFF 05 5C03{tag:06X} 00" for tag in range(0x5FC10F, 0x5FC121)]
    channel = script(
        SELECT,
        *[(f"00CB3FFF 05 5C03{tag} 00", NOTHING) for tag in ("5FC10A", "5FC10B", "5FC10D")],
        *found,
        DISCOVERY,
        *[(command, NOTHING) for command in empty],
    )
    channel.atr = YUBIKEY_ATR
    (key,) = PivDriver.detect(channel).keys(Usage.SIGNATURE)
    assert (key.ref, key.label) == ("83", "Retired Key Management 2 (83)")
