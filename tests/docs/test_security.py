"""The page on security links to tests that exist, for every item of the design."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from bridged.sites.managed import load_managed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
ADMINISTRATORS = (ROOT / "docs" / "administrators.md").read_text("utf-8")


def test_every_item_has_a_line() -> None:
    assert sorted({int(number) for number, _, _ in ROWS}) == list(range(1, 23))


@pytest.mark.parametrize("links", sorted({links for _, _, links in ROWS}))
def test_what_a_line_links_to_exists(links: str) -> None:
    file: Path | None = None
    named = 0
    for link in re.findall(r"`([^`]+)`", links):
        name, _, test = link.partition("::")
        if name:
            file = found(name)
        assert file is not None, link
        if test:
            what = rf"^((async )?def {test}\(|{test} = )"
            assert re.fullmatch(r"[Tt]est\w+", test), link
            assert re.search(what, file.read_text("utf-8"), re.MULTILINE), link
            named += 1
    assert named, "a line names a test that shows it"


def found(name: str) -> Path:
    """Return the file of a path, or of a name that one file below the tests has."""
    if "/" in name:
        assert (ROOT / name).is_file(), name
        return ROOT / name
    (file,) = [*ROOT.glob(f"tests/**/{name}"), *ROOT.glob(f"portal-demo/tests/**/{name}")]
    return file


def test_the_policy_of_the_page_is_one(tmp_path: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```$", ADMINISTRATORS, re.MULTILINE | re.DOTALL)
    (text,) = blocks
    (tmp_path / "policy.toml").write_text(text, "utf-8")
    policy = load_managed(tmp_path / "policy.toml")
    assert policy.managed_only
    assert policy.allowed().keys() == {each["origin"] for each in tomllib.loads(text)["allow"]}


def test_the_browsers_policies_of_the_page_are_json() -> None:
    blocks = re.findall(r"^```json\n(.*?)^```$", ADMINISTRATORS, re.MULTILINE | re.DOTALL)
    assert len([msgspec.json.decode(block) for block in blocks]) == 2
