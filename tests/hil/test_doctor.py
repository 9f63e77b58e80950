"""The doctor on a real PC/SC service: past the daemon, through it, and with faults made for real."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridged.virtual.card_process import CardProcess
from bridged.virtual.pcscd import PrivatePcscd

from ..exclusive import held_alone


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
            "XDG_STATE_HOME": str(folder / "state"),
        }
        (folder / "bridged").mkdir(mode=0o700)
        (folder / "bridged" / "config.toml").write_text(f"port = {self.port}\n")

    @property
    def state(self) -> Path:
        """Where the list of sites and the audit are."""
        return self.folder / "state" / "bridged"

    @contextmanager
    def daemon(
        self, *words: str, program: tuple[str, ...] = ("-m", "bridged"), **env: str
    ) -> Iterator[None]:
        """Run the daemon meanwhile."""
        with subprocess.Popen(
            [sys.executable, *program, "serve", *words],
            env=self.environment | env,
            stdout=subprocess.PIPE,
            text=True,
        ) as daemon:
            assert daemon.stdout is not None
            assert daemon.stdout.readline().startswith("listening")
            yield
            daemon.send_signal(signal.SIGTERM)

    def run(self, *words: str, typed: str = "", **env: str) -> str:
        """Return what a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "bridged", *words],
            env=self.environment | env,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def doctor(
        self, before: str = "", *, by: tuple[str, ...] = (), **env: str
    ) -> dict[str, dict[str, object]]:
        """Return the findings by name; `before` is shell run first, in mounts of its own."""
        command = [*by, sys.executable, "-m", "bridged", "doctor", "--json"]
        if before:
            script = f'set -e; {before}; exec "$@"'
            own = ["unshare", *(["-r"] if os.geteuid() else []), "-m", "--propagation", "private"]
            command = [*own, "sh", "-c", script, "-", *command]
        done = subprocess.run(
            command,
            env=self.environment | env,
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
    with computer.daemon():
        through = computer.doctor()
    assert through["daemon-running"]["port"] == computer.port
    assert {name: through[name] for name in ("card-good", "certificate-good", "pin-good")} == {
        name: alone[name] for name in ("card-good", "certificate-good", "pin-good")
    }


def test_a_card_that_another_program_holds_alone_is_named(
    computer: Computer, pcscd: PrivatePcscd, card: CardProcess
) -> None:
    with held_alone(pcscd.socket_name) as reader:
        found = computer.doctor()
    assert found["card-in-use"] == {"reader": reader}
    assert "python" in str(found["pcsc-programs"]["programs"])


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("unknown", "card-unknown"),
        ("blocked", "pin-blocked"),
        ("expired", "certificate-expired"),
        ("expiring", "certificate-expiring"),
        ("not-yet-valid", "certificate-not-yet-valid"),
    ],
)
def test_what_is_wrong_with_a_card_is_named(
    computer: Computer, pcscd: PrivatePcscd, ca_directory: Path, profile: str, name: str
) -> None:
    card = pcscd.spawn_card(profile, ca_directory)
    found = computer.doctor()
    card.close()
    assert name in found


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("status 6F00 on read times 0", {"card-fault": {"detail": "card-fault"}}),
        ("removed on read", {"reader-empty": {}}),
        ("garbage on read times 0", {"card-without-certificate": {}}),
        ("status 6300 on tries times 0", {"card-good": {}, "pin-uncounted": {"label": "PIN"}}),
    ],
)
def test_a_card_that_misbehaves_is_named(
    computer: Computer, card: CardProcess, fault: str, expected: dict[str, dict[str, object]]
) -> None:
    card.misbehave(fault)
    found = computer.doctor()
    assert expected.keys() <= found.keys()
    for name, fields in expected.items():
        assert fields.items() <= found[name].items()


def test_a_card_that_is_out_is_named(computer: Computer, card: CardProcess) -> None:
    card.remove()
    assert "reader-empty" in computer.doctor()


def test_a_card_that_is_mute_is_named(computer: Computer) -> None:
    """In a reader of the daemon's own: vpcd takes a card without an ATR for none."""
    profile = computer.folder / "mute.toml"
    profile.write_text('extends = "ebid"\nja = "応答しない"\nen = "mute"\n[atr]\nmute = true\n')
    with computer.daemon("--virtual", str(profile)):
        assert "card-mute" in computer.doctor()


