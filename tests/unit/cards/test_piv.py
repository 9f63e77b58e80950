"""The PIV driver, APDU by APDU."""

from __future__ import annotations

import gzip
import zlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.cards import piv
from bridged.cards.base import Input, SecurityStatus
from bridged.cards.piv import PivDriver, parse_certificate_object
from bridged.errors import CardFault, PinBlocked, PinIncorrect
from bridged.model import Usage
from bridged.pcsc import tlv
from bridged.secret import Pin
from bridged.virtual import certificates

SELECT = ("00A40400 05 A000000308 00", "61069000")
GET_9A, GET_9C = "00CB3FFF 05 5C035FC105", "00CB3FFF 05 5C035FC10A"
NOTHING = "6A82"
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
    channel = script(
        SELECT, *in_parts(GET_9A + "00", wrapped(certificate)), (GET_9C + "00", NOTHING)
    )
    (key,) = PivDriver.detect(channel).keys()
    assert key.certificate == certificate
    assert (key.ref, key.usage, key.pin_always) == ("9a", Usage.AUTHENTICATION, False)
    assert (key.inputs, key.certificate_private, key.chain) == ({Input.RSA_BLOCK}, False, ())


def test_certificates_are_listed_in_one_answer_each_where_the_card_takes_extended_length(
    script, certificate: bytes
) -> None:
    answer = wrapped(certificate).hex() + "9000"
    channel = script(
        SELECT,
        ("00CB3FFF 000005 5C035FC105 0000", answer),
        ("00CB3FFF 000005 5C035FC10A 0000", answer),
        extended=True,
    )
    keys = PivDriver.detect(channel).keys()
    assert [(key.ref, key.pin_always) for key in keys] == [("9a", False), ("9c", True)]


def test_only_the_wanted_usage_is_read(script, certificate: bytes) -> None:
    channel = script(SELECT, *in_parts(GET_9C + "00", wrapped(certificate)))
    (key,) = PivDriver.detect(channel).keys(Usage.SIGNATURE)
    assert key.ref == "9c"


def with_key(script, certificate: bytes, *rest: tuple[str, str], extended: bool = False):
    """Return a driver that has read its signature key, and the key; `rest` goes on."""
    if extended:
        read = [("00CB3FFF 000005 5C035FC10A 0000", wrapped(certificate).hex() + "9000")]
    else:
        read = in_parts(GET_9C + "00", wrapped(certificate))
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


def test_a_failed_signature_selects_the_next_time(script, certificate: bytes) -> None:
    sign = "0087079C 07 7C05 8200 8101AA 00"
    _, driver, key = with_key(
        script, certificate, (sign, "6982"), SELECT, (sign, "6D00"), SELECT, (sign, "7C0082009000")
    )
    with pytest.raises(SecurityStatus):
        driver.sign(key, Input.RSA_BLOCK, b"\xaa")
    with pytest.raises(CardFault, match="6D00"):
        driver.sign(key, Input.RSA_BLOCK, b"\xaa")
    with pytest.raises(CardFault):
        driver.sign(key, Input.RSA_BLOCK, b"\xaa")


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
    channel = script(SELECT, (GET_9C + "00", answer))
    assert PivDriver.detect(channel).keys(Usage.SIGNATURE) == []


@pytest.mark.parametrize(
    "private",
    [ec.generate_private_key(ec.SECP521R1()), ed25519.Ed25519PrivateKey.generate()],
    ids=["P-521", "Ed25519"],
)
def test_a_slot_with_a_key_that_has_no_algorithm_is_no_key(script, ca, private) -> None:
    holder, validity = certificates.Cardholder(), certificates.valid_for(30)
    issued = certificates.ebid_signature(ca, private.public_key(), holder, validity)
    answer = wrapped(issued.public_bytes(Encoding.DER))
    channel = script(SELECT, *in_parts(GET_9C + "00", answer))
    assert PivDriver.detect(channel).keys(Usage.SIGNATURE) == []


def test_a_status_that_says_nothing_about_the_slot_is_a_fault(script) -> None:
    channel = script(SELECT, (GET_9C + "00", "6F00"))
    with pytest.raises(CardFault, match="6F00"):
        PivDriver.detect(channel).keys(Usage.SIGNATURE)


# ---- the data object of a certificate ----


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, lambda der: b"\x01\x00" + len(der).to_bytes(2, "little") + zlib.compress(der)],
    ids=["gzip", "0100"],
)
def test_a_compressed_certificate_is_unpacked(certificate: bytes, pack) -> None:
    assert parse_certificate_object(wrapped(pack(certificate), b"\x01")) == certificate


def test_a_certificate_without_info_is_taken_as_it_is(certificate: bytes) -> None:
    assert parse_certificate_object(tlv.encode(0x53, tlv.encode(0x70, certificate))) == certificate


@pytest.mark.parametrize("wbits", [31, 15], ids=["gzip", "0100"])
def test_a_bomb_is_refused_before_it_grows(wbits: int, monkeypatch) -> None:
    packer = zlib.compressobj(9, wbits=wbits)
    bomb = packer.compress(bytes(10_000_000)) + packer.flush()
    assert len(bomb) < piv.MAX_CERTIFICATE
    mark = b"" if wbits == 31 else b"\x01\x00\xff\xff"
    grown: list[int] = []
    unpack = piv._decompress
    monkeypatch.setattr(piv, "_decompress", lambda data: _noted(unpack(data), grown))
    with pytest.raises(ValueError, match="too large"):
        parse_certificate_object(wrapped(mark + bomb, b"\x01"))
    assert grown == [piv.MAX_CERTIFICATE + 1]


def _noted(data: bytes, sizes: list[int]) -> bytes:
    sizes.append(len(data))
    return data


def test_a_certificate_of_more_than_the_most_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        parse_certificate_object(wrapped(bytes(piv.MAX_CERTIFICATE + 1)))


def test_rubbish_that_says_it_is_compressed_is_refused() -> None:
    with pytest.raises(zlib.error):
        parse_certificate_object(wrapped(b"rubbish", b"\x01"))
