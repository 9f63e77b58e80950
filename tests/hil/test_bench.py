"""The measurement runs, and writes what readers of its file expect; no time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_bench_writes_a_row_for_each_task_and_program(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    small = ["--speed", "fast", "--samples", "1", "--batch", "2", "--out", str(out)]
    command = [sys.executable, str(ROOT / "tools" / "bench.py"), *small]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())
    tasks = ("list", "first signature", "next signature", "batch of 2")
    expected = [
        (f"{card}, fast, {task}", who)
        for card in ("piv", "jpki")
        for task in tasks
        for who in ("pyscard (floor)", "bridged", "OpenSC")
    ]
    assert [(row["what"], row["who"]) for row in rows] == expected
    for row in rows:
        assert list(row) == ["what", "who", "apdus", "p50_ms", "p99_ms", "ratio_to_floor"]
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert row["apdus"] > 0
    apdus = {(row["what"], row["who"]): row["apdus"] for row in rows}
    # What a bare script needs; the first JPKI card is asked for PIV before it is known by its ATR.
    for card, first in (("piv", 4), ("jpki", 6)):
        assert apdus[f"{card}, fast, first signature", "pyscard (floor)"] == first
    assert apdus["jpki, fast, list", "bridged"] == apdus["jpki, fast, list", "pyscard (floor)"] + 1
    assert apdus["piv, fast, list", "bridged"] == apdus["piv, fast, list", "pyscard (floor)"]
    assert f"| {expected[0][0]} " in done.stdout
