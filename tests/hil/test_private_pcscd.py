"""The private pcscd: what clients see of it, and that nothing of it stays behind."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from bridged.virtual import pcscd as module
from bridged.virtual.card_process import CardProcessError
from bridged.virtual.pcscd import CannotRunPcscd, PrivatePcscd

OWNER = """
import sys
from pathlib import Path
from bridged.virtual.pcscd import PrivatePcscd
with PrivatePcscd() as daemon:
    card = daemon.spawn_card("ebid", Path(sys.argv[1]))
    print(daemon.process.pid, card.pid, daemon.directory, flush=True)
    sys.stdin.read()
"""


def opensc_readers(daemon: PrivatePcscd) -> list[tuple[str, str]]:
    """Return (card there?, reader name) as opensc-tool sees them."""
    listing = subprocess.run(
        ["opensc-tool", "--list-readers"],
        env={**os.environ, "PCSCLITE_CSOCK_NAME": daemon.socket_name},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [line.split(maxsplit=2) for line in listing.splitlines()[2:]]
    return [(there, name) for _, there, name in rows]


def test_it_has_virtual_readers_alone() -> None:
    with PrivatePcscd(readers=3) as daemon:
        readers = opensc_readers(daemon)
    # vpcd makes readers in pairs.
    names = [f"bridged virtual reader {entry} 00 {slot:02}" for entry in (0, 1) for slot in (0, 1)]
    assert readers == [("No", name) for name in names]


def test_each_reader_holds_its_own_card(ca_directory: Path) -> None:
    with PrivatePcscd(readers=4) as daemon:
        daemon.spawn_card("ebid", ca_directory, reader=0)
        daemon.spawn_card("jpki", ca_directory, reader=3)
        assert [there for there, _ in opensc_readers(daemon)] == ["Yes", "No", "No", "Yes"]


def test_insertion_and_removal_are_done_when_they_are_answered(ca_directory: Path) -> None:
    with PrivatePcscd() as daemon:
        card = daemon.spawn_card("ebid", ca_directory, inserted=False)
        seen = [opensc_readers(daemon)[0][0]]
        for step in (card.insert, card.remove, card.insert):
            step()
            seen.append(opensc_readers(daemon)[0][0])
    assert seen == ["No", "Yes", "No", "Yes"]


def test_a_second_card_is_refused(ca_directory: Path) -> None:
    with PrivatePcscd() as daemon:
        daemon.spawn_card("ebid", ca_directory)
        second = daemon.spawn_card("jpki", ca_directory, inserted=False)
        with pytest.raises(CardProcessError, match="another card"):
            second.insert()


def test_nothing_stays_behind(ca_directory: Path) -> None:
    with PrivatePcscd() as daemon:
        card = daemon.spawn_card("ebid", ca_directory)
    for pid in (daemon.process.pid, card.pid):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert not daemon.directory.exists()


def test_no_process_outlives_an_owner_that_is_killed(ca_directory: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(ca_directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout
        *pids, directory = owner.stdout.readline().split()
        handles = [os.pidfd_open(int(pid)) for pid in pids]
        owner.kill()
    assert len(handles) == 2
    for handle in handles:
        ended, _, _ = select.select([handle], [], [], 10)
        assert ended
        os.close(handle)
    subprocess.run(["rm", "-r", directory], check=True)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "DRIVER_DIRECTORIES", (str(tmp_path),))
    with pytest.raises(CannotRunPcscd, match="vsmartcard-vpcd"), PrivatePcscd():
        pass


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "SEARCH_PATH", str(tmp_path))
    with pytest.raises(CannotRunPcscd, match="pcscd, unshare"), PrivatePcscd():
        pass


def test_where_namespaces_are_forbidden_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr(module, "SEARCH_PATH", f"{tmp_path}{os.pathsep}{module.SEARCH_PATH}")
    with pytest.raises(CannotRunPcscd, match="Operation not permitted"), PrivatePcscd():
        pass
