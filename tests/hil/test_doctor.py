"""The doctor on a real PC/SC service: past the daemon, through it, and with faults made for real."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridged.virtual.card_process import CardProcess
from bridged.virtual.pcscd import PrivatePcscd

HOLD = """
import sys
from smartcard import scard
_, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
code, *_ = scard.SCardConnect(
    context, sys.argv[1], scard.SCARD_SHARE_EXCLUSIVE,
    scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
)
print(code, flush=True)
sys.stdin.read()
"""


class Computer:
    """Settings and state in a folder, cards behind the private pcscd."""

    def __init__(self, folder: Path, pcscd: PrivatePcscd) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.environment = {
            **os.environ,
            "PCSCLITE_CSOCK_NAME": pcscd.socket_name,
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
        }
        (folder / "bridged").mkdir(mode=0o700)
        (folder / "bridged" / "config.toml").write_text(f"port = {self.port}\n")

    def doctor(self) -> dict[str, dict[str, object]]:
        """Return the findings by name."""
        done = subprocess.run(
            [sys.executable, "-m", "bridged", "doctor", "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in {0, 1, 2}, done.stderr
        return {finding["name"]: finding["fields"] for finding in json.loads(done.stdout)}


@pytest.fixture
def computer(tmp_path: Path, pcscd: PrivatePcscd) -> Computer:
    return Computer(tmp_path, pcscd)


@pytest.fixture
def card(pcscd: PrivatePcscd, ca_directory: Path) -> Iterator[CardProcess]:
    card = pcscd.spawn_card("ebid", ca_directory)
    yield card
    card.close()


def test_a_card_is_seen_with_and_without_the_daemon(computer: Computer, card: CardProcess) -> None:
    alone = computer.doctor()
    assert {"daemon-stopped", "pcscd-good", "card-good", "certificate-good"} <= set(alone)
    daemon = subprocess.Popen(
        [sys.executable, "-m", "bridged", "serve"],
        env=computer.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert daemon.stdout is not None
    assert daemon.stdout.readline().startswith("listening")
    through = computer.doctor()
    daemon.send_signal(signal.SIGTERM)
    daemon.communicate()
    assert through["daemon-running"]["port"] == computer.port
    assert {name: through[name] for name in ("card-good", "certificate-good", "pin-good")} == {
        name: alone[name] for name in ("card-good", "certificate-good", "pin-good")
    }


def test_a_card_that_another_program_holds_alone_is_named(
    computer: Computer, card: CardProcess
) -> None:
    reader = str(computer.doctor()["card-good"]["reader"])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, reader],
        env=computer.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "0\n"
    found = computer.doctor()
    holder.communicate("")
    assert found["card-in-use"] == {"reader": reader}
    assert "python" in str(found["pcsc-programs"]["programs"])


def test_a_card_that_no_driver_knows_is_named(
    computer: Computer, pcscd: PrivatePcscd, ca_directory: Path
) -> None:
    card = pcscd.spawn_card("unknown", ca_directory)
    found = computer.doctor()
    card.close()
    assert "card-unknown" in found
