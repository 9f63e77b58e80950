"""Programs that know nothing of bridged agree with its virtual cards, and openssl with them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridged.virtual.card_process import CardProcess
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profiles import EBID_PIN, JPKI_AUTHENTICATION_PIN, JPKI_SIGNATURE_PIN

from .conftest import Tool

EBID, JPKI_AUTHENTICATION, JPKI_SIGNATURE = (
    "Nagano Taro",
    "JPKI (User Authentication PIN)",
    "JPKI (Digital Signature PIN)",
)
"""How OpenSC labels the tokens."""


@pytest.fixture(scope="module")
def _cards(pcscd: PrivatePcscd, ca_directory: Path) -> Iterator[dict[str, CardProcess]]:
    cards = {
        profile: pcscd.spawn_card(profile, ca_directory, reader)
        for reader, profile in enumerate(("ebid", "jpki"))
    }
    yield cards
    for card in cards.values():
        card.close()


@pytest.fixture
def ebid(_cards: dict[str, CardProcess]) -> CardProcess:
    _cards["ebid"].reset()
    return _cards["ebid"]


@pytest.fixture
def jpki(_cards: dict[str, CardProcess]) -> CardProcess:
    _cards["jpki"].reset()
    return _cards["jpki"]


def output_of(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stderr
    return result.stdout


def assert_signed(tool: Tool, *chain: str) -> None:
    """Let openssl check `signature` over `bid`, and the chain of `certificate` to the demo CA."""
    options = ("-in", "certificate", "-inform", "DER")
    key = output_of(tool("openssl", "x509", *options, "-pubkey", "-noout"))
    verify = ("openssl", "dgst", "-sha256", "-signature", "signature", "-verify", "/dev/stdin")
    assert output_of(tool(*verify, "bid", stdin=key)) == "Verified OK\n"
    pem = output_of(tool("openssl", "x509", *options))
    assert output_of(tool("openssl", "verify", *chain, stdin=pem)) == "stdin: OK\n"


# ---- OpenSC on ebid ----


def subjects(listing: str) -> list[set[str]]:
    """The subjects that pkcs11-tool lists: from the country on, and since OpenSC 0.27 up to it."""
    return [set(re.split(", ?", name)) for name in re.findall("DN: (.*)", listing)]


def test_opensc_lists_the_ebid_certificates(tool: Tool, ebid: CardProcess) -> None:
    listing = output_of(tool("pkcs11-tool", "--token-label", EBID, "--list-objects"))
    for purpose in ("Authentication", "Signature"):
        subject = {"C=JP", "O=IT Gyosha Denshi 01", f"OU={purpose}", "CN=Nagano Taro"}
        assert subjects(listing).count(subject) == 1


@pytest.mark.parametrize("key_id", ["01", "02"], ids=["9a", "9c"])
def test_opensc_signs_with_ebid(
    tool: Tool, ebid: CardProcess, ca_directory: Path, key_id: str
) -> None:
    card = ("pkcs11-tool", "--token-label", EBID, "--id", key_id)
    sign = ("--sign", "--mechanism", "SHA256-RSA-PKCS", "-i", "bid", "-o", "signature")
    output_of(tool(*card, "--login", "--pin", "env:PIN", *sign, PIN=EBID_PIN))
    output_of(tool(*card, "--read-object", "--type", "cert", "-o", "certificate"))
    assert_signed(tool, "-CAfile", str(ca_directory / "ca.pem"))


def test_opensc_sees_the_tries_go(tool: Tool, ebid: CardProcess) -> None:
    flags = []
    for _ in range(3):
        login = ("--token-label", EBID, "--login", "--pin", "env:PIN", "--list-objects")
        assert tool("pkcs11-tool", *login, PIN="654321").returncode != 0
        slots = output_of(tool("pkcs11-tool", "--list-token-slots"))
        flags.append(slots[slots.index(EBID) :].split("token flags")[1].splitlines()[0])
    assert ebid.tries() == {"pin": 0, "puk": 3}
    assert "final user PIN try" in flags[1]
    assert "user PIN locked" in flags[2]


# ---- yubico-piv-tool on ebid ----


@pytest.fixture
def piv_tool(tool: Tool, ebid: CardProcess) -> Tool:
    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return tool("yubico-piv-tool", "-r", "reader 0 00 00", *arguments, stdin=stdin)

    return run


def test_yubico_piv_tool_reads_the_status(piv_tool: Tool) -> None:
    status = output_of(piv_tool("-a", "status"))
    assert "CHUID:\t3019" in status
    assert "CCC:\tf015" in status
    for slot, purpose in (("9a", "Authentication"), ("9c", "Signature")):
        told = status.split(f"Slot {slot}:")[1].split("Not After")[0]
        assert "RSA2048" in told
        assert f"C=JP, O=IT Gyosha Denshi 01, OU={purpose}, CN=Nagano Taro" in told


def test_yubico_piv_tool_verifies_the_pin(piv_tool: Tool, ebid: CardProcess) -> None:
    assert piv_tool("-a", "verify-pin", "-P", EBID_PIN).returncode == 0
    wrong = piv_tool("-a", "verify-pin", "-P", "654321")
    assert wrong.returncode != 0
    assert "2 tries left" in wrong.stderr
    assert ebid.tries() == {"pin": 2, "puk": 3}


@pytest.mark.parametrize("slot", ["9a", "9c"])
def test_yubico_piv_tool_signs(piv_tool: Tool, slot: str) -> None:
    certificate = output_of(piv_tool("-a", "read-certificate", "-s", slot))
    pin = ("-a", "verify-pin", "-P", EBID_PIN)
    signed = piv_tool(*pin, "-a", "test-signature", "-s", slot, stdin=certificate)
    assert signed.returncode == 0
    assert "Successful RSA verification" in signed.stderr


def test_yubico_piv_tool_changes_and_unblocks_the_pin(piv_tool: Tool, ebid: CardProcess) -> None:
    output_of(piv_tool("-a", "change-pin", "-P", EBID_PIN, "-N", "246813"))
    for _ in range(3):
        piv_tool("-a", "verify-pin", "-P", EBID_PIN)
    assert ebid.tries() == {"pin": 0, "puk": 3}
    output_of(piv_tool("-a", "unblock-pin", "-P", "12345678", "-N", "135792"))
    output_of(piv_tool("-a", "verify-pin", "-P", "135792"))
    assert ebid.tries() == {"pin": 3, "puk": 3}


# ---- OpenSC on jpki ----


def test_opensc_knows_the_jpki_card(tool: Tool, jpki: CardProcess) -> None:
    told = output_of(tool("pkcs15-tool", "--reader", "1", "--dump"))
    assert "PKCS#15 Card [JPKI]" in told
    tries = [line.split(":")[1].strip() for line in told.splitlines() if "Tries left" in line]
    assert tries == ["3", "5"]


def test_opensc_lists_the_jpki_certificates(tool: Tool, jpki: CardProcess) -> None:
    free = tool("pkcs11-tool", "--token-label", JPKI_AUTHENTICATION, "--list-objects")
    assert {"C=JP", "CN=0123456789ABCD"} in subjects(output_of(free))
    assert output_of(free).count("OU=Japan Agency for Local Authority Information Systems") == 2
    assert "CN=ABCD0123456789" not in output_of(free)


@pytest.mark.usefixtures("jpki")
@pytest.mark.parametrize(
    ("token", "ids", "pin"),
    [
        (JPKI_AUTHENTICATION, ("01", "03"), JPKI_AUTHENTICATION_PIN),
        (JPKI_SIGNATURE, ("02", "04"), JPKI_SIGNATURE_PIN),
    ],
    ids=["authentication", "signature"],
)
def test_opensc_signs_with_jpki(
    tool: Tool, ca_directory: Path, token: str, ids: tuple[str, str], pin: str
) -> None:
    key_id, ca_id = ids
    card = ("pkcs11-tool", "--token-label", token, "--login", "--pin", "env:PIN")
    sign = ("--sign", "--mechanism", "SHA256-RSA-PKCS", "-i", "bid", "-o", "signature")
    output_of(tool(*card, "--id", key_id, *sign, PIN=pin))
    read = ("--read-object", "--type", "cert")
    output_of(tool(*card, "--id", key_id, *read, "-o", "certificate", PIN=pin))
    free = ("pkcs11-tool", "--token-label", JPKI_AUTHENTICATION, "--id", ca_id)
    output_of(tool(*free, *read, "-o", "issuer.der"))
    output_of(tool("openssl", "x509", "-inform", "DER", "-in", "issuer.der", "-out", "issuer"))
    assert_signed(tool, "-CAfile", str(ca_directory / "ca.pem"), "-untrusted", "issuer")


def test_opensc_counts_a_wrong_jpki_pin(tool: Tool, jpki: CardProcess) -> None:
    card = ("pkcs11-tool", "--token-label", JPKI_SIGNATURE, "--login", "--pin", "env:PIN")
    assert tool(*card, "--list-objects", PIN="ZZZ999").returncode != 0
    assert jpki.tries() == {"authentication": 3, "signature": 4}
