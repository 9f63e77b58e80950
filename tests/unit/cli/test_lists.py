"""`bridged readers` and `bridged certs`, as a person and as a program read them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from bridged.cli.table import Cell, Colour, table, width

from .test_call import Shell, environment, shell

__all__ = ["shell"]


def run(shell: Shell, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bridged", *args, "--port", str(shell.port)],
        env={**environment(shell.home), **env},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )


def test_certificates_are_listed_for_people(shell: Shell) -> None:
    done = run(shell, "certs", LC_ALL="ja_JP.UTF-8", PYTHONUTF8="1")
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["用途", "名義", "発行者", "有効期限", "PIN", "指紋"]
    assert [line.split()[0] for line in lines] == ["認証", "署名"]
    assert all("長野 太郎 / IT業者電子01" in line and "残り3回" in line for line in lines)
    columns = {width(line[: line.index("bridged demo CA")]) for line in lines}
    assert columns == {width(head[: head.index("発行者")])}
    assert "\x1b" not in done.stdout


def test_certificates_are_listed_for_programs(shell: Shell) -> None:
    found = json.loads(run(shell, "certs", "--json", "--usage", "signature").stdout)
    assert [each["usage"] for each in found["certificates"]] == ["signature"]


def test_readers_are_listed_in_both_languages(shell: Shell) -> None:
    english = run(shell, "readers").stdout.splitlines()
    assert english[0].split() == ["READER", "STATE", "CARD", "PINPAD"]
    assert "card inserted" in english[1]
    assert "カードあり" in run(shell, "readers", LC_ALL="ja_JP.UTF-8", PYTHONUTF8="1").stdout
    (reader,) = json.loads(run(shell, "readers", "--json").stdout)["readers"]
    assert reader["state"] == "present"


@pytest.mark.parametrize(("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals(shell: Shell, env: dict[str, str], *, coloured: bool) -> None:
    person, terminal = pty.openpty()
    command = [sys.executable, "-m", "bridged", "readers", "--port", str(shell.port)]
    subprocess.run(
        command, env={**environment(shell.home), **env}, stdout=terminal, timeout=30, check=True
    )
    os.close(terminal)
    assert (b"\x1b[32mcard inserted\x1b[0m" in os.read(person, 4096)) is coloured
    os.close(person)


def test_what_takes_time_is_said_on_a_terminal_and_wiped(shell: Shell) -> None:
    person, terminal = pty.openpty()
    command = [sys.executable, "-m", "bridged", "log", "verify"]
    subprocess.run(
        command,
        env=environment(shell.home),
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        timeout=30,
        check=True,
    )
    os.close(terminal)
    assert os.read(person, 4096).decode() == "Checking…\r\x1b[K"
    os.close(person)


def test_kanji_take_two_columns() -> None:
    assert (width("長野"), width("か\u3099"), width("ab")) == (4, 2, 2)
    lines = table(("A", "B"), [[Cell("長野"), Cell("x")], [Cell("y"), Cell("z")]], coloured=False)
    assert lines == ["A     B", "長野  x", "y     z"]
    (_, line) = table(("A",), [[Cell("x", Colour.BAD)]], coloured=True)
    assert line == "\x1b[31mx\x1b[0m"


def test_a_cell_cannot_play_with_the_terminal() -> None:
    lines = table(["A", "B"], [[Cell("長野　太郎"), Cell("a\x1b[2J\r\n\u202eb")]], coloured=False)
    assert lines == ["A           B", "長野　太郎  a?[2J???b"]
