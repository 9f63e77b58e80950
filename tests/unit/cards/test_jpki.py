"""The JPKI driver, APDU by APDU."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.cards import jpki
from bridged.cards.base import Input, SecurityStatus
from bridged.cards.jpki import JpkiDriver
from bridged.errors import CardFault, PinBlocked, PinIncorrect
from bridged.model import Usage
from bridged.secret import Pin

SELECT = ("00A4040C 0A D392F000260100000001", "9000")
FILE = {
    name: (f"00A4020C 02 {name}", "9000")
    for name in ("0001", "0002", "000A", "000B", "0017", "0018", "001A", "001B")
}
ASK = "00200080"
VERIFY_1234 = "00200080 04 31323334"
VERIFY_ABC123 = "00200080 06 414243313233"
SIGN = "802A0080 01 AA 00"


@pytest.fixture(scope="session")
def der(ca) -> bytes:
    return ca.certificate.public_bytes(Encoding.DER)


def reads(der: bytes, *, extended: bool = False) -> list[tuple[str, str]]:
    """Return the transcript of reading a file that holds `der` and no more."""
    if extended:
        return [("00B00000 000000", der.hex() + "9000")]
    steps = [("00B00000 00", der[:256].hex() + "9000")]
    for at in range(256, len(der), 256):
        part = der[at : at + 256]
        steps.append((f"00B0{at:04X} {len(part) % 256:02X}", part.hex() + "9000"))
    return steps


def listing(der: bytes, certificate: str, ca: str, *, extended: bool = False):
    first, second = reads(der, extended=extended), reads(der, extended=extended)
    return [FILE[certificate], *first, FILE[ca], *second]


def authentication(script, der: bytes, *rest: tuple[str, str]):
    channel = script(SELECT, *listing(der, "000A", "000B"), *rest)
    driver = JpkiDriver.detect(channel)
    (key,) = driver.keys(Usage.AUTHENTICATION)
    return channel, driver, key


def signature(script, der: bytes, *rest: tuple[str, str]):
    channel = script(SELECT, FILE["0002"], *reads(der), *rest)
    driver = JpkiDriver.detect(channel)
    (key,) = driver.keys(Usage.SIGNATURE)
    return channel, driver, key


def test_certificates_are_listed_and_the_private_one_left_alone(script, der: bytes) -> None:
    channel = script(SELECT, *listing(der, "000A", "000B"), FILE["0002"], *reads(der))
    free, private = JpkiDriver.detect(channel).keys()
    assert (free.ref, free.certificate, free.chain) == ("0017", der, (der,))
    assert (private.ref, private.certificate, private.chain) == ("001a", None, (der,))
    assert (free.certificate_private, private.certificate_private) == (False, True)
    assert free.inputs == private.inputs == {Input.RSA_DIGEST_INFO}


def test_a_file_is_read_in_one_where_the_card_takes_extended_length(script, der: bytes) -> None:
    channel = script(SELECT, *listing(der, "000A", "000B", extended=True), extended=True)
    (key,) = JpkiDriver.detect(channel).keys(Usage.AUTHENTICATION)
    assert key.certificate == der


def test_bytes_behind_the_certificate_are_cut_off(script, der: bytes) -> None:
    padded = ("00B00000 000000", der.hex() + "00" * 50 + "6282")
    channel = script(SELECT, FILE["000A"], padded, FILE["000B"], padded, extended=True)
    (key,) = JpkiDriver.detect(channel).keys(Usage.AUTHENTICATION)
    assert (key.certificate, key.chain) == (der, (der,))


def test_the_private_certificate_is_read_after_its_pin(script, der: bytes) -> None:
    channel, driver, key = signature(
        script,
        der,
        SELECT,
        FILE["001B"],
        (ASK, "63C5"),
        (VERIFY_ABC123, "9000"),
        FILE["0001"],
        *reads(der),
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
        script, der, FILE["001B"], (VERIFY_ABC123, "9000"), FILE["0001"], ("00B0000000", "6982")
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


def test_a_signature_selects_the_key_once_in_a_transaction(script, der: bytes) -> None:
    channel, driver, key = authentication(
        script,
        der,
        FILE["0018"],
        (VERIFY_1234, "9000"),
        FILE["0017"],
        (SIGN, "BEEF9000"),
        (SIGN, "BEEF9000"),
        FILE["0017"],
        (SIGN, "BEEF9000"),
    )
    driver.verify_pin(key, Pin("1234"))
    assert (
        driver.sign(key, Input.RSA_DIGEST_INFO, b"\xaa")
        == driver.sign(key, Input.RSA_DIGEST_INFO, b"\xaa")
        == b"\xbe\xef"
    )
    channel.transaction += 1
    assert driver.sign(key, Input.RSA_DIGEST_INFO, b"\xaa") == b"\xbe\xef"


def test_a_failed_signature_selects_the_next_time(script, der: bytes) -> None:
    _, driver, key = authentication(
        script,
        der,
        FILE["0017"],
        (SIGN, "6982"),
        SELECT,
        FILE["0017"],
        (SIGN, "6985"),
        SELECT,
        (FILE["0017"][0], "6A82"),
        SELECT,
        FILE["0017"],
        (SIGN, "BEEF9000"),
    )
    with pytest.raises(SecurityStatus):
        driver.sign(key, Input.RSA_DIGEST_INFO, b"\xaa")
    for sw in ("6985", "6A82"):
        with pytest.raises(CardFault, match=sw):
            driver.sign(key, Input.RSA_DIGEST_INFO, b"\xaa")
    assert driver.sign(key, Input.RSA_DIGEST_INFO, b"\xaa") == b"\xbe\xef"


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
    read = ("00B00000 00", content + "6282")
    channel = script(SELECT, FILE["000A"], read, FILE["0002"], read)
    (key,) = JpkiDriver.detect(channel).keys()
    assert (key.usage, key.chain) == (Usage.SIGNATURE, ())


@pytest.mark.parametrize("more", ["9000", "00 9000", "6282", "6B00"])
def test_a_certificate_that_is_cut_off_is_a_fault(script, der: bytes, more: str) -> None:
    rest = len(der) - 256
    channel = script(
        SELECT,
        FILE["000A"],
        ("00B00000 00", der[:256].hex() + "9000"),
        (f"00B00100 {min(rest, 256) % 256:02X}", more),
    )
    with pytest.raises(CardFault):
        JpkiDriver.detect(channel).keys(Usage.AUTHENTICATION)
