"""The measurement of registrations runs, and adds its rows to the file; no time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 180


@pytest.mark.timeout(TIMEOUT_S)
def test_registrations_are_measured_on_both_databases(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    before = {"what": "piv, fast, list", "who": "bridged"}
    out.write_text(json.dumps([before]))
    small = ["--companies", "3", "--registrations", "2", "--clients", "2", "--processes", "2"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "bench_portal.py"), *small, "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S - 10,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "portal-demo" / "tests")},
    )
    assert done.returncode == 0, done.stderr
    first, *rows = json.loads(out.read_text())
    assert first == before
    assert [(row["what"], row["who"]) for row in rows] == [
        (f"registration, {database}, 2 processes, 3 companies", who)
        for database in ("SQLite", "PostgreSQL")
        for who in ("bare handler (floor)", "portal")
    ]
    for row in rows:
        assert list(row) == ["what", "who", "apdus", "p50_ms", "p99_ms", "ratio_to_floor"]
        assert 0 < row["p50_ms"] <= row["p99_ms"]
