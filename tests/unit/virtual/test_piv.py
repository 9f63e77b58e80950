"""The PIV applet against SP 800-73-4, as scripts of APDUs."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bridged.pcsc import tlv
from bridged.pcsc.apdu import Command, Response
from bridged.virtual.card import VirtualCard
from bridged.virtual.keys import pkcs1_v15_block, raw_rsa
from bridged.virtual.piv import AUTHENTICATION, PivApplet, PivKey
from bridged.virtual.reference_data import ReferenceData

RIGHT, WRONG = "3132333435 36FFFF", "3635343332 31FFFF"
VERIFY = "0020008008"
PUK, WRONG_PUK = "3132333435363738", "3837363534333231"
NEW_PIN = "3939393939393939"
SHA256_PREFIX = bytes.fromhex("3031300D060960864801650304020105000420")
CERTIFICATE = {0x9A: "5FC105", 0x9C: "5FC10A"}


def sws(send, *apdus: str) -> list[str]:
    return [f"{send(apdu).sw:04X}" for apdu in apdus]


def signing(reference: int, message: bytes) -> str:
    block = pkcs1_v15_block(SHA256_PREFIX + hashlib.sha256(message).digest(), 256)
    template = tlv.encode(0x7C, b"\x82\0", tlv.encode(0x81, block))
    return Command(0, 0x87, 0x07, reference, template, 65536).encode(extended=True).hex()


def public_key(send, reference: int) -> rsa.RSAPublicKey:
    content = send(f"00CB3FFF0000055C03{CERTIFICATE[reference]}0000").data
    key = x509.load_der_x509_certificate(tlv.find(content, 0x53, 0x70)).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


# ---- selection and data ----


def test_select_answers_the_property_template(piv_apdu) -> None:
    answer = piv_apdu("00A4040009A0000003080000100000")
    assert tlv.find(answer.data, 0x61, 0x4F).hex() == "000010000100"
    assert tlv.find(answer.data, 0x61, 0x79, 0x4F).hex() == "a000000308"


def test_selecting_again_keeps_the_verified_state(piv_apdu) -> None:
    # SP 800-73-4 part 2, 3.1.1, against what one would guess.
    assert sws(piv_apdu, VERIFY + RIGHT, "00A4040005A000000308", "00200080") == ["9000"] * 3


def test_an_unknown_application_leaves_it_selected_and_verified(piv_apdu) -> None:
    piv_apdu(VERIFY + RIGHT)
    assert sws(piv_apdu, "00A4040006A00000000101", "00200080") == ["6A82", "9000"]


def test_a_reset_forgets_the_verified_state(ebid: VirtualCard, piv_apdu) -> None:
    piv_apdu(VERIFY + RIGHT)
    ebid.reset()
    assert sws(piv_apdu, "00A4040005A000000308", "00200080") == ["9000", "63C3"]


def test_the_discovery_object_says_that_the_piv_pin_counts(piv_apdu) -> None:
    answer = piv_apdu("00CB3FFF035C017E00")
    assert tlv.find(answer.data, 0x7E, 0x4F).hex() == "a000000308000010000100"
    assert tlv.find(answer.data, 0x7E, 0x5F2F).hex() == "4000"


def test_the_chuid_has_a_guid(piv_apdu) -> None:
    chuid = piv_apdu("00CB3FFF055C035FC10200").data
    assert len(tlv.find(chuid, 0x53, 0x34)) == 16
    assert len(tlv.find(chuid, 0x53, 0x30)) == 25


def test_the_capability_container_has_a_card_identifier(piv_apdu) -> None:
    container = piv_apdu("00CB3FFF055C035FC10700").data
    assert len(tlv.find(container, 0x53, 0xF0)) == 21


@pytest.mark.parametrize("tag", ["5FC10B", "5FC101", "5FC10C", "5FC109", "5FC108", "5FC10D"])
def test_what_is_not_on_the_card_is_not_found(piv_apdu, tag: str) -> None:
    assert piv_apdu(f"00CB3FFF055C03{tag}00").sw == 0x6A82


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        ("00CB3F00055C035FC10200", 0x6A86),
        ("00CB3FFF055D035FC10200", 0x6A80),
        ("00CB3FFF00", 0x6A80),
        ("80CB3FFF055C035FC10200", 0x6E00),
        ("00CA3FFF00", 0x6D00),
    ],
)
def test_a_malformed_command_is_refused(piv_apdu, apdu: str, sw: int) -> None:
    assert piv_apdu(apdu).sw == sw


# ---- PIN ----


def test_asking_for_the_tries_costs_none(piv_apdu) -> None:
    assert sws(piv_apdu, *["00200080"] * 5) == ["63C3"] * 5


def test_the_third_wrong_pin_blocks(piv_apdu) -> None:
    answers = sws(piv_apdu, *[VERIFY + WRONG] * 4, VERIFY + RIGHT, "00200080")
    assert answers == ["63C2", "63C1", "63C0", "6983", "6983", "6983"]


def test_the_right_pin_restores_the_counter(piv_apdu) -> None:
    answers = sws(piv_apdu, *[VERIFY + WRONG] * 2, VERIFY + RIGHT, "00200080", VERIFY + WRONG)
    assert answers == ["63C2", "63C1", "9000", "9000", "63C2"]


def test_a_wrong_pin_ends_the_verified_state(piv_apdu) -> None:
    assert sws(piv_apdu, VERIFY + RIGHT, VERIFY + WRONG, "00200080") == ["9000", "63C2", "63C2"]


@pytest.mark.parametrize(
    "data",
    ["06313233343536", "08313233343536FF30", "083132333435FFFFFF", "084142434445 46FFFF"],
    ids=["unpadded", "after-padding", "too-short", "letters"],
)
def test_a_pin_of_the_wrong_form_costs_no_try(piv_apdu, data: str) -> None:
    piv_apdu(VERIFY + RIGHT)
    assert sws(piv_apdu, "00200080" + data, "00200080") == ["6A80", "9000"]


def test_a_blocked_pin_is_blocked_whatever_its_form(piv_apdu) -> None:
    sws(piv_apdu, *[VERIFY + WRONG] * 3)
    assert piv_apdu("0020008006313233343536").sw == 0x6983


def test_verify_with_p1_ff_logs_out(piv_apdu) -> None:
    assert sws(piv_apdu, VERIFY + RIGHT, "0020FF80", "00200080") == ["9000", "9000", "63C3"]


@pytest.mark.parametrize(("apdu", "sw"), [("00200000", 0x6A88), ("00200180", 0x6A86)])
def test_only_the_piv_pin_can_be_verified(piv_apdu, apdu: str, sw: int) -> None:
    assert piv_apdu(apdu).sw == sw


# ---- changing and unblocking ----


def test_the_pin_can_be_changed(piv_apdu) -> None:
    change = f"0024008010{RIGHT}{NEW_PIN}"
    assert sws(piv_apdu, change, VERIFY + RIGHT, VERIFY + NEW_PIN) == ["9000", "63C2", "9000"]


def test_a_wrong_old_pin_costs_a_try(piv_apdu) -> None:
    assert sws(piv_apdu, f"0024008010{WRONG}{NEW_PIN}", "00200080") == ["63C2", "63C2"]


def test_a_new_pin_of_the_wrong_form_costs_none(piv_apdu) -> None:
    assert sws(piv_apdu, f"0024008010{RIGHT}31FFFFFFFFFFFFFF", "00200080") == ["6A80", "63C3"]


def test_the_puk_can_be_changed(piv_apdu) -> None:
    change = f"0024008110{PUK}{WRONG_PUK}"
    unblock = f"002C008010{WRONG_PUK}{NEW_PIN}"
    assert sws(piv_apdu, change, unblock, VERIFY + NEW_PIN) == ["9000"] * 3


def test_the_puk_unblocks_the_pin(piv_apdu) -> None:
    sws(piv_apdu, *[VERIFY + WRONG] * 3)
    answers = sws(piv_apdu, f"002C008010{PUK}{NEW_PIN}", "00200080", VERIFY + NEW_PIN)
    assert answers == ["9000", "63C3", "9000"]


def test_the_puk_blocks_too_and_leaves_the_pin_alone(piv_apdu) -> None:
    wrong = f"002C008010{WRONG_PUK}{NEW_PIN}"
    answers = sws(piv_apdu, wrong, wrong, wrong, f"002C008010{PUK}{NEW_PIN}", "00200080")
    assert answers == ["63C2", "63C1", "63C0", "6983", "63C3"]


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [("002400FF", 0x6A88), ("00240180", 0x6A86), ("002C0081", 0x6A88), ("002C0180", 0x6A86)],
)
def test_other_references_cannot_be_changed(piv_apdu, apdu: str, sw: int) -> None:
    assert piv_apdu(apdu).sw == sw


# ---- signing ----


@pytest.mark.parametrize("reference", [0x9A, 0x9C])
def test_a_signature_verifies_with_the_certificate(piv_apdu, reference: int) -> None:
    key = public_key(piv_apdu, reference)
    piv_apdu(VERIFY + RIGHT)
    answer = piv_apdu(signing(reference, b"bid"))
    assert answer.ok
    signature = tlv.find(answer.data, 0x7C, 0x82)
    key.verify(signature, b"bid", padding.PKCS1v15(), hashes.SHA256())


def test_a_chained_command_and_get_response_sign_as_well(piv_apdu) -> None:
    key = public_key(piv_apdu, 0x9C)
    piv_apdu(VERIFY + RIGHT)
    whole = Command.decode(bytes.fromhex(signing(0x9C, b"bid")))
    short = Command(whole.cla, whole.ins, whole.p1, whole.p2, whole.data, 256)
    *links, last = [link.encode().hex() for link in short.chain()]
    assert sws(piv_apdu, *links) == ["9000"]
    first = piv_apdu(last)
    assert first.sw == 0x6108
    rest = piv_apdu("00C0000008")
    signature = tlv.find(first.data + rest.data, 0x7C, 0x82)
    key.verify(signature, b"bid", padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("reference", [0x9A, 0x9C])
def test_nothing_is_signed_without_the_pin(piv_apdu, reference: int) -> None:
    assert piv_apdu(signing(reference, b"bid")).sw == 0x6982


def test_the_authentication_key_signs_again_without_the_pin(piv_apdu) -> None:
    piv_apdu(VERIFY + RIGHT)
    assert sws(piv_apdu, *[signing(0x9A, b"x")] * 2, "00200080") == ["9000"] * 3


def test_the_signature_key_wants_the_pin_each_time(piv_apdu) -> None:
    apdu = signing(0x9C, b"x")
    answers = sws(piv_apdu, VERIFY + RIGHT, apdu, apdu, VERIFY + RIGHT, apdu)
    assert answers == ["9000", "9000", "6982", "9000", "9000"]


@pytest.mark.parametrize(
    "between", ["00200080", "00CB3FFF055C035FC10200", "00A4040005A000000308", signing(0x9A, b"x")]
)
def test_the_signature_key_wants_the_pin_just_before(piv_apdu, between: str) -> None:
    piv_apdu(VERIFY + RIGHT)
    assert sws(piv_apdu, between, signing(0x9C, b"x")) == ["9000", "6982"]


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        ("0087119A057C0382008100", 0x6A86),
        ("0087079E057C0382008100", 0x6A86),
        ("0087079A047C02820000", 0x6A80),
        ("0087079A067C0482008100", 0x6A80),
        ("0087079A077C05820100810000", 0x6A80),
        ("0087079A047C02FFFF", 0x6A80),
    ],
)
def test_a_malformed_template_is_refused(piv_apdu, apdu: str, sw: int) -> None:
    piv_apdu(VERIFY + RIGHT)
    assert piv_apdu(apdu).sw == sw


def test_a_block_larger_than_the_modulus_is_refused(piv_apdu) -> None:
    piv_apdu(VERIFY + RIGHT)
    template = tlv.encode(0x7C, b"\x82\0", tlv.encode(0x81, b"\xff" * 256))
    apdu = Command(0, 0x87, 0x07, 0x9A, template, 65536).encode(extended=True)
    assert piv_apdu(apdu.hex()).sw == 0x6A80


def test_raw_rsa_undoes_the_public_operation() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = key.public_key().public_numbers()
    block = pkcs1_v15_block(b"abc", 256)
    signed = int.from_bytes(raw_rsa(key, block), "big")
    assert pow(signed, numbers.e, numbers.n) == int.from_bytes(block, "big")
    with pytest.raises(ValueError, match="modulus"):
        raw_rsa(key, block[:-1])
    with pytest.raises(ValueError, match="too long"):
        pkcs1_v15_block(b"x" * 246, 256)


def test_a_p256_key_signs_a_digest() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pin, puk = ReferenceData(bytes.fromhex(RIGHT), 3), ReferenceData(bytes.fromhex(PUK), 3)
    card = VirtualCard([PivApplet([PivKey(AUTHENTICATION, key, b"\x30\0")], pin, puk)], b"ec")

    def send(apdu: str) -> Response:
        return Response.decode(card.transmit(bytes.fromhex(apdu)))

    digest = hashlib.sha256(b"bid").digest()
    sws(send, "00A4040005A000000308", VERIFY + RIGHT)
    answer = send(f"0087119A267C2482008120{digest.hex()}00")
    signature = tlv.find(answer.data, 0x7C, 0x82)
    key.public_key().verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    assert send(f"0087119A257C238200811F{digest[1:].hex()}00").sw == 0x6A80
