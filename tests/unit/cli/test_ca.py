"""`bridged ca`: what it prints, and that a revoked card is told as revoked."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509

from bridged.__main__ import main
from bridged.virtual.ca import DemoCa
from bridged.virtual.profiles import make_card
from bridged.virtual.register import key_id


def ca(folder: Path, action: str, *arguments: str) -> int:
    return main(["ca", action, "--ca", str(folder), *arguments])


def test_a_server_is_named_by_the_cards_that_are_made_meanwhile(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, *("-m", "bridged", "ca", "serve", "--port", "0", "--ca"), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().removeprefix("listening on ").strip()
        root = DemoCa.load_or_create(tmp_path)
        assert root.register is not None
        assert root.register.address == address
        make_card("ebid", root)
        url = f"{address}/{key_id(root.certificate)}.crl"
        assert ca(tmp_path, "revoke", "--all") == 0
        with urllib.request.urlopen(url) as answer:
            revoked = x509.load_der_x509_crl(answer.read())
        assert {one.serial_number for one in revoked} == {
            one.serial_number for one in root.register.issued()
        }
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 0
    assert root.register.address is None


def test_a_certificate_is_found_and_revoked_by_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_card("ebid", DemoCa.load_or_create(tmp_path))
    assert ca(tmp_path, "list") == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["SERIAL", "STATE", "SUBJECT"]
    assert "  good  " in first
    assert "OU=Signature" in first
    serial = first.split()[0]
    assert ca(tmp_path, "revoke", serial.upper(), "--reason", "key-compromise") == 0
    register = DemoCa.load_or_create(tmp_path).register
    assert register is not None
    (revoked,) = filter(None, map(register.revocation_of, register.issued()))
    assert revoked.reason is x509.ReasonFlags.key_compromise
    capsys.readouterr()
    assert ca(tmp_path, "list") == 0
    _, changed, kept = capsys.readouterr().out.splitlines()
    assert "revoked 20" in changed
    assert kept.split() == second.split()


@pytest.mark.parametrize("arguments", [(), ("abc123",)])
def test_nothing_is_revoked_by_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    make_card("ebid", DemoCa.load_or_create(tmp_path))
    assert ca(tmp_path, "revoke", *arguments) == 1
    assert "bridged ca list" in capsys.readouterr().err
    ca(tmp_path, "list")
    assert "revoked" not in capsys.readouterr().out
