"""`make demo` as a person meets it: it comes up, says where, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

ROOT = Path(__file__).resolve().parents[2]
DEMO = (sys.executable, str(ROOT / "tools" / "demo.py"))
READY = re.compile(r"ready portal=(http://127\.0\.0\.1:\d+)/ status=(http://127\.0\.0\.1:(\d+))/\n")
END_S = 5.0

pytestmark = [pytest.mark.hil, pytest.mark.timeout(90)]


@dataclass(slots=True)
class Demo:
    """A demo that is ready; `said` is what it printed until then, `family` its processes."""

    process: subprocess.Popen[str]
    said: str
    portal: str
    status: str
    family: set[int]
    scratch: Path

    def ask(self, method: str) -> dict[str, Any]:
        """Call a method of the daemon as the portal's page does; returns the JSON-RPC response."""
        url = self.status.replace("http", "ws", 1) + "/v1"
        with connect(
            url, origin=Origin(self.portal), subprotocols=[Subprotocol("bridged.v1")], proxy=None
        ) as page:
            page.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}))
            while (message := json.loads(page.recv(timeout=10))).get("id") != 1:
                pass
            return dict(message)

    def assert_nothing_is_left(self) -> None:
        _assert_nothing_is_left(self.scratch)
        for url in (self.portal, self.status):
            with socket.socket() as probe:
                address = ("127.0.0.1", int(url.rpartition(":")[2]))
                assert probe.connect_ex(address) == errno.ECONNREFUSED

    def output_at_end(self) -> str:
        assert self.process.stdout
        return self.process.stdout.read()


def _users_of(scratch: Path) -> set[int]:
    """Return the processes that were started with `scratch` as their TMPDIR and have not ended."""
    mark = f"TMPDIR={scratch}".encode()
    users = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if mark in environ.read_bytes().split(b"\0"):  # empty once a process is a zombie
                users.add(int(environ.parent.name))
    return users


def _assert_nothing_is_left(scratch: Path) -> None:
    assert {pid: _command(pid) for pid in _users_of(scratch)} == {}
    assert list(scratch.iterdir()) == []


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


Start = Callable[..., Demo]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a demo and wait until it is ready; ends it if the test did not."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    with contextlib.ExitStack() as stack:

        def start(
            *command: str, env: Mapping[str, str] | None = None, stdin: int | IO[str] | None = None
        ) -> Demo:
            process = stack.enter_context(
                subprocess.Popen(
                    command or DEMO,
                    stdin=subprocess.DEVNULL if stdin is None else stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    cwd=ROOT,
                    env={**os.environ, "TMPDIR": str(scratch), **(env or {})},
                )
            )
            stack.callback(_finish, process)
            said, ready = "", None
            assert process.stdout
            for line in process.stdout:
                if ready := READY.fullmatch(line):
                    break
                said += line
            assert ready, said
            family = _users_of(scratch)
            return Demo(process, said, ready[1], ready[2], family, scratch)

        yield start


