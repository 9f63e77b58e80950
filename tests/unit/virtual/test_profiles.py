"""What a profile's file may say, and what becomes of it on the card."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bridged.errors import ConfigError
from bridged.pcsc import tlv
from bridged.pcsc.apdu import Command, Response
from bridged.pcsc.atr import historical_bytes, supports_extended_length
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.certificates import Cardholder, valid_for
from bridged.virtual.keystore import KeyAlgorithm, KeyStore
from bridged.virtual.misbehaviour import Kind, Misbehaviour, Moment
from bridged.virtual.profile import load, shipped
from bridged.virtual.profiles import make_card
from bridged.virtual.reference_data import ReferenceData

FULL = """
extends = "ebid"
ja = "試験用"
name = "mine"

[holder]
name_romaji = "Suwa Hanako"
name = "諏訪 花子"

[atr]
label = "mine"
extended_length = false

[latency]
apdu_ms = 1.5
signature_ms = 20

[validity]
begins_in_days = 3

[piv.pin]
value = "246813"
tries = 7
left = 2

[[piv.keys]]
slot = "9c"
algorithm = "p-256"
pin = "once"
[piv.keys.certificate]
subject = "CN=Someone,O=Somewhere,C=JP"
kanji = false
usage = ["key_agreement"]
validity = { ends_in_days = 5 }

