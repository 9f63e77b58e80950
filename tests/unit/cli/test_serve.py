"""`bridged serve` as a process: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridged.client.client import connect
from bridged.config import AllowedSite, Config, PinWay, state_dir
from bridged.errors import ConfigError, PcscUnavailable
from bridged.model import Grant, Usage
from bridged.sites.configured import site_policy
from bridged.sites.store import How, Remembered, SiteStore
from bridged.virtual.profiles import EBID_PIN

from ..pin.terminal import Terminal

NOW = datetime(2026, 4, 1, tzinfo=UTC)
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []
    env = {
        **os.environ,
        "DISPLAY": "",
        "WAYLAND_DISPLAY": "",
        "TERM": "xterm",
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path),
        "PCSCLITE_CSOCK_NAME": str(tmp_path / "no-pcscd"),
        "LC_ALL": "C.UTF-8",
    }

    def start_(*args: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "bridged", "serve", *args],
            env=env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start_
    for process in running:
        process.kill()
        process.communicate()


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", line)
    assert match is not None, line
    return int(match[1])


async def test_a_virtual_card_is_served_to_a_program_with_the_token_file(
    start: Start, tmp_path: Path
) -> None:
    process = start("--port", "0", "--virtual", "ebid")
    port = port_of(process)
    token = tmp_path / "run" / "bridged" / f"token-{port}"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    async with connect(f"ws://127.0.0.1:{port}/v1", token=token.read_text()) as bridge:
        assert len(await bridge.certificates()) == 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert not token.exists()


async def test_the_dialog_of_a_terminal_asks_where_the_daemon_was_started(
    start: Start, tmp_path: Path
) -> None:
    settings = tmp_path / "config" / "bridged" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('[pin]\npinentry = "pinentry-curses"\n')
    terminal = Terminal()
    process = start("--port", "0", "--virtual", "ebid", stdin=terminal.line)
    port = port_of(process)
    token = (tmp_path / "run" / "bridged" / f"token-{port}").read_text()
    async with connect(f"ws://127.0.0.1:{port}/v1", token=token) as bridge:
        assert (await bridge.info()).pin_entry[0] == PinWay.PINENTRY
        (signer,) = await bridge.certificates(usage=Usage.SIGNATURE)
        work = bridge.sign(signer.id, [bytes(32)], title="入札書")
        signing = asyncio.create_task(work)
        await terminal.shows("電子署名", "このコンピューターのプログラム", "入札書", "PIN:")
        terminal.type(f"{EBID_PIN}\r")
        assert len(await signing) == 1
    terminal.close()


async def test_without_pcscd_the_daemon_runs_and_says_so(start: Start, tmp_path: Path) -> None:
    process = start("--port", "0")
    port = port_of(process)
    token = (tmp_path / "run" / "bridged" / f"token-{port}").read_text()
    async with connect(f"ws://127.0.0.1:{port}/v1", token=token) as bridge:
        with pytest.raises(PcscUnavailable):
            await bridge.readers()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_a_taken_port_is_said_in_one_line(start: Start) -> None:
    port = port_of(start("--port", "0", "--virtual", "jpki"))
    second = start("--port", str(port), "--virtual", "jpki")
    _, err = second.communicate(timeout=20)
    assert second.returncode == 1
    assert f"bridged: Port {port} is taken" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "origin", ["portal.example", "https://portal.example/", "http://a.example"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match="is not an origin"):
        site_policy(Config(), [origin])


def test_an_unknown_grant_is_refused() -> None:
    with pytest.raises(ConfigError, match="everything"):
        site_policy(Config(), ["https://portal.example=everything"])


def test_the_command_line_stands_over_the_settings() -> None:
    settings = Config(sites=(AllowedSite(origin="https://a.example"),))
    policy = site_policy(settings, ["https://a.example=page-pin", "https://b.example"])
    grants = {site.origin: site.grants for site in policy.decisions()}
    assert grants == {
        "https://a.example": {Grant.PAGE_PIN},
        "https://b.example": {Grant.CERTIFICATES, Grant.SIGN},
    }


async def test_a_hangup_reads_the_sites_anew_and_ends_nothing(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    process = start("--port", "0", "--virtual", "ebid")
    port = port_of(process)
    token = (tmp_path / "run" / "bridged" / f"token-{port}").read_text("ascii")
    origin = "https://portal.example"
    async with connect(f"ws://127.0.0.1:{port}/v1", origin=origin) as page:
        assert (await page.info()).grants == ()
        SiteStore(state_dir() / "sites.json").change(
            origin,
            lambda _: Remembered(origin=origin, grants=(Grant.SIGN,), at=NOW, how=How.COMMAND),
        )
        process.send_signal(signal.SIGHUP)
        event = await page.next_event()
        assert event is not None
        assert event.name == "site.granted"
    async with connect(f"ws://127.0.0.1:{port}/v1", token=token) as program:
        assert (await program.info()).origin is None
    settings = tmp_path / "config" / "bridged" / "config.toml"
    settings.parent.mkdir(parents=True)
    other = "https://other.example"
    settings.write_text(f"[[sites]]\norigin = '{other}'\n[pin]\nways = ['pinpad', 'page']\n")
    async with connect(f"ws://127.0.0.1:{port}/v1", origin=other) as page:
        assert PinWay.WINDOW in (await page.info()).pin_entry
        process.send_signal(signal.SIGHUP)
        event = await page.next_event()
        assert event is not None
        assert event.name == "site.granted"
        assert PinWay.WINDOW not in (await page.info()).pin_entry
