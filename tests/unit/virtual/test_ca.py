"""The demo CA's directory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridged.virtual.ca import DemoCa

PRINT_SERIAL = """
import sys
from pathlib import Path
from bridged.virtual.ca import DemoCa
sys.stdin.read()
print(DemoCa.load_or_create(Path(sys.argv[1])).certificate.serial_number)
"""


def test_the_second_load_finds_the_same_root(tmp_path: Path) -> None:
    first = DemoCa.load_or_create(tmp_path / "ca")
    second = DemoCa.load_or_create(tmp_path / "ca")
    assert second.certificate == first.certificate
    assert second.key.private_numbers() == first.key.private_numbers()


def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    DemoCa.load_or_create(tmp_path / "state" / "ca")
    modes = {
        path.name: oct(path.stat().st_mode & 0o777)
        for path in (tmp_path / "state" / "ca", *(tmp_path / "state" / "ca").iterdir())
    }
    assert modes == {"ca": "0o700", "ca-key.pem": "0o600", "ca.pem": "0o600"}


def test_the_published_certificate_carries_no_key(tmp_path: Path) -> None:
    ca = DemoCa.load_or_create(tmp_path)
    pem = (tmp_path / "ca.pem").read_bytes()
    assert x509.load_pem_x509_certificate(pem) == ca.certificate
    assert b"PRIVATE" not in pem


def test_a_lost_certificate_file_is_written_again(tmp_path: Path) -> None:
    ca = DemoCa.load_or_create(tmp_path)
    (tmp_path / "ca.pem").unlink()
    assert DemoCa.load_or_create(tmp_path).certificate == ca.certificate
    assert (tmp_path / "ca.pem").read_bytes() == ca.pem


def test_processes_that_start_together_agree_on_one_root(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PRINT_SERIAL, str(tmp_path / "ca")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.close()
    serials = set()
    for process in processes:
        assert process.stdout
        with process.stdout:
            serials.add(process.stdout.read())
        assert process.wait() == 0
    assert serials == {f"{DemoCa.load_or_create(tmp_path / 'ca').certificate.serial_number}\n"}
    assert {path.name for path in (tmp_path / "ca").iterdir()} == {"ca.pem", "ca-key.pem"}


def test_a_file_that_is_no_rsa_key_is_refused(tmp_path: Path, ca: DemoCa) -> None:
    file = tmp_path / "ca-key.pem"
    file.write_text("nonsense")
    with pytest.raises(ValueError, match="PEM"):
        DemoCa.load_or_create(tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem + ca.pem)
    with pytest.raises(TypeError, match="no RSA key"):
        DemoCa.load_or_create(tmp_path)
