"""`--json` of every command: it is there, its result is JSON, and so is its error."""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridged.__main__ import main
from bridged.cli.commands import parser
from bridged.virtual.ca import DemoCa
from bridged.virtual.profiles import EBID_PIN, make_card

from .test_call import Shell, environment, shell
from .test_sign import converse

__all__ = ["shell"]

WITHOUT = {
    "serve": "runs until it is ended",
    "ca serve": "runs until it is ended",
    "completion": "prints a script",
}
"""What has no `--json`, and why."""

ALONE = {
    "sites list": (0, list),
    "sites allow": (0, {"origin", "grants", "denied", "changed"}),
    "sites revoke": (1, {"origin", "grants", "denied", "changed"}),
    "sites deny": (0, {"origin", "grants", "denied", "changed"}),
    "browsers list": (0, {"browsers"}),
    "log": (0, None),
    "doctor": (2, list),
    "config show": (0, {"file", "settings"}),
    "card": (0, {"profiles"}),
    "ca list": (0, {"certificates"}),
    "ca revoke": (0, {"revoked", "reason"}),
}
"""What needs no daemon: its exit status here, and the members of what it prints."""
ARGUMENTS = {
    "sites allow": ["https://portal.example"],
    "sites revoke": ["https://portal.example"],
    "sites deny": ["https://portal.example"],
    "log": ["verify"],
    "card": ["--list"],
    "ca revoke": ["--all"],
    "call": ["reader.list"],
    "pin": ["status"],
    "sign": ["bid.txt", "--format", "cades"],
}
ELSEWHERE = {"browsers allow", "browsers revoke"}
"""What changes the computer, and is tried on a likeness of one: `test_browsers.py`."""
BY_DAEMON = {
    "readers": {"readers"},
    "certs": {"certificates"},
    "call": {"readers"},
    "pin": {"pins"},
    "sign": {"file", "format", "level", "detached", "holder", "certificate"},
}
"""What speaks with the daemon, and the members of what it prints."""


def commands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Return every command with its own parser, `sites list` and the like apart."""

    def walk(
        name: str, command: argparse.ArgumentParser
    ) -> Iterator[tuple[str, argparse.ArgumentParser]]:
        below = [a for a in command._actions if isinstance(a, argparse._SubParsersAction)]
        if not below:
            yield name, command
        for action in below:
            for word, child in action.choices.items():
                yield from walk(f"{name} {word}".strip(), child)

    yield from walk("", parser())


def bridged(home: Path, name: str, *more: str) -> subprocess.CompletedProcess[str]:
    words = [*name.split(), *ARGUMENTS.get(name, []), "--json", *more]
    return subprocess.run(
        [sys.executable, "-m", "bridged", *words],
        env={**environment(home), "PCSCLITE_CSOCK_NAME": str(home / "none")},
        cwd=home,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )


def check(value: Any, expected: object) -> None:
    if isinstance(expected, set):
        assert set(value) == expected
    elif expected is list:
        assert isinstance(value, list)


def test_every_command_takes_json_or_is_known_not_to() -> None:
    having = {name for name, command in commands() if "--json" in command._option_string_actions}
    everything = {name for name, _ in commands()}
    assert everything - having == set(WITHOUT)
    assert having == set(ALONE) | set(BY_DAEMON) | ELSEWHERE, "each is tried below"


def test_every_command_stands_in_the_documents() -> None:
    page = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
    for name, _ in commands():
        *group, last = name.split()
        assert re.search(rf"^\| `bridged {' '.join(group)}.*\b{last}\b", page, re.MULTILINE), name


def test_the_members_that_the_documents_name_are_those_that_are_printed() -> None:
    page = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
    # `bridged log` is tried as `log verify`, and prints the records otherwise.
    tried = {**ALONE, **BY_DAEMON, "log verify": (0, {"records", "faults"})}
    tried = {("pin status" if name == "pin" else name): of for name, of in tried.items()}
    for name, expected in tried.items():
        members = expected[1] if isinstance(expected, tuple) else expected
        *group, last = name.split()
        command = rf"{' '.join(group)} .*\b{last}" if group else last
        rows = re.findall(rf"(?m)^\| `bridged {command}\b.*$", page)
        told = rows[0].rpartition(" | ")[2]
        if isinstance(members, set) and "the result" not in told:
            outermost = re.sub(r"\[[^\]]*\]", "", told)
            assert set(re.findall(r"\w+", "".join(re.findall(r"`\{(.*)\}`", outermost)))) == members


@pytest.mark.parametrize("name", ALONE)
def test_what_needs_no_daemon_prints_json(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "ca"
    if name.startswith("ca "):
        make_card("ebid", DemoCa.load_or_create(folder))
    status, expected = ALONE[name]
    done = bridged(tmp_path, name, *(["--ca", str(folder)] if name.startswith("ca ") else []))
    assert done.returncode == status, done.stderr
    check(json.loads(done.stdout), expected)


@pytest.mark.parametrize("name", sorted(BY_DAEMON.keys() - {"sign"}))
def test_what_asks_the_daemon_prints_json(shell: Shell, name: str) -> None:
    done = bridged(shell.home, name, "--port", str(shell.port))
    assert (done.returncode, done.stderr) == (0, "")
    check(json.loads(done.stdout), BY_DAEMON[name])


@pytest.mark.parametrize(("words", "members"), [
    (("sign", "bid.txt", "--format", "cades", "--detached"), BY_DAEMON["sign"]),
    (("pin", "verify", "--usage", "signature"), {"act", "usage", "label", "certificate"}),
])  # fmt: skip
def test_what_asks_for_a_pin_still_asks_and_prints_json_alone(
    shell: Shell, words: tuple[str, ...], members: set[str]
) -> None:
    (shell.home / "bid.txt").write_text("1000")
    person, terminal = pty.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "bridged", *words, "--json"]
    with subprocess.Popen(
        [*command, "--port", str(shell.port)],
        cwd=shell.home,
        env=environment(shell.home),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        screen = converse(person, [EBID_PIN])
        assert process.stdout is not None
        printed = process.stdout.read()
    os.close(person)
    assert process.returncode == 0, screen
    assert set(json.loads(printed)) == members
    assert EBID_PIN not in screen


@pytest.mark.parametrize("name", BY_DAEMON)
def test_what_fails_prints_the_error_as_an_object(tmp_path: Path, name: str) -> None:
    (tmp_path / "bid.txt").write_text("1000")
    done = bridged(tmp_path, name, "--port", "1")
    assert (done.returncode, done.stdout) == (1, "")
    error = json.loads(done.stderr)
    assert error["data"]["reason"] == "not-running"
    assert set(error["data"]["messages"]) == {"ja", "en"}


def test_a_card_without_a_profile_is_told_which_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["card", "--list"]) == 0
    listed = capsys.readouterr().out
    assert main(["card"]) == 2
    assert capsys.readouterr().out == listed
    assert "ebid" in listed
