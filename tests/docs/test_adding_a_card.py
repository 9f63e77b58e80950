"""The page about adding a card shows the files that the contract of all drivers runs over."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-card.md").read_text()
EXAMPLE = ROOT / "examples" / "new_card"


def test_the_page_shows_the_files_that_are_tested() -> None:
    shown = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    files = [EXAMPLE / "guild_driver.py", EXAMPLE / "guild_applet.py"]
    assert shown == [file.read_text() for file in files]
    assert all(f"`{file.relative_to(ROOT)}`" in PAGE for file in files)


def test_the_driver_is_as_short_as_the_page_says() -> None:
    assert len((EXAMPLE / "guild_driver.py").read_text().splitlines()) < 100


def test_what_the_page_names_is_there() -> None:
    for path in re.findall(r"`((?:bridged|tests|docs|client-js|examples)/[\w/.-]+)`", PAGE):
        assert (ROOT / path).exists(), path