def _finish(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_demo_comes_up_behind_a_real_pcscd_and_a_signal_ends_everything(
    start: Start, number: signal.Signals
) -> None:
    demo = start()
    assert "123456" in demo.said
    assert f"{demo.portal}/" in demo.said
    assert "pcscd" in {_name(pid) for pid in demo.family}
    for url in (demo.portal, demo.status):
        with urllib.request.urlopen(url + "/") as page:
            assert page.status == 200
    certificates = demo.ask("certificate.list")["result"]["certificates"]
    assert {c["usage"] for c in certificates} == {"authentication", "signature"}

    demo.process.send_signal(number)
    assert demo.process.wait(END_S) == 0
    assert "ready" not in demo.output_at_end()
    demo.assert_nothing_is_left()


def test_a_signal_while_it_starts_ends_it_as_well(tmp_path: Path) -> None:
    with subprocess.Popen(
        DEMO,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("==>")
        process.terminate()
        assert process.wait(END_S) == 0
    _assert_nothing_is_left(tmp_path)


def test_without_pcscd_the_card_is_inside_the_daemon(start: Start, tmp_path: Path) -> None:
    setpriv = shutil.which("setpriv")
    assert setpriv
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "setpriv").symlink_to(setpriv)
    demo = start(env={"PATH": str(tmp_path / "bin")})
    assert "unshare" in demo.said
    assert "仮想リーダー" in demo.said
    assert "pcscd" not in {_name(pid) for pid in demo.family}
    assert len(demo.ask("certificate.list")["result"]["certificates"]) == 2

    demo.process.terminate()
    assert demo.process.wait(END_S) == 0
    demo.assert_nothing_is_left()


def test_ports_in_use_are_left_to_their_owners(start: Start) -> None:
    with contextlib.ExitStack() as owners:
        for port in (24781, 8480):
            with contextlib.suppress(OSError):  # somebody else has it: as good
                owners.enter_context(socket.create_server(("127.0.0.1", port)))
        demo = start()
        assert not {demo.portal, demo.status} & {f"http://127.0.0.1:{p}" for p in (24781, 8480)}
        assert "result" in demo.ask("bridge.info")


@pytest.mark.parametrize(
    ("victim", "name"),
    [
        ("-m bridged serve", "bridged serve"),
        ("-m portal_demo serve", "portal-demo serve"),
        ("pcscd --foreground", "pcscd"),
        ("-m bridged card", "bridged card"),
    ],
)
def test_a_part_that_dies_ends_the_demo_and_is_named(start: Start, victim: str, name: str) -> None:
    demo = start()
    (pid,) = [pid for pid in demo.family if victim in _command(pid)]
    os.kill(pid, signal.SIGKILL)
    assert demo.process.wait(END_S) == 1
    assert f"{name} ended by itself" in demo.output_at_end()
    demo.assert_nothing_is_left()


def test_killing_the_demo_outright_leaves_no_process(start: Start) -> None:
    demo = start()
    watched = [os.pidfd_open(pid) for pid in demo.family]
    demo.process.kill()
    demo.process.wait()
    for descriptor in watched:
        _wait_for_end(descriptor)


def _wait_for_end(descriptor: int) -> None:
    ready, _, _ = select.select([descriptor], [], [], END_S)
    os.close(descriptor)
    assert ready, "a process was left behind"


def test_the_card_is_pulled_and_put_back_from_the_terminal(start: Start) -> None:
    terminal, inside = pty.openpty()
    demo = start(stdin=inside)
    os.close(inside)
    assert "remove" in demo.said
    stdout = demo.process.stdout
    assert stdout
    before = demo.ask("certificate.list")["result"]["certificates"]

    os.write(terminal, b"remove\n")
    assert "カードを抜きました" in stdout.readline()
    while "error" not in (answer := demo.ask("certificate.list")):
        pass  # the daemon learns of it by itself
    assert answer["error"]["data"]["reason"] == "no-card"

    os.write(terminal, b"insert\n")
    assert "カードを挿しました" in stdout.readline()
    while "result" not in (answer := demo.ask("certificate.list")):
        assert answer["error"]["data"]["reason"] == "no-card"  # the daemon learns of it by itself
    after = answer["result"]["certificates"]
    assert [c["x509"] for c in after] == [c["x509"] for c in before]

    os.write(terminal, b"eject\n")
    assert "remove" in stdout.readline()

    os.close(terminal)
    assert demo.process.wait(END_S) == 0
    demo.assert_nothing_is_left()


def test_the_end_of_input_is_not_the_end_of_the_demo(start: Start) -> None:
    terminal, inside = pty.openpty()
    demo = start(stdin=inside)
    os.close(inside)
    os.write(terminal, b"\x04")
    with pytest.raises(subprocess.TimeoutExpired):
        demo.process.wait(0.5)
    os.close(terminal)


def test_make_passes_a_signal_on(start: Start) -> None:
    demo = start("make", "demo", "BOOTSTRAP=true")
    demo.process.terminate()
    demo.process.wait(END_S)
    demo.assert_nothing_is_left()


def test_killing_make_ends_the_demo(start: Start) -> None:
    demo = start("make", "demo", "BOOTSTRAP=true")
    watched = [os.pidfd_open(pid) for pid in demo.family]
    demo.process.kill()
    for descriptor in watched:
        _wait_for_end(descriptor)
    demo.assert_nothing_is_left()
