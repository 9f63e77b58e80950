"""What the pages name is there: commands with their options, settings, make's targets, other pages."""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from bridged.cli.commands import parser
from bridged.config import Config, flat
from bridged.protocol.messages import METHODS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("examples/**/*.md"),
        ROOT / "client-js" / "README.md",
        *ROOT.glob("portal-demo/*.md"),
    ]
)
SETTINGS = flat(Config())
EVENTS = {"pin.prompting", "pin.prompted"}
page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def options(command: argparse.ArgumentParser, words: list[str]) -> set[str] | None:
    """Return the options of a command and what is below it; None where there is no such command."""
    below = [a for a in command._actions if isinstance(a, argparse._SubParsersAction)]
    if not below:
        return set(command._option_string_actions)
    if not words or not re.fullmatch("[a-z][a-z-]*", words[0]):
        return set(command._option_string_actions)
    child = below[0].choices.get(words[0])
    return None if child is None else options(child, words[1:])


def code(page: Path) -> list[str]:
    """Return what stands in the blocks of code, line by line, and between backticks."""
    blocks = page.read_text(encoding="utf-8").split("```")
    fenced = [line.strip() for block in blocks[1::2] for line in block.splitlines()]
    return fenced + [word for text in blocks[::2] for word in re.findall(r"`([^`]+)`", text)]


@page
def test_every_command_and_option_of_a_page_is_there(page: Path) -> None:
    for line in code(page):
        for words in re.findall(r"(?:^|sudo |&& )bridged ([a-z-][^|#（]*)", line):
            found = options(parser(), words.split())
            assert found is not None, line
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", words)) <= found, line


@page
def test_every_setting_of_a_page_is_there(page: Path) -> None:
    tables = {key.partition(".")[0] for key in SETTINGS if "." in key}
    for word in code(page):
        if re.fullmatch(rf"({'|'.join(tables)})\.[a-z_0-9]+", word):
            assert word in SETTINGS or word in METHODS or word in EVENTS


@page
def test_every_target_of_make_is_there(page: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    for target in re.findall(r"(?m)(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf-8")):
        assert target in targets


@page
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        file, _, anchor = link.partition("#")
        other = page.parent / file if file else page
        assert other.exists(), link
        if anchor:
            headings = re.findall(r"(?m)^#+ (.*)$", other.read_text(encoding="utf-8"))
            assert anchor in map(slug, headings), link


@pytest.mark.parametrize("name", ["install.md", "settings.md", "pkcs11.md"])
def test_the_settings_of_a_page_are_settings(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    blocks = re.findall(r"(?ms)^```toml\n(.*?)^```", text)
    assert blocks
    for block in blocks:
        msgspec.convert(tomllib.loads(block), Config)


@pytest.mark.parametrize("name", ["bidders.md", "bidders.ja.md"])
def test_what_a_bidder_is_told_to_look_for_is_shown(name: str) -> None:
    folders = [ROOT / "bridged", ROOT / "packaging", ROOT / "client-js" / "src"]
    kinds = (".py", ".html", ".js", ".ts", ".desktop")
    shown = "".join(
        file.read_text(encoding="utf-8")
        for folder in folders
        for file in folder.rglob("*")
        if file.suffix in kinds
    )
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    labels = set(re.findall(r"「(.+?)」" if name.endswith("ja.md") else r"“(.+?)”", text))
    assert len(labels) > 10
    assert {label for label in labels if label not in shown} == set()


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
