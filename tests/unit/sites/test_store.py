"""What is remembered of sites, and what becomes of it when something goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridged.errors import ConfigError, RecordFailed
from bridged.model import Grant
from bridged.sites.policy import SitePolicy
from bridged.sites.store import How, Remembered, SiteStore

SITE = "https://portal.example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sites.json"


def remember(origin: str = SITE) -> Remembered:
    at = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
    return Remembered(origin=origin, grants=(Grant.SIGN,), at=at, how=How.PROMPT)


def test_what_is_remembered_outlives_the_process_and_is_for_its_user_alone(path: Path) -> None:
    assert SiteStore(path).change(SITE, lambda _: remember()) == remember()
    again = SiteStore(path)
    again.load()
    assert again.sites == {SITE: remember()}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(path.read_bytes())["sites"] == [
        {"origin": SITE, "grants": ["sign"], "at": "2026-04-01T09:00:00Z", "how": "prompt"}
    ]


def test_nothing_is_remembered_where_there_is_no_file(path: Path) -> None:
    store = SiteStore(path)
    store.load()
    assert store.sites == {}


def test_a_site_that_is_forgotten_is_gone(path: Path) -> None:
    store = SiteStore(path)
    store.change(SITE, lambda _: remember())
    assert store.change(SITE, lambda before: None) is None
    store.load()
    assert store.sites == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 2, "sites": []}',
        b'{"version": 1, "sites": [{}]}',
        b'{"version": 1, "sites": [{"origin": "https://portal.example/", "grants": [],'
        b' "at": "2026-04-01T09:00:00Z", "how": "prompt"}]}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_broken_file_is_told_and_put_aside(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(content)
    store = SiteStore(path)
    store.load()
    assert store.sites == {}
    (aside,) = path.parent.glob("sites.json.broken-*")
    assert aside.read_bytes() == content
    assert str(aside) in caplog.text
    store.change(SITE, lambda _: remember())
    assert aside.read_bytes() == content


def test_a_crash_while_writing_leaves_the_old_list(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SiteStore(path)
    store.change(SITE, lambda _: remember())

    def crash(_: int) -> None:
        raise OSError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", crash)
        with pytest.raises(RecordFailed):
            store.change("https://other.example", remember_other)
    assert store.sites == {SITE: remember()}
    again = SiteStore(path)
    again.load()
    assert again.sites == {SITE: remember()}
    again.change("https://other.example", remember_other)
    assert again.sites.keys() == {SITE, "https://other.example"}


def remember_other(_: Remembered | None) -> Remembered:
    return remember("https://other.example")


def test_a_file_that_cannot_be_written_is_an_error_that_names_no_path(tmp_path: Path) -> None:
    (tmp_path / "sites.json").mkdir()
    with pytest.raises(RecordFailed) as caught:
        SiteStore(tmp_path / "sites.json").change(SITE, lambda _: remember())
    assert str(tmp_path) not in str(caught.value)


def test_a_folder_that_others_can_write_to_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(ConfigError):
        SiteStore(path).load()


WRITER = """
import sys
from pathlib import Path
from bridged.model import Grant
from bridged.sites.policy import SitePolicy
from bridged.sites.store import How, SiteStore

policy = SitePolicy({}, store=SiteStore(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
for n in range(20):
    policy.grant(f"https://{sys.argv[2]}-{n}.example", [Grant.SIGN], How.COMMAND)
"""


def test_processes_and_threads_that_write_at_once_lose_nothing(path: Path) -> None:
    """The daemon and the command line."""
    store = SiteStore(path)
    policy = SitePolicy({}, store=store)
    command = [sys.executable, "-c", WRITER, str(path), "process"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        with ThreadPoolExecutor(2) as threads:
            for n in range(20):
                name = f"https://thread-{n}.example"
                threads.submit(policy.grant, name, [Grant.SIGN], How.PROMPT)
        assert other.wait(30) == 0
    store.load()
    assert store.sites.keys() == {
        f"https://{who}-{n}.example" for who in ("process", "thread") for n in range(20)
    }