def test_the_bundle_names_no_person_no_company_and_no_serial_number(
    computer: Computer, pcscd: PrivatePcscd, ca_directory: Path
) -> None:
    """Neither of a good card nor of one that is past its day, nor who is logged in."""
    cards = [pcscd.spawn_card(profile, ca_directory, n) for n, profile in enumerate(PROFILES)]
    with computer.daemon():
        listed = json.loads(computer.run("certs", "--json"))["certificates"]
        bundle = computer.folder / "bundle.zip"
        computer.run("doctor", "--bundle", str(bundle), HOME=str(computer.folder), USER="taro-n")
        full = computer.folder / "full.zip"
        computer.run("doctor", "--personal", "--bundle", str(full))
    for card in cards:
        card.close()
    personal = {str(computer.folder), "taro-n", socket.gethostname()}
    for x509 in (each["x509"] for each in listed):
        personal |= {value for value in x509["holder"].values() if value}
        personal |= {x509["serialNumber"], x509["sha256"], x509["subject"]["rfc4514"]}
    assert "長野 太郎" in personal
    given = unzipped(bundle)
    assert {"card-good", "certificate-expired"} <= {each["name"] for each in json.loads(given[0])}
    assert [word for word in personal if word in "".join(given)] == []
    assert "IT業者電子01" in "".join(unzipped(full)), "where the person agreed it is there"


PROFILES = ("ebid", "expired")


def unzipped(file: Path) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        return [archive.read(name).decode() for name in archive.namelist()]


# ---- the computer ----


def no_service(computer: Computer) -> dict[str, dict[str, object]]:
    return computer.doctor(PCSCLITE_CSOCK_NAME=str(computer.folder / "none"))


def not_installed(computer: Computer) -> dict[str, dict[str, object]]:
    return computer.doctor(
        "mount --bind /dev/null $(command -v pcscd || echo /usr/sbin/pcscd)",
        PCSCLITE_CSOCK_NAME=str(computer.folder / "none"),
    )


def wrong_settings(computer: Computer) -> dict[str, dict[str, object]]:
    (computer.folder / "bridged" / "config.toml").write_text("[pin]\nwais = []\n")
    return computer.doctor()


