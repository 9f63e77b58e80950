"""What was measured, as rows of a file and as a table; the floor is what all is compared with."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import dataclass, field
from pathlib import Path

Row = dict[str, str | int | float]


@dataclass
class Measured:
    """One thing that somebody did, again and again; where no card has a part, there are no APDUs."""

    apdus: list[int] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)

    @property
    def p50_ms(self) -> float:
        """Return the median."""
        return statistics.median(self.times_ms)

    @property
    def p99_ms(self) -> float:
        """Return the 99th percentile by nearest rank: of few samples, the worst."""
        ordered = sorted(self.times_ms)
        return ordered[math.ceil(0.99 * len(ordered)) - 1]


Results = dict[tuple[str, str], Measured]
"""By what was done and who did it."""


def rows_of(results: Results, floor: str, *others: str) -> list[Row]:
    """Return a row for each task and program, the floor first."""
    rows: list[Row] = []
    for what in dict.fromkeys(what for what, _ in results):
        least = results[what, floor].p50_ms
        for who in (floor, *others):
            measured = results[what, who]
            rows.append(
                {
                    "what": what,
                    "who": who,
                    "apdus": max(measured.apdus, default=0),
                    "p50_ms": round(measured.p50_ms, 2),
                    "p99_ms": round(measured.p99_ms, 2),
                    "ratio_to_floor": round(measured.p50_ms / least, 3),
                }
            )
    return rows


def write_file(file: Path, rows: list[Row], *, keep: bool) -> None:
    """Write rows; `keep` those of other tasks that are in the file already."""
    tasks = {row["what"] for row in rows}
    before = json.loads(file.read_text(encoding="utf-8")) if keep and file.exists() else []
    kept = [row for row in before if row["what"] not in tasks]
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([*kept, *rows], indent=2, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def print_table(rows: list[Row]) -> None:
    """Print a table that is Markdown as well."""
    head = ("what", "who", "APDUs", "p50 ms", "p99 ms", "to floor")
    lines, before = [], None
    for row in rows:
        what = row["what"] if row["what"] != before else ""
        before = row["what"]
        numbers = (f"{row['p50_ms']:.1f}", f"{row['p99_ms']:.1f}", f"{row['ratio_to_floor']:.2f}")
        lines.append((str(what), str(row["who"]), str(row["apdus"]), *numbers))
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]
    rule = tuple(
        "-" * width if at < 2 else "-" * (width - 1) + ":" for at, width in enumerate(widths)
    )
    for line in (head, rule, *lines):
        cells = (
            f"{cell:<{width}}" if at < 2 else f"{cell:>{width}}"
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print(f"| {' | '.join(cells)} |")
