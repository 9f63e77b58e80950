"""The JPKI applet as scripts of APDUs."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bridged.pcsc import tlv
from bridged.virtual.card import VirtualCard

SELECT_AP = "00A4040C0AD392F000260100000001"
SIGNATURE_PIN_FILE, AUTHENTICATION_PIN_FILE = "00A4020C02001B", "00A4020C020018"
SIGNATURE_KEY_FILE, AUTHENTICATION_KEY_FILE = "00A4020C02001A", "00A4020C020017"
ABC123, WRONG_ABC = "0020008006414243313233", "0020008006414243313234"
PIN_1234, WRONG_1234 = "002000800431323334", "002000800431323335"
DIGEST_INFO = (
    bytes.fromhex("3031300D060960864801650304020105000420") + hashlib.sha256(b"bid").digest()
).hex()
SIGN = f"802A008033{DIGEST_INFO}00"


def sws(send, *apdus: str) -> list[str]:
    return [f"{send(apdu).sw:04X}" for apdu in apdus]


def read_file(send, file: str) -> bytes:
    """Read a DER file by 15-bit offsets, its length taken from the header."""
    assert send(f"00A4020C02{file}").ok
    _, size = tlv.header(send("00B0000004").data)
    content = b""
    while len(content) < size:
        part = send(f"00B0{len(content):04X}{min(255, size - len(content)):02X}")
        assert part.ok
        content += part.data
    return content


def certificate(send, file: str) -> x509.Certificate:
    return x509.load_der_x509_certificate(read_file(send, file))


# ---- files ----


def test_the_free_files_make_a_chain(jpki_apdu) -> None:
    leaf, issuer = certificate(jpki_apdu, "000A"), certificate(jpki_apdu, "000B")
    leaf.verify_directly_issued_by(issuer)
    assert "user authentication" in issuer.subject.rfc4514_string()
    assert "digital signature" in certificate(jpki_apdu, "0002").subject.rfc4514_string()


def test_the_signature_certificate_needs_the_signature_pin(jpki_apdu) -> None:
    before = sws(jpki_apdu, "00A4020C020001", "00B0000004")
    sws(jpki_apdu, AUTHENTICATION_PIN_FILE, PIN_1234)
    with_the_other_pin = sws(jpki_apdu, "00A4020C020001", "00B0000004", "00B0810004")
    assert before + with_the_other_pin == ["9000", "6982", "9000", "6982", "6982"]
    sws(jpki_apdu, SIGNATURE_PIN_FILE, ABC123)
    leaf = certificate(jpki_apdu, "0001")
    leaf.verify_directly_issued_by(certificate(jpki_apdu, "0002"))


def test_the_token_information_names_the_card(jpki_apdu) -> None:
    jpki_apdu("00A4020C020006")
    answer = jpki_apdu("00B00000A0")
    assert answer.ok
    assert answer.data[:32] == b"JPKIAPICCTOKEN2" + b" " * 17


def test_the_end_of_a_file(jpki_apdu) -> None:
    jpki_apdu("00A4020C020006")
    near = jpki_apdu("00B0009820")
    assert (len(near.data), near.sw) == (8, 0x6282)
    rest = jpki_apdu("00B0009800")
    assert (len(rest.data), rest.sw) == (8, 0x9000)
    assert jpki_apdu("00B000A000").sw == 0x6B00


def test_a_file_is_read_by_its_short_identifier_and_stays_selected(jpki_apdu) -> None:
    by_sfi = jpki_apdu("00B0860A10")
    assert by_sfi.data == jpki_apdu("00B0000A10").data


@pytest.mark.parametrize(
    ("select", "sw"),
    [
        ("00A4020C021234", 0x6A82),
        ("00A40200020001", 0x6A86),
        ("00A4000C023F00", 0x6A86),
        ("00B0000004", 0x6986),
        ("00B09E0004", 0x6A82),
        ("00CA000000", 0x6D00),
        ("90B0000004", 0x9000),
        ("A0B0000004", 0x6E00),
    ],
)
def test_what_the_applet_does_not_know_is_refused(jpki_apdu, select: str, sw: int) -> None:
    # CLA 90 is a link of a chain, which nothing follows here.
    assert jpki_apdu(select).sw == sw


@pytest.mark.parametrize("file", ["0017", "0018", "001A", "001B"])
def test_keys_and_pins_are_not_read(jpki_apdu, file: str) -> None:
    assert sws(jpki_apdu, f"00A4020C02{file}", "00B0000004") == ["9000", "6986"]


# ---- PIN ----


@pytest.mark.parametrize(
    ("file", "wrong", "right", "tries"),
    [
        (AUTHENTICATION_PIN_FILE, WRONG_1234, PIN_1234, 3),
        (SIGNATURE_PIN_FILE, WRONG_ABC, ABC123, 5),
    ],
    ids=["authentication", "signature"],
)
def test_wrong_pins_block(jpki_apdu, file: str, wrong: str, right: str, tries: int) -> None:
    answers = sws(jpki_apdu, file, "00200080", *[wrong] * tries, wrong, right, "00200080")
    counting = [f"63C{left}" for left in range(tries, -1, -1)]
    assert answers == ["9000", *counting, "6984", "6984", "63C0"]


def test_the_pins_count_apart(jpki_apdu) -> None:
    sws(jpki_apdu, AUTHENTICATION_PIN_FILE, *[WRONG_1234] * 3)
    assert sws(jpki_apdu, SIGNATURE_PIN_FILE, "00200080", ABC123) == ["9000", "63C5", "9000"]


def test_asking_for_the_tries_keeps_the_verified_state(jpki_apdu) -> None:
    sws(jpki_apdu, SIGNATURE_PIN_FILE, ABC123)
    assert sws(jpki_apdu, "00200080", SIGNATURE_KEY_FILE, SIGN) == ["63C5", "9000", "9000"]


def test_a_wrong_pin_ends_the_verified_state(jpki_apdu) -> None:
    sws(jpki_apdu, SIGNATURE_PIN_FILE, ABC123, WRONG_ABC)
    assert sws(jpki_apdu, SIGNATURE_KEY_FILE, SIGN) == ["9000", "6982"]


@pytest.mark.parametrize("apdu", ["00200080", "00240180", SIGN])
def test_without_a_suitable_file_nothing_is_done(jpki_apdu, apdu: str) -> None:
    assert sws(jpki_apdu, apdu, "00A4020C020006", apdu) == ["6985", "9000", "6985"]


def test_the_pin_is_changed_after_it_was_verified(jpki_apdu) -> None:
    change, new = "0024018007" + b"NEWPIN7".hex(), "0020008007" + b"NEWPIN7".hex()
    answers = sws(jpki_apdu, SIGNATURE_PIN_FILE, change, ABC123, change, ABC123, new)
    assert answers == ["9000", "6982", "9000", "9000", "63C4", "9000"]


@pytest.mark.parametrize("new", [b"SHORT", b"lower123", b"A" * 17, b"AB 123"])
def test_a_new_signature_pin_keeps_the_rules(jpki_apdu, new: bytes) -> None:
    sws(jpki_apdu, SIGNATURE_PIN_FILE, ABC123)
    assert sws(jpki_apdu, f"00240180{len(new):02X}{new.hex()}", ABC123) == ["6A80", "9000"]


@pytest.mark.parametrize("apdu", ["00200081", "00200180", "00240080"])
def test_other_parameters_are_refused(jpki_apdu, apdu: str) -> None:
    assert sws(jpki_apdu, SIGNATURE_PIN_FILE, apdu) == ["9000", "6A86"]


# ---- signing ----


@pytest.mark.parametrize(
    ("enter", "sfi", "certificate_file"),
    [
        ((AUTHENTICATION_PIN_FILE, PIN_1234, AUTHENTICATION_KEY_FILE), "97", "000A"),
        ((SIGNATURE_PIN_FILE, ABC123, SIGNATURE_KEY_FILE), "9A", "0001"),
    ],
    ids=["authentication", "signature"],
)
def test_a_signature_verifies_with_the_certificate(
    jpki_apdu, enter: tuple[str, ...], sfi: str, certificate_file: str
) -> None:
    sws(jpki_apdu, *enter)
    answers = [jpki_apdu(SIGN), jpki_apdu(f"802A00{sfi}33{DIGEST_INFO}00")]
    key = certificate(jpki_apdu, certificate_file).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    for answer in answers:
        assert answer.ok
        key.verify(answer.data, b"bid", padding.PKCS1v15(), hashes.SHA256())


def test_a_pin_opens_its_own_key_alone(jpki_apdu) -> None:
    sws(jpki_apdu, AUTHENTICATION_PIN_FILE, PIN_1234)
    assert jpki_apdu(f"802A009A33{DIGEST_INFO}00").sw == 0x6982


@pytest.mark.parametrize("leave", ["select", "reset"])
def test_selecting_again_or_a_reset_logs_out(jpki: VirtualCard, jpki_apdu, leave: str) -> None:
    sws(jpki_apdu, SIGNATURE_PIN_FILE, ABC123)
    if leave == "reset":
        jpki.reset()
    assert sws(jpki_apdu, SELECT_AP, SIGNATURE_KEY_FILE, SIGN) == ["9000", "9000", "6982"]


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        (f"802A018033{DIGEST_INFO}00", 0x6A86),
        (f"802A000033{DIGEST_INFO}00", 0x6A86),
        (f"802A009B33{DIGEST_INFO}00", 0x6985),
        ("802A0080F6" + "00" * 246 + "00", 0x6A80),
    ],
)
def test_a_malformed_signing_is_refused(jpki_apdu, apdu: str, sw: int) -> None:
    sws(jpki_apdu, SIGNATURE_PIN_FILE, ABC123, SIGNATURE_KEY_FILE)
    assert jpki_apdu(apdu).sw == sw
