"""The manual page: made of the very parser, whole, and clean to what shows it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from .test_json import commands

ROOT = Path(__file__).parents[3]


def test_the_manual_page_is_clean_and_has_every_command_and_option() -> None:
    script = (ROOT / "tools" / "deb").read_text(encoding="utf-8").replace("\\\n", " ")
    (made,) = re.findall(r"argparse-manpage (.*?)\|", script)
    program = Path(sys.executable).with_name("argparse-manpage")
    words = shlex.split(made.replace("$version", "1.0"))
    page = subprocess.run([program, *words], capture_output=True, text=True, check=True, cwd=ROOT)
    shown = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", "-K", "utf-8", "-rLL=500n"],
        input=page.stdout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", shown.stdout).replace("‐", "-").replace("−", "-")
    for name, command in commands():
        assert f"usage: bridged {name} " in text, name
        for option in command._option_string_actions.keys() - {"-h", "--help"}:
            assert option in text, f"{name} {option}"
    assert "Exit status" in text
