"""The service manager's side is played by the test: its sockets, its variables, its messages."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridged.errors import ConfigError
from bridged.server import systemd

UNITS = Path(__file__).resolve().parents[3] / "systemd"
SYSTEM_UNIT = UNITS / "system" / "bridged.service"
SERVE = (sys.executable, "-m", "bridged", "serve")
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What NOTIFY_SOCKET names."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield sock


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """A socket that the service manager listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    for kind in ("RUNTIME_DIR", "CONFIG_HOME", "STATE_HOME"):
        monkeypatch.setenv(f"XDG_{kind}", str(tmp_path / kind))
    running: list[subprocess.Popen[str]] = []

    def start_(*command: str, door: socket.socket | None = None) -> subprocess.Popen[str]:
        """Start a program as the service manager does, with the door as descriptor 3."""
        pass_fds: tuple[int, ...] = ()
        if door is not None:
            handed = f"exec {systemd.FIRST_FD}<&{door.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "
            command = ("bash", "-c", f'{handed} "$@"', "manager", *command)
            pass_fds = (door.fileno(),)
        process = subprocess.Popen(
            command, pass_fds=pass_fds, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield start_
    for process in running:
        process.kill()
        process.communicate()


def until(manager: socket.socket, state: bytes) -> None:
    while manager.recv(100) != state:
        pass


def test_the_manager_is_told_of_start_life_and_end(
    start: Start, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    process = start(*SERVE, "--virtual", "ebid", "--port", "0")
    assert manager.recv(100) == b"READY=1"
    assert [manager.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    process.send_signal(signal.SIGTERM)
    until(manager, b"STOPPING=1")
    assert process.wait(20) == 0


def test_without_a_watchdog_nothing_more_is_said(
    start: Start, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    process = start(*SERVE, "--virtual", "ebid", "--port", "0")
    assert manager.recv(100) == b"READY=1"
    process.send_signal(signal.SIGTERM)
    assert manager.recv(100) == b"STOPPING=1"


def test_a_manager_that_does_not_listen_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for address in (str(tmp_path / "gone"), "@nobody-listens-here", "relative", ""):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        systemd.notify("READY=1")


def test_a_manager_in_the_abstract_namespace_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"bridged-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        sock.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        systemd.notify("READY=1")
        assert sock.recv(100) == b"READY=1"


def test_the_daemon_serves_the_socket_it_was_handed(
    start: Start, manager: socket.socket, door: socket.socket
) -> None:
    process = start(*SERVE, "--virtual", "ebid", door=door)
    until(manager, b"READY=1")
    port = door.getsockname()[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    with socket.create_connection(("127.0.0.1", port)):
        """The next one waits in the manager's own queue."""


def test_a_socket_of_another_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert systemd.handed_sockets() == []
    assert "LISTEN_FDS" not in os.environ


@pytest.mark.parametrize(
    ("address", "kind", "listens"),
    [
        ("0.0.0.0", socket.SOCK_STREAM, True),  # noqa: S104 - it is refused
        ("127.0.0.1", socket.SOCK_STREAM, False),
        ("127.0.0.1", socket.SOCK_DGRAM, False),
    ],
)
def test_a_socket_that_does_not_listen_on_loopback_alone_is_refused(
    address: str,
    kind: socket.SocketKind,
    listens: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((address, 0))
        if listens:
            sock.listen()
        copy = os.dup(sock.fileno())
        monkeypatch.setattr(systemd, "FIRST_FD", copy)
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        with pytest.raises(ConfigError, match=r"bridged\.socket"):
            systemd.handed_sockets()


def test_an_unused_daemon_leaves_and_a_silent_connection_is_a_use(
    start: Start, manager: socket.socket, door: socket.socket
) -> None:
    with socket.create_connection(door.getsockname()) as browser:
        process = start(*SERVE, "--virtual", "ebid", "--exit-unused", "1", door=door)
        until(manager, b"READY=1")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        browser.close()
        until(manager, b"STOPPING=1")
        assert process.wait(20) == 0


def test_settings_that_are_wrong_are_told_to_who_comes_and_then_it_leaves(
    start: Start, manager: socket.socket, door: socket.socket, tmp_path: Path
) -> None:
    """Who waits in the manager's queue is answered: else the daemon would be started for them in vain."""
    settings = tmp_path / "CONFIG_HOME" / "bridged" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('langage = "ja"')
    with socket.create_connection(door.getsockname(), timeout=20) as waiting:
        waiting.sendall(b"GET / HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n\r\n" % door.getsockname()[1])
        process = start(*SERVE, door=door)
        until(manager, b"READY=1")
        with waiting.makefile(encoding="utf-8") as answer:
            text = answer.read()
    assert text.startswith("HTTP/1.0 503 ")
    assert "langage" in text
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "langage" in told
    settings.write_text('language = "ja"')
    process = start(*SERVE, "--virtual", "ebid", door=door)
    until(manager, b"READY=1")
    with urllib.request.urlopen(f"http://127.0.0.1:{door.getsockname()[1]}/health") as good:
        assert good.status == 200


def test_a_folder_that_others_can_write_to_is_told_too(
    start: Start, door: socket.socket, tmp_path: Path
) -> None:
    state = tmp_path / "STATE_HOME" / "bridged"
    state.mkdir(parents=True)
    state.chmod(0o777)
    process = start(*SERVE, door=door)
    port = door.getsockname()[1]
    with pytest.raises(urllib.error.HTTPError, match="503") as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/")
    assert str(state) in refused.value.read().decode()
    assert process.wait(20) == 0


def test_the_first_connection_starts_the_daemon(start: Start, door: socket.socket) -> None:
    port = door.getsockname()[1]
    door.close()
    activate = shutil.which("systemd-socket-activate")
    assert activate is not None
    start(activate, "-l", f"127.0.0.1:{port}", *SERVE, "--virtual", "ebid", "--exit-unused", "60")
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                assert answer.status == 200
                return
        except urllib.error.URLError:
            """`systemd-socket-activate` itself is not up yet."""


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_system_unit_is_hardened() -> None:
    exposure = analyze("security", "--offline=yes", "--threshold=15", str(SYSTEM_UNIT))
    assert exposure.returncode == 0, exposure.stdout[-400:]
    level = re.search(r"exposure level for bridged\.service: ([0-9.]+)", exposure.stdout)
    assert level is not None
    assert float(level[1]) <= 1.5


def said(unit: Path, name: str) -> list[str]:
    """Return what a unit says of a setting, line by line."""
    lines = unit.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


@pytest.mark.parametrize("kind", ["system", "user"])
def test_the_units_listen_on_loopback_alone(kind: str) -> None:
    text = (UNITS / kind / "bridged.socket").read_text(encoding="utf-8")
    listens = re.findall(r"^Listen\w+=.*$", text, re.MULTILINE)
    assert listens == ["ListenStream=127.0.0.1:24781", "ListenStream=[::1]:24781"]


@pytest.mark.parametrize("kind", ["system", "user"])
def test_the_units_leave_no_dump_and_give_no_privilege(kind: str) -> None:
    """Each for itself: the sum of `systemd-analyze` would let one of them go."""
    unit = UNITS / kind / "bridged.service"
    assert said(unit, "LimitCORE") == ["0"]
    assert said(unit, "NoNewPrivileges") == ["yes"]
    assert said(unit, "MemoryDenyWriteExecute") == ["yes"]
    assert said(unit, "SystemCallFilter")[0] == "@system-service"
    if kind == "system":
        assert said(unit, "CapabilityBoundingSet") == said(unit, "AmbientCapabilities") == [""]
        assert said(unit, "IPAddressAllow") == ["localhost"]
        assert said(unit, "IPAddressDeny") == ["any"]


@pytest.mark.parametrize("kind", ["system", "user"])
def test_the_units_are_sound(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for unit in (UNITS / kind).iterdir():
        text = unit.read_text(encoding="utf-8")
        (tmp_path / unit.name).write_text(text.replace("/usr/bin/bridged", sys.executable))
    verdict = analyze("verify", "--man=no", f"--{kind}", *map(str, tmp_path.iterdir()))
    assert verdict.returncode == 0, verdict.stderr
    assert "bridged" not in verdict.stderr
