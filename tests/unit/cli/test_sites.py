"""`bridged sites` and `bridged log`, with a daemon that runs and without one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from bridged.__main__ import main
from bridged.config import audit_dir, state_dir
from bridged.sites.managed import ManagedPolicy

SITE = "https://portal.example"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return tmp_path


@pytest.fixture
def daemon(home: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "bridged", "serve", "--port", "0", "--virtual", "ebid"]
    with subprocess.Popen(command, stdout=-1, stderr=-3, text=True) as process:
        assert process.stdout is not None
        port = re.search(r":(\d+)$", process.stdout.readline().strip())
        assert port is not None
        yield int(port[1])
        process.terminate()
        assert process.wait(10) == 0


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["sites", "list", "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_a_site_is_allowed_listed_denied_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sites", "allow", SITE]) == 0
    (site,) = listed(capsys)
    assert (site["origin"], site["grants"]) == (SITE, ["certificates", "sign"])
    assert (site["source"], site["how"], site["denied"]) == ("person", "command", False)
    assert main(["sites", "allow", SITE, "--grant", "page-pin"]) == 0
    assert listed(capsys)[0]["grants"] == ["certificates", "page-pin", "sign"]
    assert main(["sites", "deny", SITE]) == 0
    assert [listed(capsys)[0][name] for name in ("grants", "denied")] == [[], True]
    assert main(["sites", "revoke", SITE]) == 0
    assert listed(capsys) == []
    assert main(["sites", "revoke", SITE]) == 1


@pytest.mark.parametrize(
    ("language", "words"),
    [("C", "https://portal.example may now: sign"), ("ja_JP.UTF-8", "許可しました")],
)
def test_it_speaks_the_language_of_the_person(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str, words: str
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    assert main(["sites", "allow", SITE, "--grant", "sign"]) == 0
    assert words in capsys.readouterr().out
    assert main(["sites", "list"]) == 0
    assert SITE in capsys.readouterr().out


@pytest.mark.parametrize("text", ["portal.example", f"{SITE}/", "http://portal.example", "null"])
def test_what_is_no_site_is_refused(capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert main(["sites", "allow", text]) == 1
    assert "no slash at the end" in capsys.readouterr().err
    assert not (state_dir() / "sites.json").exists()


def test_what_the_settings_say_is_changed_there(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "bridged").mkdir(exist_ok=True)
    (home / "bridged" / "config.toml").write_text(f'[[sites]]\norigin = "{SITE}"\n', "utf-8")
    assert main(["sites", "deny", SITE]) == 1
    assert "settings" in capsys.readouterr().err


def test_what_the_administrator_overrules_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sites", "allow", SITE]) == 0
    assert [each["overruled"] for each in listed(capsys)] == [False]
    monkeypatch.setattr(
        "bridged.sites.configured.load_managed", lambda: ManagedPolicy(managed_only=True)
    )
    assert [each["overruled"] for each in listed(capsys)] == [True]
    assert main(["sites", "list"]) == 0
    assert "not in force: the administrator decided otherwise" in capsys.readouterr().out


def test_a_running_daemon_knows_at_once_and_closes_what_is_revoked(daemon: int) -> None:
    with connect(
        f"ws://127.0.0.1:{daemon}/v1",
        origin=Origin(SITE),
        subprotocols=[Subprotocol("bridged.v1")],
        proxy=None,
    ) as ws:
        ws.send('{"jsonrpc": "2.0", "id": 1, "method": "bridge.info"}')
        assert json.loads(ws.recv())["result"]["grants"] == []
        assert main(["sites", "allow", SITE]) == 0
        granted = json.loads(ws.recv(10))
        assert (granted["method"], granted["params"]["held"]) == (
            "site.granted",
            ["certificates", "sign"],
        )
        assert main(["sites", "revoke", SITE]) == 0
        assert json.loads(ws.recv(10))["method"] == "site.revoked"
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


def test_a_daemon_that_cannot_be_told_is_named(
    home: Path, capsys: pytest.CaptureFixture[str], daemon: int
) -> None:
    (home / "bridged" / f"token-{daemon}").write_text("another", "ascii")
    assert main(["sites", "allow", SITE]) == 0
    assert f"port {daemon} could not be told" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("C", "could not read the list anew: bridged could not"),
        ("ja_JP.UTF-8", "読み直せませんでした"),
    ],
)
def test_a_daemon_that_cannot_read_the_list_says_why(
    home: Path,
    daemon: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    words: str,
) -> None:
    lock = home / "bridged" / "sites.json.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "elsewhere"))
    monkeypatch.setenv("LC_ALL", language)
    assert main(["sites", "allow", SITE]) == 0
    told = capsys.readouterr().err
    assert words in told
    assert str(daemon) in told


def test_the_log_shows_what_was_decided_and_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sites", "allow", SITE])
    main(["sites", "deny", "https://evil.example"])
    capsys.readouterr()
    assert main(["log"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "site.granted" in first
    assert "https://evil.example" in second
    assert main(["log", "--json", "--site", SITE, "--since", "1h"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["grants"] == ["certificates", "sign"]
    assert main(["log", "--since", "2999-01-01"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["log", "verify"]) == 0
    assert "2 records" in capsys.readouterr().out


def test_a_log_that_was_changed_fails(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sites", "allow", SITE])
    main(["sites", "deny", SITE])
    path = audit_dir() / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b"portal", b"p0rtal", 1))
    capsys.readouterr()
    assert main(["log", "verify"]) == 1
    assert "audit.jsonl:1: record 1 was changed" in capsys.readouterr().err
    assert main(["log", "verify", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["faults"][0]["line"] == 1


def test_a_title_cannot_play_with_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from bridged.audit.journal import Journal

    Journal(audit_dir()).append("key.asked", {"title": "\x1b[2Jgone\u202e"})
    assert main(["log"]) == 0
    assert "?[2Jgone?" in capsys.readouterr().out


def test_revoking_what_is_not_on_the_list_is_no_decision(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sites", "revoke", SITE]) == 1
    capsys.readouterr()
    assert main(["log"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("left", ["token-1", "token-1~", "token-"])
def test_what_a_daemon_left_behind_is_no_daemon(
    home: Path, capsys: pytest.CaptureFixture[str], left: str
) -> None:
    (home / "bridged").mkdir(exist_ok=True)
    (home / "bridged" / left).write_text("token")
    assert main(["sites", "allow", SITE]) == 0
    assert capsys.readouterr().err == ""


def test_a_record_of_that_very_moment_is_since_then(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sites", "allow", SITE])
    capsys.readouterr()
    main(["log", "--json"])
    shown = capsys.readouterr().out
    main(["log", "--json", "--since", json.loads(shown)["at"]])
    assert capsys.readouterr().out == shown
    assert main(["log", "verify"]) == 0
    assert capsys.readouterr().err == "", "what takes time is for terminals"
