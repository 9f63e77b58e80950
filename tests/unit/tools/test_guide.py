"""The demo tells a person to click on what the portal's pages really show."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "portal-demo" / "portal_demo" / "templates"


def test_every_label_in_the_guide_is_on_a_screen() -> None:
    guide = (ROOT / "tools" / "guide.py").read_text()
    screens = "".join(page.read_text() for page in TEMPLATES.rglob("*.html"))
    labels = set(re.findall(r"「(.+?)」|“(.+?)”", guide))
    labels = {japanese or english for japanese, english in labels}
    assert {"物品、役務", "OK", "入力内容確認", "Check the input"} <= labels
    assert {label for label in labels if label not in screens} == set()