[[misbehaviour]]
do = "status"
on = "sign"
after = 2
times = 0
sw = "6F12"
"""


def write(folder: Path, text: str) -> str:
    file = folder / "card.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def everything(ca: DemoCa) -> VirtualCard:
    return make_card("piv-all", ca)


def certificate(card: VirtualCard, tag: str = "5FC10A") -> x509.Certificate:
    card.transmit(bytes.fromhex("00A4040005A000000308"))
    answer, data = Response.decode(card.transmit(bytes.fromhex(f"00CB3FFF055C03{tag}00"))), b""
    while answer.sw >> 8 == 0x61:
        data += answer.data
        answer = Response.decode(card.transmit(bytes.fromhex("00C0000000")))
    content = dict(tlv.parse(tlv.find(data + answer.data, 0x53)))
    compressed = content[0x71] == b"\1"
    return x509.load_der_x509_certificate(
        gzip.decompress(content[0x70]) if compressed else content[0x70]
    )


def tries(card: VirtualCard) -> dict[str, int]:
    return {name: pin.tries_left for name, pin in card.pins.items()}


# ---- a file of one's own ----


def test_every_word_of_a_file_reaches_the_card(tmp_path: Path, ca: DemoCa) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    card = make_card(write(tmp_path, FULL), ca)
    signing = certificate(card)
    assert isinstance(signing.public_key(), ec.EllipticCurvePublicKey)
    assert signing.subject.rfc4514_string() == "CN=Someone,O=Somewhere,C=JP"
    with pytest.raises(x509.ExtensionNotFound):
        signing.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    usage = signing.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_agreement, usage.digital_signature) == (True, False)
    assert timedelta() <= signing.not_valid_after_utc - before - timedelta(days=5) < timedelta(0, 9)
    assert tries(card) == {"pin": 2, "puk": 3}
    assert (card.apdu_latency_s, card.signature_latency_s) == (0.0015, 0.02)
    assert historical_bytes(card.atr).endswith(b"mine")
    assert not supports_extended_length(card.atr)
    found = [card.transmit(bytes.fromhex("0087119C01AA")).hex() for _ in range(4)]
    assert found[2:] == ["6f12", "6f12"]
    assert "6f12" not in found[:2]


def test_a_pin_keeps_the_tries_it_was_issued_with(tmp_path: Path, ca: DemoCa) -> None:
    card = make_card(write(tmp_path, FULL), ca)
    assert card.pins["pin"].verify(b"246813\xff\xff")
    assert tries(card)["pin"] == 7
    card.restore()
    assert tries(card)["pin"] == 2


def test_a_file_that_extends_keeps_what_it_does_not_name(tmp_path: Path) -> None:
    file = write(tmp_path, 'extends = "jpki"\njpki.signature.pin.tries = 2\n')
    profile, base = load(file), load("jpki")
    assert profile.jpki is not None
    assert base.jpki is not None
    assert profile.jpki.signature.pin.tries == 2
    assert profile.jpki.signature.pin.value == base.jpki.signature.pin.value
    assert profile.jpki.authentication == base.jpki.authentication
    assert profile.name == "card"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("colour = 1", "unknown field `colour`"),
        ("piv.keys = [{slot = '9a', size = 1}]", "unknown field `size` - at `$.piv.keys[0]`"),
        ("piv.keys = [{slot = '9b'}]", "at `$.piv.keys[0].slot`"),
        ("piv.keys = [{slot = '9a', algorithm = 'dsa'}]", "'dsa' - at `$.piv.keys[0].algorithm`"),
        ("piv.keys = [{slot = '9a'}, {slot = '9a'}]", "two keys have one slot - at `$.piv`"),
        ("piv.keys = []\npiv.pin.value = '12'", "at `$.piv.pin.value`"),
        ("piv.keys = []\npiv.pin.tries = 16", "<= 15 - at `$.piv.pin.tries`"),
        ("piv.keys = []\npiv.pin.left = 4", "more than the 3 `tries` - at `$.piv.pin`"),
        ("jpki.signature.pin.value = 'abc'", "at `$.jpki.signature.pin.value`"),
        ("validity.ends_in_days = -3", "it ends before it begins - at `$.validity`"),
        ("atr.label = 'much too long'", "at `$.atr.label`"),
        ("atr.whole = '3B0'", "at `$.atr.whole`"),
        ("holder.nickname = 'x'", "unknown field `nickname` - at `$.holder`"),
        ("latency.apdu_ms = -1", "at `$.latency.apdu_ms`"),
        ("[[misbehaviour]]\ndo = 'dance'", "'dance' - at `$.misbehaviour[0].do`"),
        ("extends = 'nothing'", "at `$.extends`"),
        ("name = '../x'", "at `$.name`"),
        ("piv = ", "at end of document"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert complaint in refused.value.detail
    assert refused.value.file == file


def test_a_subject_that_is_no_name_is_refused(tmp_path: Path) -> None:
    text = "piv.keys = [{slot = '9a', certificate = {subject = 'nobody'}}]"
    with pytest.raises(ConfigError, match=r"piv\.keys\[0\]\.certificate"):
        load(write(tmp_path, text))


def test_a_profile_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="there are blocked, ebid"):
        load("passport")


# ---- those that come with bridged ----


@pytest.mark.parametrize("name", shipped())
def test_each_of_ours_says_in_both_languages_what_it_is(name: str) -> None:
    profile = load(name)
    assert profile.ja
    assert profile.en
    assert profile.ja != profile.en


@pytest.mark.parametrize(
    ("name", "begins", "ends"),
    [("ebid", -1, 730), ("expired", -760, -30), ("expiring", -720, 10), ("not-yet-valid", 30, 760)],
)
def test_the_certificates_are_valid_when_the_name_says(
    ca: DemoCa, name: str, begins: int, ends: int
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    for tag in ("5FC105", "5FC10A"):
        made = certificate(make_card(name, ca), tag)
        late = made.not_valid_before_utc - now - timedelta(days=begins)
        assert timedelta() <= late < timedelta(seconds=9)
        assert made.not_valid_after_utc - made.not_valid_before_utc == timedelta(ends - begins)


def test_the_blocked_one_is_unblocked_by_its_puk(ca: DemoCa) -> None:
    card = make_card("blocked", ca)
    assert tries(card) == {"pin": 0, "puk": 3}
    card.transmit(bytes.fromhex("00A4040005A000000308"))
    unblock = bytes.fromhex("002C008010") + b"12345678" + b"123456\xff\xff"
    assert card.transmit(unblock) == b"\x90\0"
    assert tries(card) == {"pin": 3, "puk": 3}


def test_the_unknown_one_has_no_application(ca: DemoCa) -> None:
    card = make_card("unknown", ca)
    for aid in ("A000000308", "D392F000260100000001"):
        select = bytes.fromhex(f"00A40400{len(aid) // 2:02X}{aid}")
        assert card.transmit(select) == b"\x6a\x82"


def test_the_slow_one_takes_its_time(ca: DemoCa) -> None:
    card = make_card("slow", ca)
    assert (card.apdu_latency_s, card.signature_latency_s) == (0.02, 0.3)


def test_the_ec_one_has_two_curves(ca: DemoCa) -> None:
    card = make_card("ec-only", ca)
    curves = [certificate(card, tag).public_key().curve.name for tag in ("5FC105", "5FC10A")]
    assert curves == ["secp256r1", "secp384r1"]


@pytest.mark.parametrize(
    ("slot", "tag", "algorithm"),
    [
        ("9a", "5FC105", "05"),
        ("9c", "5FC10A", "16"),
        ("9d", "5FC10B", "07"),
        ("9e", "5FC101", "11"),
        ("82", "5FC10D", "06"),
        ("83", "5FC10E", "14"),
        ("84", "5FC10F", "E0"),
    ],
)
def test_the_one_with_everything_signs_in_every_slot(
    everything: VirtualCard, slot: str, tag: str, algorithm: str
) -> None:
    made = certificate(everything, tag)
    message = b"\0" * 48
    public = made.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        info = bytes.fromhex("3041300d060960864801650304020205000430") + message
        padding_size = public.key_size // 8 - len(info) - 3
        block = b"\0\1" + b"\xff" * padding_size + b"\0" + info
    else:
        block = message
    if slot != "9e":
        everything.transmit(bytes.fromhex("0020008008313233343536FFFF"))
    template = tlv.encode(0x7C, tlv.encode(0x82), tlv.encode(0x81, block))
    apdu = Command(0, 0x87, int(algorithm, 16), int(slot, 16), template, 65536)
    answer = Response.decode(everything.transmit(apdu.encode(extended=True)))
    assert answer.ok, f"{answer.sw:04X}"
    signature = tlv.find(answer.data, 0x7C, 0x82)
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, message, padding.PKCS1v15(), Prehashed(hashes.SHA384()))
    elif isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, message, ec.ECDSA(Prehashed(hashes.SHA384())))
    else:
        public.verify(signature, message)


def test_the_one_with_everything_tells_of_its_retired_keys(everything: VirtualCard) -> None:
    everything.transmit(bytes.fromhex("00A4040005A000000308"))
    answer = Response.decode(everything.transmit(bytes.fromhex("00CB3FFF055C035FC10C00")))
    assert tlv.find(answer.data, 0x53, 0xC1) == b"\3"


# ---- options in Python ----


def test_holder_and_validity_go_before_the_profile(ca: DemoCa) -> None:
    validity = valid_for(-30)
    card = make_card("ebid", ca, holder=Cardholder(name_romaji="Suwa Hanako"), validity=validity)
    made = certificate(card)
    assert made.subject.rfc4514_string().startswith("CN=Suwa Hanako,")
    assert (made.not_valid_before_utc, made.not_valid_after_utc) == validity


def test_two_cards_have_different_keys(ca: DemoCa) -> None:
    first, second = (certificate(make_card("ec-only", ca)) for _ in range(2))
    assert first.public_key() != second.public_key()


# ---- keys ----


def test_a_card_whose_keys_are_kept_is_the_same_card_again(tmp_path: Path, ca: DemoCa) -> None:
    keys = [
        certificate(make_card(name, ca, keys=KeyStore(tmp_path / "keys"))).public_key()
        for name in ("ebid", "ebid", "expired")
    ]
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_kept_keys_are_private_files(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    KeyStore(folder).key("card-9a", KeyAlgorithm.P_256)
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.RSA_1024, KeyAlgorithm.RSA_3072])
def test_rsa_keys_have_the_size_of_their_name(algorithm: KeyAlgorithm) -> None:
    key = KeyStore().key("card", algorithm)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert f"rsa-{key.key_size}" == algorithm.value


def test_a_blocked_reference_matches_nothing() -> None:
    pin = ReferenceData(b"1234", 1)
    assert not pin.verify(b"0000")
    assert not pin.verify(b"1234")
    assert (pin.blocked, pin.tries_left) == (True, 0)
    pin.restore()
    assert pin.verify(b"1234")


def test_a_fault_of_the_profile_is_the_fault_of_the_card(tmp_path: Path, ca: DemoCa) -> None:
    profile = load(write(tmp_path, FULL))
    expected = Misbehaviour(Kind.STATUS, on=Moment.SIGN, after=2, times=0, sw="6F12")
    assert profile.misbehaviour == (expected,)


def test_the_profile_in_the_documents_is_one(tmp_path: Path, ca: DemoCa) -> None:
    page = Path(__file__).parents[3] / "docs" / "virtual-cards.md"
    example = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    card = make_card(write(tmp_path, example), ca)
    assert tries(card) == {"pin": 1, "puk": 3, "authentication": 3, "signature": 5}
