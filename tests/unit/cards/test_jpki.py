"""The JPKI driver, APDU by APDU."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.cards import jpki
from bridged.cards.answers import SecurityStatus
from bridged.cards.jpki import JpkiDriver
from bridged.cards.key import Input
from bridged.errors import CardFault, PinBlocked, PinIncorrect
from bridged.model import Usage
from bridged.secret import Pin
from bridged.virtual.ca import DemoCa

SELECT = ("00A4040C 0A D392F000260100000001", "9000")
FILE = {
    name: (f"00A4020C 02 {name}", "9000")
    for name in ("0001", "0002", "000A", "000B", "0017", "0018", "001A", "001B")
}
INFO = ("00B08600 20", b"JPKIAPICCTOKEN2".ljust(32).hex() + "9000")
DETECT = (SELECT, INFO)
SHORT = {"0001": "81", "0002": "82", "000A": "8A", "000B": "8B", "0017": "97", "001A": "9A"}
ASK = "00200080"
VERIFY_1234 = "00200080 04 31323334"
VERIFY_ABC123 = "00200080 06 414243313233"
SIGN = "802A0080 01 AA 00"


@pytest.fixture(scope="session")
def der(ca) -> bytes:
    return ca.certificate.public_bytes(Encoding.DER)


def reads(file: str, der: bytes, *, extended: bool = False) -> list[tuple[str, str]]:
    """Return the transcript of reading a file that holds `der` and no more."""
    if extended:
        return [(f"00B0{SHORT[file]}00 000000", der.hex() + "9000")]
    steps = [(f"00B0{SHORT[file]}00 00", der[:256].hex() + "9000")]
    for at in range(256, len(der), 256):
        part = der[at : at + 256]
        steps.append((f"00B0{at:04X} {len(part) % 256:02X}", part.hex() + "9000"))
    return steps


def authentication(script, der: bytes, *rest: tuple[str, str]):
    channel = script(*DETECT, *reads("000A", der), *rest)
    driver = JpkiDriver.detect(channel)
    (key,) = driver.keys(Usage.AUTHENTICATION)
    return channel, driver, key


def signature(script, der: bytes, *rest: tuple[str, str]):
    channel = script(*DETECT, *rest)
    driver = JpkiDriver.detect(channel)
    (key,) = driver.keys(Usage.SIGNATURE)
    return channel, driver, key


def test_certificates_are_listed_and_the_private_one_left_alone(script, der: bytes) -> None:
    driver = JpkiDriver.detect(script(*DETECT, *reads("000A", der), *reads("000B", der)))
    free, private = driver.keys()
    assert (free.ref, free.certificate, driver.chain(free)) == ("0017", der, (der,))
    assert (private.ref, private.certificate, driver.chain(private)) == ("001a", None, ())
    assert driver.chain(free) == (der,)
    assert (free.certificate_private, private.certificate_private) == (False, True)
    assert free.inputs == private.inputs == {Input.RSA_DIGEST_INFO}


def test_a_file_is_read_in_one_where_the_card_takes_extended_length(script, der: bytes) -> None:
    channel = script(*DETECT, *reads("000A", der, extended=True), extended=True)
    (key,) = JpkiDriver.detect(channel).keys(Usage.AUTHENTICATION)
    assert key.certificate == der


def test_bytes_behind_the_certificate_are_cut_off(script, der: bytes) -> None:
    padded = der.hex() + "00" * 50 + "6282"
    reading = [(f"00B0{SHORT[file]}00 000000", padded) for file in ("000A", "000B")]
    channel = script(*DETECT, *reading, extended=True)
    driver = JpkiDriver.detect(channel)
    (key,) = driver.keys(Usage.AUTHENTICATION)
    assert (key.certificate, driver.chain(key)) == (der, (der,))


def test_the_private_certificate_is_read_after_its_pin(script, der: bytes) -> None:
    channel, driver, key = signature(
        script,
        der,
        SELECT,
        FILE["001B"],
        (ASK, "63C5"),
        (VERIFY_ABC123, "9000"),
        *reads("0001", der),
    )
    channel.transaction += 1
    driver.verify_pin_guarded(key, Pin("ABC123"), accept_last_try=False)
    (key,) = driver.keys(Usage.SIGNATURE)
    assert key.certificate == der
    channel.attach(channel._send, extended=False)
    (key,) = driver.keys(Usage.SIGNATURE)
    assert key.certificate is None


def test_a_certificate_that_another_program_locked_again_is_shown_as_locked(
    script, der: bytes
) -> None:
    channel, driver, key = signature(
        script, der, FILE["001B"], (VERIFY_ABC123, "9000"), ("00B0810000", "6982")
    )
    driver.verify_pin(key, Pin("ABC123"))
    channel.transaction += 1
    (key,) = driver.keys(Usage.SIGNATURE)
    assert key.certificate is None
    (key,) = driver.keys(Usage.SIGNATURE)
    assert key.certificate is None


def test_a_pin_goes_to_its_own_file_after_the_application_was_selected(script, der: bytes) -> None:
    channel, driver, key = authentication(
        script, der, SELECT, FILE["0018"], (ASK, "63C3"), (VERIFY_1234, "9000")
    )
    channel.transaction += 1
    driver.verify_pin_guarded(key, Pin("1234"), accept_last_try=False)


BY_NAME = "802A0097 01 AA 00"


def sign(driver, key) -> bytes:
    return driver.sign(key, Input.RSA_DIGEST_INFO, b"\xaa")


def test_a_signature_names_its_key_and_is_one_apdu(script, der: bytes) -> None:
    channel, driver, key = authentication(
        script,
        der,
        FILE["0018"],
        (VERIFY_1234, "9000"),
        (BY_NAME, "BEEF9000"),
        (BY_NAME, "BEEF9000"),
        (BY_NAME, "BEEF9000"),
    )
    driver.verify_pin(key, Pin("1234"))
    assert sign(driver, key) == sign(driver, key) == b"\xbe\xef"
    channel.transaction += 1
    assert sign(driver, key) == b"\xbe\xef"


@pytest.mark.parametrize("refusal", ["6A86", "6A88", "6985", "6A82"])
def test_a_card_that_wants_keys_selected_is_asked_so_from_then_on(
    script, der: bytes, refusal: str
) -> None:
    channel, driver, key = authentication(
        script,
        der,
        (BY_NAME, refusal),
        FILE["0017"],
        (SIGN, "BEEF9000"),
        (SIGN, "BEEF9000"),
        FILE["0017"],
        (SIGN, "BEEF9000"),
    )
    channel.transaction += 1
    # Only the first signature tries the short form; the key stays selected in a transaction.
    assert sign(driver, key) == b"\xbe\xef"
    assert sign(driver, key) == b"\xbe\xef"
    channel.transaction += 1
    assert sign(driver, key) == b"\xbe\xef"


def test_another_application_leaves_the_pin_forgotten(script, der: bytes) -> None:
    channel, driver, key = authentication(
        script,
        der,
        (BY_NAME, "6D00"),
        (FILE["0017"][0], "6A82"),
        SELECT,
        (BY_NAME, "6982"),
    )
    channel.transaction += 1
    with pytest.raises(SecurityStatus):
        sign(driver, key)


@pytest.mark.parametrize(
    ("answer", "error"), [("6982", SecurityStatus), ("6F00", CardFault), ("6A80", CardFault)]
)
def test_a_refused_signature_is_not_asked_for_again(
    script, der: bytes, answer: str, error: type[Exception]
) -> None:
    channel, driver, key = authentication(script, der, (BY_NAME, answer))
    channel.transaction += 1
    with pytest.raises(error):
        sign(driver, key)


# ---- without short identifiers ----


def test_a_card_that_wants_files_selected_is_asked_so_from_then_on(script, der: bytes) -> None:
    channel = script(
        SELECT,
        (INFO[0], "6A86"),
        ("00A4020C 02 0006", "9000"),
        ("00B00000 20", INFO[1]),
        FILE["000A"],
        ("00B00000 000000", der.hex() + "9000"),
        FILE["000B"],
        ("00B00000 000000", der.hex() + "9000"),
        extended=True,
    )
    driver = JpkiDriver.detect(channel)
    (key,) = driver.keys(Usage.AUTHENTICATION)
    assert (key.certificate, driver.chain(key)) == (der, (der,))


def test_a_file_that_is_not_there_says_nothing_of_the_others(script, der: bytes) -> None:
    channel = script(
        SELECT,
        (INFO[0], "6A82"),
        ("00A4020C 02 0006", "6A82"),
        *reads("000A", der),
    )
    driver = JpkiDriver.detect(channel)
    assert driver.label == "マイナンバーカード"
    (key,) = driver.keys(Usage.AUTHENTICATION)
    assert key.certificate == der


# ---- what it is on ----


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (b"JPKIAPICCTOKEN2", "マイナンバーカード"),
        (b"JPKIAPICCTOKEN", "マイナンバーカード"),
        (b"JPKIAPGPSETOKEN", "スマートフォンのマイナンバーカード (Android)"),
        (b"JPKIAPIOSTOKEN", "スマートフォンのマイナンバーカード (iPhone)"),
        (b"ANOTHER", "マイナンバーカード"),
        (b"", "マイナンバーカード"),
    ],
)
def test_the_token_information_tells_card_from_phone(script, name: bytes, label: str) -> None:
    answer = name.ljust(32).hex() + "9000" if name else "6282"
    driver = JpkiDriver.detect(script(SELECT, (INFO[0], answer)))
    assert driver.label == label


def test_a_ca_that_did_not_sign_is_no_link_of_the_chain(script, der: bytes) -> None:
    other = DemoCa.create().certificate.public_bytes(Encoding.DER)
    channel = script(*DETECT, *reads("000A", der), *reads("000B", other))
    driver = JpkiDriver.detect(channel)
    (key,) = driver.keys(Usage.AUTHENTICATION)
    assert (key.certificate, driver.chain(key)) == (der, ())


def test_a_new_transaction_selects_before_it_asks_unless_that_would_log_out(
    script, der: bytes
) -> None:
    channel, driver, key = authentication(
        script,
        der,
        SELECT,
        FILE["0018"],
        (ASK, "63C3"),
        (VERIFY_1234, "9000"),
        FILE["0018"],
        (ASK, "9000"),
    )
    channel.transaction += 1
    assert driver.pin_status(key).tries_left == 3
    driver.verify_pin(key, Pin("1234"))
    channel.transaction += 1
    status = driver.pin_status(key)
    assert (status.tries_left, status.verified) == (None, True)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("63C2", PinIncorrect),
        ("6300", PinIncorrect),
        ("63C0", PinBlocked),
        ("6984", PinBlocked),
        ("6983", PinBlocked),
        ("6982", CardFault),
        ("6985", CardFault),
    ],
)
def test_a_refused_pin_is_told_and_nothing_is_verified(
    script, der: bytes, answer: str, error: type[Exception]
) -> None:
    _, driver, key = signature(
        script, der, FILE["001B"], (VERIFY_ABC123, "9000"), (VERIFY_ABC123, answer)
    )
    driver.verify_pin(key, Pin("ABC123"))
    with pytest.raises(error):
        driver.verify_pin(key, Pin("ABC123"))
    (key,) = driver.keys(Usage.SIGNATURE)
    assert key.certificate is None


@pytest.mark.parametrize(
    ("answer", "left", "verified"),
    [
        ("63C3", 3, False),
        ("63C0", 0, False),
        ("6984", 0, False),
        ("6983", 0, False),
        ("6300", None, False),
        ("9000", None, True),
    ],
)
def test_the_state_of_a_pin_is_what_an_empty_verify_says(
    script,
    der: bytes,
    answer: str,
    left: int | None,
    verified: bool,  # noqa: FBT001
) -> None:
    _, driver, key = authentication(script, der, FILE["0018"], (ASK, answer))
    status = driver.pin_status(key)
    assert (status.tries_left, status.verified, status.blocked) == (left, verified, left == 0)


@pytest.mark.parametrize("answer", ["6982", "6A82", "6F00"])
def test_a_pin_file_that_cannot_be_selected_is_a_fault(script, der: bytes, answer: str) -> None:
    _, driver, key = authentication(script, der, (FILE["0018"][0], answer))
    with pytest.raises(CardFault, match=answer):
        driver.pin_status(key)


def test_an_application_that_vanished_is_a_fault(script, der: bytes) -> None:
    _, driver, _ = authentication(script, der, (SELECT[0], "6A82"))
    with pytest.raises(CardFault, match="6A82"):
        driver.enter()


@pytest.mark.parametrize(
    "content",
    ["00" * 64, "FF" * 64, "", "3003020101", "040100", f"3083{jpki.MAX_CERTIFICATE:06x}"],
    ids=["zeros", "erased", "empty", "no certificate", "no sequence", "too large"],
)
def test_a_file_without_a_certificate_is_no_key_and_no_link_of_a_chain(
    script, der: bytes, content: str
) -> None:
    broken = {file: (f"00B0{SHORT[file]}00 00", content + "6282") for file in ("000A", "000B")}
    (key,) = JpkiDriver.detect(script(*DETECT, broken["000A"])).keys()
    assert key.usage is Usage.SIGNATURE
    driver = JpkiDriver.detect(script(*DETECT, *reads("000A", der), broken["000B"]))
    (key,) = driver.keys(Usage.AUTHENTICATION)
    assert driver.chain(key) == ()


@pytest.mark.parametrize("more", ["9000", "00 9000", "6282", "6B00"])
def test_a_certificate_that_is_cut_off_is_a_fault(script, der: bytes, more: str) -> None:
    rest = len(der) - 256
    channel = script(
        *DETECT,
        ("00B08A00 00", der[:256].hex() + "9000"),
        (f"00B00100 {min(rest, 256) % 256:02X}", more),
    )
    with pytest.raises(CardFault):
        JpkiDriver.detect(channel).keys(Usage.AUTHENTICATION)
