"""Programs that know nothing of bridged, on the PIV card that has every slot and algorithm."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bridged.cards.piv import PivDriver
from bridged.model import Algorithm
from bridged.pcsc.channel import Channel
from bridged.secret import Pin
from bridged.signing import algorithms
from bridged.signing.signer import sign_digest
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.card_process import CardProcess
from bridged.virtual.keystore import KeyStore
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profiles import EBID_PIN, make_card

from .conftest import Tool

Told = Callable[..., str]
BID = "入札書".encode()
SCDAEMON = "/usr/lib/gnupg/scdaemon"


@pytest.fixture(scope="module")
def everything(pcscd: PrivatePcscd, ca_directory: Path) -> Iterator[CardProcess]:
    card = pcscd.spawn_card("piv-all", ca_directory)
    yield card
    card.close()


@pytest.fixture
def told(tool: Tool) -> Told:
    """Run a program that has to succeed, and return what it says."""

    def run(*command: str, stdin: str = "") -> str:
        done = tool(*command, stdin=stdin, PIN=EBID_PIN)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


# ---- OpenSC ----


def test_opensc_lists_every_slot_compressed_or_not(told: Told, everything: CardProcess) -> None:
    listing = told("pkcs11-tool", "--list-objects", "--type", "cert")
    units = ("Authentication", "Signature", "Key Management", "Card Authentication")
    for unit in (*units, "Retired 1", "Retired 2", "Retired 3"):
        assert len(re.findall(rf"\bOU={unit}\b", listing)) == 1


@pytest.mark.parametrize(
    ("key_id", "mechanism"),
    [("01", "SHA256-RSA-PKCS"), ("01", "SHA384-RSA-PKCS-PSS"), ("05", "SHA256-RSA-PKCS")],
    ids=["9a-rsa-3072", "9a-rsa-3072-pss", "82-rsa-1024"],
)
def test_opensc_signs_with_rsa_keys_of_other_sizes(
    told: Told, everything: CardProcess, key_id: str, mechanism: str
) -> None:
    """OpenSC 0.23 has no RSA-4096 on PIV cards."""
    login = ("pkcs11-tool", "--login", "--pin", "env:PIN", "--id", key_id)
    sign = ("--sign", "--mechanism", mechanism, "-i", "bid", "-o", "signature")
    told(*login, *sign)
    assert_verified(told, key_id, mechanism)


def test_opensc_signs_with_the_ec_key(told: Told, everything: CardProcess) -> None:
    sign = ("--sign", "--mechanism", "ECDSA-SHA256", "--signature-format", "openssl")
    login = ("--login", "--pin", "env:PIN", "--id", "04")
    told("pkcs11-tool", *login, *sign, "-i", "bid", "-o", "signature")
    assert_verified(told, "04", "ECDSA-SHA256")


def assert_verified(told: Told, key_id: str, mechanism: str) -> None:
    """Let openssl check `signature` over `bid` with the certificate that OpenSC reads."""
    read = ("--read-object", "--type", "cert", "-o", "certificate")
    told("pkcs11-tool", "--id", key_id, *read)
    key = told("openssl", "x509", "-in", "certificate", "-inform", "DER", "-pubkey", "-noout")
    options = ["-sha384" if "384" in mechanism else "-sha256"]
    if mechanism.endswith("PSS"):
        options += ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
    verify = ("-signature", "signature", "-verify", "/dev/stdin", "bid")
    assert told("openssl", "dgst", *options, *verify, stdin=key) == "Verified OK\n"


# ---- yubico-piv-tool ----


def test_yubico_piv_tool_sees_the_other_slots(told: Told, everything: CardProcess) -> None:
    status = told("yubico-piv-tool", "-r", "reader 0 00 00", "-a", "status")
    for slot, algorithm in (("9d", "RSA2048"), ("9e", "ECCP256"), ("82", "RSA1024")):
        assert algorithm in status.split(f"Slot {slot}:")[1].split("Not After")[0]


@pytest.mark.parametrize(("slot", "kind"), [("9e", "ECDSA"), ("82", "RSA")])
def test_yubico_piv_tool_signs_in_other_slots(
    told: Told, everything: CardProcess, slot: str, kind: str
) -> None:
    card = ("yubico-piv-tool", "-r", "reader 0 00 00")
    certificate = told(*card, "-a", "read-certificate", "-s", slot)
    sign = ("-a", "verify-pin", "-P", EBID_PIN, "-a", "test-signature", "-s", slot)
    assert f"Successful {kind} verification" in told(*card, *sign, stdin=certificate)


# ---- GnuPG ----


def test_scdaemon_powers_the_card_and_knows_its_piv_if_any(
    told: Told, everything: CardProcess, tmp_path: Path
) -> None:
    """GnuPG 2.2 has no PIV, and the card says that it has none of its applications; 2.4 has it."""
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    (home / "scdaemon.conf").write_text("disable-ccid\npcsc-driver libpcsclite.so.1\n")
    before = everything.apdus()
    said = told(
        SCDAEMON, "--server", "--homedir", str(home), stdin="SERIALNO\nGETINFO reader_list\nBYE\n"
    )
    assert "bridged virtual reader 0 00 00" in said
    assert "S SERIALNO " in said or "no supported card application found" in said
    assert everything.apdus() > before
    assert everything.tries() == {"pin": 3, "puk": 3}


# ---- openssl, on every algorithm ----


@pytest.fixture(scope="module")
def cards(ca_directory: Path) -> dict[str, VirtualCard]:
    """Cards in this process, with the keys of those in readers."""
    ca, keys = DemoCa.load_or_create(ca_directory), KeyStore(ca_directory / "cards")
    return {profile: make_card(profile, ca, keys=keys) for profile in ("ebid", "piv-all")}


@pytest.mark.parametrize(
    ("profile", "ref"),
    [
        ("ebid", "9a"),
        ("ebid", "9c"),
        ("piv-all", "9a"),
        ("piv-all", "9c"),
        ("piv-all", "9e"),
        ("piv-all", "82"),
        ("piv-all", "83"),
        ("piv-all", "84"),
    ],
)
def test_openssl_verifies_every_algorithm_of_every_key(
    told: Told, tmp_path: Path, cards: dict[str, VirtualCard], profile: str, ref: str
) -> None:
    card, channel = cards[profile], Channel()
    channel.attach(card.transmit, extended=True)
    channel.transaction += 1
    driver = PivDriver.detect(channel)
    assert driver is not None
    keys = driver.keys()
    (key,) = [key for key in keys if key.ref == ref]
    assert key.certificate is not None
    (tmp_path / "certificate").write_bytes(key.certificate)
    pem = ("-in", "certificate", "-inform", "DER", "-pubkey", "-noout")
    (tmp_path / "key").write_text(told("openssl", "x509", *pem))
    known = algorithms.supported_by(key)
    assert known
    for algorithm in known:
        digest = bytes(range(algorithms.digest_size(algorithm) or 32))
        (tmp_path / "digest").write_bytes(digest)
        if key.pin is not None:
            driver.verify_pin(key, Pin(EBID_PIN))
        signature = sign_digest(driver, key, key.certificate, algorithm, digest)
        (tmp_path / "signature").write_bytes(for_openssl(algorithm, signature))
        said = told("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key", *options(algorithm))
        assert said == "Signature Verified Successfully\n"


def for_openssl(algorithm: Algorithm, signature: bytes) -> bytes:
    """Return a signature as openssl wants it: ECDSA in DER."""
    if not algorithm.startswith("ES"):
        return signature
    half = len(signature) // 2
    r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    return encode_dss_signature(r, s)


def options(algorithm: Algorithm) -> list[str]:
    files = ["-sigfile", "signature", "-in", "digest"]
    if algorithm == "EdDSA":
        return [*files, "-rawin"]
    chosen = [*files, "-pkeyopt", f"digest:sha{algorithm[2:]}"]
    if algorithm.startswith("PS"):
        chosen += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest"]
    return chosen
