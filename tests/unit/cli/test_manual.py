"""The manual pages: made of the very parser, whole, and clean to what shows them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from .test_json import commands

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("language", "headings", "usage"),
    [
        ("en", ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS"], "usage"),
        ("ja", ["名前", "書式", "説明", "オプション", "コマンド"], "使い方"),
    ],
)
def test_a_manual_page_is_clean_and_has_every_command_and_option(
    language: str, headings: list[str], usage: str
) -> None:
    page = subprocess.run(
        [ROOT / "tools" / "manual", language, "1.0"], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r'^\.TH BRIDGED "1" "\d{4}-\d\d-\d\d" "bridged 1\.0" ', page)
    shown = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", "-K", "utf-8", "-rLL=500n"],
        input=page,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", shown.stdout).replace("‐", "-").replace("−", "-")
    assert re.findall(r"^\S+$", text, re.MULTILINE)[: len(headings)] == headings
    for name, command in commands():
        assert f"{usage}: bridged {name} " in text, name
        for option in command._option_string_actions.keys() - {"-h", "--help"}:
            assert option in text, f"{name} {option}"
    assert ("Exit status" if language == "en" else "終了ステータス") in text