def taken_port(computer: Computer) -> dict[str, dict[str, object]]:
    command = [sys.executable, "-u", "-m", "http.server", str(computer.port), "-b", "127.0.0.1"]
    with subprocess.Popen(
        command, cwd=computer.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith(b"Serving HTTP")
        found = computer.doctor()
        server.terminate()
    return found


def another_users_daemon(computer: Computer) -> dict[str, dict[str, object]]:
    with computer.daemon(XDG_RUNTIME_DIR=str(computer.folder / "elsewhere")):
        return computer.doctor()


def full_disk(computer: Computer) -> dict[str, dict[str, object]]:
    computer.state.mkdir(mode=0o700, parents=True)
    fill = f"mount -t tmpfs -o size=64k,mode=700 none {computer.state}"
    fill += f"; dd if=/dev/zero of={computer.state}/big bs=1k 2>/dev/null || true"
    return computer.doctor(fill)


def read_only_disk(computer: Computer) -> dict[str, dict[str, object]]:
    computer.state.mkdir(mode=0o700, parents=True)
    return computer.doctor(f"mount -t tmpfs -o ro,mode=700 none {computer.state}")


def others_may_write(computer: Computer) -> dict[str, dict[str, object]]:
    (computer.state / "audit").mkdir(mode=0o700, parents=True)
    (computer.state / "audit").chmod(0o777)
    return computer.doctor()


def torn_list_of_sites(computer: Computer) -> dict[str, dict[str, object]]:
    computer.state.mkdir(mode=0o700, parents=True)
    (computer.state / "sites.json").write_text('{"version": 1, "sites": [')
    return computer.doctor()


def list_put_aside(computer: Computer) -> dict[str, dict[str, object]]:
    torn_list_of_sites(computer)
    with computer.daemon():
        return computer.doctor()


def changed_record(computer: Computer) -> dict[str, dict[str, object]]:
    with computer.daemon():
        pass
    journal = computer.state / "audit" / "audit.jsonl"
    journal.write_text(journal.read_text().replace("daemon.started", "daemon.startet"))
    return computer.doctor()


def policy_of_chromium(computer: Computer, text: str) -> str:
    """Give the computer a Chromium, which it may lack, with this policy."""
    programs = computer.folder / "programs"
    programs.mkdir()
    (programs / "chromium").touch(mode=0o755)
    folder = "/etc/chromium/policies/managed"
    mounted = (
        f"mount -t overlay none -o lowerdir={programs}:/usr/bin /usr/bin; "
        "mkdir -p /etc/chromium; mount -t tmpfs none /etc/chromium"
    )
    return f"{mounted}; mkdir -p {folder}; echo '{text}' > {folder}/ours.json"


def torn_policy(computer: Computer) -> dict[str, dict[str, object]]:
    return computer.doctor(policy_of_chromium(computer, '{"'))


def blocking_policy(computer: Computer) -> dict[str, dict[str, object]]:
    return computer.doctor(policy_of_chromium(computer, '{"LoopbackNetworkBlockedForUrls": ["*"]}'))


def wrong_policy(computer: Computer) -> dict[str, dict[str, object]]:
    text = "managed-onli = true"
    mounted = "mkdir -p /etc/bridged; mount -t tmpfs none /etc/bridged"
    return computer.doctor(f"{mounted}; echo '{text}' > /etc/bridged/policy.toml")


def another_version(computer: Computer) -> dict[str, dict[str, object]]:
    """The daemon that runs is of before an upgrade."""
    older = (
        "import bridged, runpy; bridged.__version__ = '0.0.1'; "
        "runpy.run_module('bridged', run_name='__main__')"
    )
    with computer.daemon(program=("-c", older)):
        return computer.doctor()


def no_dialog(computer: Computer) -> dict[str, dict[str, object]]:
    return computer.doctor(DISPLAY=":9", PATH=str(computer.folder))


FAULTS: dict[str, Callable[[Computer], dict[str, dict[str, object]]]] = {
    "pcscd-stopped": no_service,
    "pcscd-missing": not_installed,
    "settings-wrong": wrong_settings,
    "port-taken": taken_port,
    "daemon-other-user": another_users_daemon,
    "records-unwritable": full_disk,
    "records-unwritable (read-only)": read_only_disk,
    "records-unwritable (others)": others_may_write,
    "sites-broken": torn_list_of_sites,
    "sites-put-aside": list_put_aside,
    "audit-changed": changed_record,
    "policy-wrong": wrong_policy,
    "daemon-other-version": another_version,
    "browser-policy-wrong": torn_policy,
    "browser-blocks": blocking_policy,
    "dialog-missing": no_dialog,
}


def test_a_computer_without_these_faults_has_none_of_them(computer: Computer) -> None:
    assert not computer.doctor().keys() & {name.partition(" ")[0] for name in FAULTS}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_is_made_for_real_is_named(computer: Computer, name: str) -> None:
    finding = name.partition(" ")[0]
    found = FAULTS[name](computer)
    assert finding in found
    if finding == "port-taken":
        assert "python" in str(found[finding]["program"])


def test_the_last_try_is_named_when_the_others_were_wasted(
    computer: Computer, card: CardProcess
) -> None:
    with computer.daemon():
        listed = json.loads(computer.run("certs", "--json", "--usage", "signature"))
        wrong = json.dumps({"key": listed["certificates"][0]["id"], "pin": "000000"})
        for _ in range(2):
            computer.run("call", "pin.verify", "-", typed=wrong)
        assert "pin-last-try" in computer.doctor()
    assert "pin-last-try" in computer.doctor(), "the card itself tells it"


def test_a_service_that_this_user_may_not_use_is_named(
    computer: Computer, pcscd: PrivatePcscd
) -> None:
    """As polkit or the rights of its socket keep somebody out; root without his privileges, too."""
    file = Path(pcscd.socket_name)
    mode = file.stat().st_mode
    file.chmod(0)
    mine = "-dac_override,-dac_read_search"
    try:
        by = ("setpriv", f"--bounding-set={mine}", f"--inh-caps={mine}")
        found = computer.doctor(by=by if os.geteuid() == 0 else ())
    finally:
        file.chmod(mode)
    assert "pcscd-refuses" in found


USB_READER = """
mount -t tmpfs none /sys/bus
device=/sys/bus/pci0/usb1/1-2
mkdir -p $device/1-2:1.0 /sys/bus/usb/devices
echo 'SCR3310 Smart Card Reader' > $device/product
echo 0b > $device/1-2:1.0/bInterfaceClass
ln -s $device $device/1-2:1.0 /sys/bus/usb/devices"""
"""A reader on USB as the kernel shows it: one device, one interface (sysfs)."""


def test_a_service_without_a_reader_is_named(tmp_path: Path) -> None:
    """Its drivers are not there: a reader that hangs on USB is none for it."""
    with PrivatePcscd(readers=0) as empty:
        computer = Computer(tmp_path, empty)
        found = computer.doctor()
        plugged_in = computer.doctor(USB_READER)
    assert {"pcscd-good", "reader-none"} <= found.keys()
    assert {"pcscd-good", "reader-without-driver"} <= plugged_in.keys()
    assert plugged_in["reader-without-driver"] == {"device": "SCR3310 Smart Card Reader"}


def test_a_clock_that_is_behind_is_named_with_what_it_does_to_certificates(
    computer: Computer, card: CardProcess
) -> None:
    """The process has the clock of another year; that of a file stays what the kernel says."""
    found = computer.doctor(
        by=("faketime", "2001-04-01 09:00:00"), NO_FAKE_STAT="1", FAKETIME_DONT_FAKE_MONOTONIC="1"
    )
    assert str(found["clock-behind"]["now"]).startswith("2001-0")
    assert "certificate-not-yet-valid" in found


def test_a_service_that_hangs_is_named(computer: Computer, pcscd: PrivatePcscd) -> None:
    pcscd.process.send_signal(signal.SIGSTOP)
    try:
        found = computer.doctor()
    finally:
        pcscd.process.send_signal(signal.SIGCONT)
    assert "pcscd-hangs" in found
