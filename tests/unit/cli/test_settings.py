"""`bridged config show`: what holds, where it comes from, and that it can be read back."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from bridged.__main__ import main
from bridged.cli.settings import settings, toml
from bridged.config import Config, load

DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "settings.md"
TEXT = """
port = 24790
[[sites]]
origin = "https://a.example"
[pin]
ways = ["page"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_every_value_is_shown_with_where_it_comes_from(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "show", "--origin", "--config", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"port = 24790  # {file}:2" in lines
    assert f'pin.ways = ["page"]  # {file}:6' in lines
    assert 'pin.pinentry = ""  # default' in lines
    assert "language # not set  # default" in lines
    (sites,) = (line for line in lines if line.startswith("sites ="))
    assert sites.endswith(f"# {file}:3")


def test_what_is_shown_can_be_read_back(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["config", "show", "--config", str(file)])
    again = tmp_path / "again.toml"
    again.write_text(
        re.sub(r"(?m)^(\S+) # not set$", r"# \1", capsys.readouterr().out), encoding="utf-8"
    )
    assert load(again) == load(file)


def test_programs_get_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["config", "show", "--json", "--config", str(file)])
    shown = json.loads(capsys.readouterr().out)
    assert shown["file"] == str(file)
    assert {"key": "port", "value": 24790, "line": 2} in shown["settings"]


@pytest.mark.parametrize("key", [setting.key for setting in settings(Config(), "")])
def test_every_setting_is_documented_with_its_default(key: str) -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \| ([^|]*) \|", DOCUMENTATION.read_text("utf-8"), re.MULTILINE
    )
    default = next(each.value for each in settings(Config(), "") if each.key == key)
    assert dict(rows)[key].strip() == ("not set" if default is None else f"`{toml(default)}`")


def test_the_example_of_the_documentation_is_taken() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", DOCUMENTATION.read_text("utf-8"), re.DOTALL)
    assert msgspec.convert(tomllib.loads(example), Config) != Config()


def test_nothing_is_documented_that_there_is_not() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \|", DOCUMENTATION.read_text("utf-8"), re.MULTILINE)
    assert set(rows) <= {setting.key for setting in settings(Config(), "")}


def test_what_has_no_order_is_shown_in_one() -> None:
    assert toml(frozenset("hgfedcba")) == '["a", "b", "c", "d", "e", "f", "g", "h"]'
    assert toml(("b", "a")) == '["b", "a"]'
