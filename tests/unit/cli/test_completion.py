"""`bridged completion`: the shells themselves read what it prints."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from bridged.__main__ import main


def test_bash_completes_commands_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    ask = """
        complete_() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
          _shtab_bridged "$1" "${@: -1}" "${@: -2:1}"; printf '%s\n' "${COMPREPLY[@]}"; }
        complete_ bridged se; complete_ bridged serve --vi
    """
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["serve", "--virtual"]


def test_a_shell_that_is_not_known_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["completion", "ksh"])
    assert "ksh" in capsys.readouterr().err


def test_fish_completes_commands_and_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["completion", "fish"])
    script = tmp_path / "bridged.fish"
    script.write_text(capsys.readouterr().out)
    ask = f'source {script}; complete -C "bridged se"; complete -C "bridged serve --vi"'
    done = subprocess.run(
        ["fish", "--no-config", "-c", ask],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    words = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert (words, done.stderr) == (["serve", "--virtual"], "")


def test_zsh_completes_commands_and_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["completion", "zsh"])
    (tmp_path / "_bridged").write_text(capsys.readouterr().out)
    person, terminal = pty.openpty()
    shell = subprocess.Popen(
        ["zsh", "-f", "-i"],
        env={**os.environ, "TERM": "dumb", "HOME": str(tmp_path)},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    ready = f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -D; print RE''ADY\n"
    for typed, shown in (
        (ready, b"READY"),
        ("bridged serve --vi\t", b"--virtual "),
        ("\x15bridged sites al\t", b"allow "),
    ):
        os.write(person, typed.encode())
        screen = b""
        while shown not in screen:
            screen += os.read(person, 4096)
    shell.kill()
    shell.wait()
    os.close(person)
