"""`bridged completion`: the shells themselves read what it prints."""

from __future__ import annotations

import subprocess

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
        main(["completion", "fish"])
    assert "fish" in capsys.readouterr().err
