"""The examples for programs, run as a person would, against the daemon itself."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bridged.client.blocking import connect
from bridged.model import Usage
from bridged.virtual.profiles import EBID_PIN

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
# Beside this Python where the environment brings a Node, else the first in the search path.
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
COMMANDS = {"python": [sys.executable, "sign.py"], "node": ["node", "sign.mjs"]}
TEXT = "利用者登録"


@dataclass(frozen=True)
class Daemon:
    """A running daemon; `home` is where its token is."""

    port: str
    home: Path

    def sign(self, example: str, pin: str) -> subprocess.CompletedProcess[str]:
        """Run an example whose person types this PIN."""
        return run(example, self.home, self.port, f"{pin}\n")


def run(example: str, home: Path, port: str, typed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMANDS[example], TEXT, port],
        cwd=EXAMPLES,
        env=environment(home),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        # Without a terminal the PIN is read from the standard input.
        start_new_session=True,
    )


def environment(home: Path) -> dict[str, str]:
    return {"PATH": PATH, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PYTHONUTF8": "1"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    home = tmp_path_factory.mktemp("home")
    with subprocess.Popen(
        [sys.executable, "-m", "bridged", "serve", "--virtual", "ebid", "--port", "0"],
        env=environment(home),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        yield Daemon(line.rpartition(":")[2], home)
        process.terminate()
    assert process.returncode == 0


def public_key(daemon: Daemon) -> rsa.RSAPublicKey:
    token = (daemon.home / "bridged" / f"token-{daemon.port}").read_text()
    with connect(f"ws://127.0.0.1:{daemon.port}/v1", token=token) as bridge:
        (certificate,) = bridge.certificates(usage=Usage.SIGNATURE)
    assert certificate.x509 is not None
    key = x509.load_der_x509_certificate(certificate.x509.der).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


@pytest.mark.parametrize("example", COMMANDS)
def test_prints_a_signature_that_verifies(daemon: Daemon, example: str) -> None:
    done = daemon.sign(example, EBID_PIN)
    assert done.returncode == 0, done.stderr
    signature = base64.b64decode(done.stdout, validate=False)
    public_key(daemon).verify(signature, TEXT.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert EBID_PIN not in done.stdout + done.stderr


@pytest.mark.parametrize("example", COMMANDS)
def test_says_what_is_wrong_with_a_pin(daemon: Daemon, example: str) -> None:
    done = daemon.sign(example, "12")
    assert done.returncode == 1
    assert "PIN番号は6～8文字" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("example", COMMANDS)
def test_says_that_the_daemon_does_not_run(tmp_path: Path, example: str) -> None:
    done = run(example, tmp_path, "1", "")
    assert done.returncode == 1
    assert "bridgedが動作していません" in done.stderr


@pytest.mark.parametrize("name", ["sign.py", "sign.mjs", "page.html"])
def test_is_short_enough_to_be_read(name: str) -> None:
    script = (EXAMPLES / name).read_text().rpartition('<script type="module">')[2]
    lines = [line for line in script.splitlines() if line.strip()]
    assert len(lines) <= 45
