"""What the status page sees of its browser becomes findings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridged.doctor.page import Seen, page

NOW = datetime(2026, 4, 1, tzinfo=UTC)
MS = int(NOW.timestamp() * 1000)


@pytest.mark.parametrize(
    ("changed", "proxied", "expected"),
    [
        ({}, False, ["page-connects"]),
        ({"socket": "failed"}, False, ["page-blocked"]),
        ({"permission": "denied"}, False, ["page-connects", "page-permission-denied"]),
        ({"permission": "prompt"}, False, ["page-connects", "page-asks"]),
        ({}, True, ["page-connects", "page-proxied"]),
        ({"now": MS + 30_000}, False, ["page-connects"]),
        ({"now": MS - 31_000}, False, ["page-connects", "page-clock"]),
        ({"foreign": 2}, False, ["page-connects", "page-foreign"]),
    ],
)
def test_each_fault_of_the_browser_is_named(
    changed: dict[str, Any],
    proxied: bool,  # noqa: FBT001
    expected: list[str],
) -> None:
    seen = Seen(**({"socket": "open", "permission": "unknown", "now": MS, "foreign": 0} | changed))
    assert [finding.name for finding in page(seen, proxied=proxied, now=NOW)] == expected


@pytest.mark.parametrize("ahead_s", [-31, 31])
def test_the_clock_of_the_browser_is_told_by_how_far_it_is_away(ahead_s: int) -> None:
    seen = Seen(socket="open", permission="unknown", now=MS + ahead_s * 1000, foreign=0)
    assert list(page(seen, proxied=False, now=NOW))[1].fields == {"seconds": 31}
