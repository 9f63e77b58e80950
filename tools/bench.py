"""Measure bridged beside the least there is, and beside OpenSC, on one virtual card.

Everybody gets the same card behind the same private pcscd, inserted anew for each sample. APDUs are
counted on the card. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

from bench_contenders import Bridged, Contender, Floor, OpenSc, verify

from bridged.virtual.card_process import CardProcess
from bridged.virtual.pcscd import PrivatePcscd

TYPING_S = 0.1
"""Between the list and the PIN somebody types; longer than any program keeps a transaction."""
P = ParamSpec("P")
T = TypeVar("T")

PROFILES = {"piv": "ebid", "jpki": "jpki"}


@dataclass(frozen=True)
class Speed:
    """How slow the card is, and how often each thing is done."""

    name: str
    apdu_ms: int
    signature_ms: int
    samples: int
    further: int
    batches: int


FAST = Speed("fast", 0, 0, samples=10, further=5, batches=2)
REALISTIC = Speed("realistic", 20, 300, samples=3, further=3, batches=1)


@dataclass
class Measured:
    """One thing that somebody did, again and again."""

    apdus: list[int] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.times_ms)

    @property
    def p99_ms(self) -> float:
        """Return the 99th percentile by nearest rank: of few samples, the worst."""
        ordered = sorted(self.times_ms)
        return ordered[math.ceil(0.99 * len(ordered)) - 1]


Results = dict[tuple[str, str], Measured]


@dataclass
class Round:
    """What one program does with one insertion of the card."""

    what: str
    contender: Contender
    card: CardProcess
    results: Results

    def play(self, further: int, batch: int) -> None:
        """List, sign, sign again, sign many; every signature is verified."""
        contender = self.contender
        self._measured("list", contender.list)
        time.sleep(TYPING_S)
        signed = {b"first": self._measured("first signature", contender.first, _digest(b"first"))}
        for n in range(further):
            text = f"next {n}".encode()
            signed[text] = self._measured("next signature", contender.next, _digest(text))
        texts = [f"batch {n}".encode() for n in range(batch)]
        if texts:
            name = f"batch of {batch}"
            digests = [_digest(text) for text in texts]
            signatures = self._measured(name, contender.batch, digests)
            signed.update(zip(texts, signatures, strict=True))
        certificate = contender.certificate()
        for text, signature in signed.items():
            verify(certificate, _digest(text), signature)
        contender.part()

    def _measured(self, name: str, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        before, began = self.card.apdus(), time.perf_counter()
        result = do(*args, **kwargs)
        took_ms = (time.perf_counter() - began) * 1000
        measured = self.results[f"{self.what}, {name}", self.contender.who]
        measured.times_ms.append(took_ms)
        measured.apdus.append(self.card.apdus() - before)
        return result


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def main() -> int:
    options = _options()
    results: Results = defaultdict(Measured)
    with tempfile.TemporaryDirectory(prefix="bridged-bench-") as scratch, PrivatePcscd() as pcscd:
        folder = Path(scratch)
        os.environ.update(
            PCSCLITE_CSOCK_NAME=pcscd.socket_name, HOME=scratch, XDG_CACHE_HOME=scratch
        )
        for kind in options.card:
            card = pcscd.spawn_card(PROFILES[kind], folder, inserted=False)
            for speed in (FAST, REALISTIC):
                if speed.name in options.speed:
                    _measure(kind, speed, card, folder, options, results)
            card.close()
    rows = _rows(results)
    _print_table(rows)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--card", nargs="+", choices=PROFILES, default=list(PROFILES))
    parser.add_argument(
        "--speed", nargs="+", choices=["fast", "realistic"], default=["fast", "realistic"]
    )
    parser.add_argument("--samples", type=int, help="insertions of the card for each program")
    parser.add_argument("--batch", type=int, default=100, help="signatures of a batch")
    return parser.parse_args()


def _measure(  # noqa: PLR0917
    kind: str,
    speed: Speed,
    card: CardProcess,
    folder: Path,
    options: argparse.Namespace,
    results: Results,
) -> None:
    card.latency(apdu_ms=speed.apdu_ms, signature_ms=speed.signature_ms)
    contenders: tuple[Callable[[], Contender], ...] = (
        lambda: Floor(kind, 0),
        lambda: Bridged(kind, folder),
        lambda: OpenSc(kind),
    )
    for make in contenders:
        contender = make()
        print(f"{kind}, {speed.name}: {contender.who} ...", file=sys.stderr, flush=True)
        samples = options.samples or speed.samples
        for sample in range(samples):
            batch = options.batch if sample < speed.batches else 0
            card.insert()
            contender.meet()
            Round(f"{kind}, {speed.name}", contender, card, results).play(speed.further, batch)
            card.remove()
        contender.close()


def _rows(results: Results) -> list[dict[str, object]]:
    """Return what goes into the file, by task, the floor first."""
    rows = []
    for what in dict.fromkeys(what for what, _ in results):
        floor = results[what, Floor.who]
        for who in (Floor.who, Bridged.who, OpenSc.who):
            measured = results[what, who]
            rows.append(
                {
                    "what": what,
                    "who": who,
                    "apdus": max(measured.apdus),
                    "p50_ms": round(measured.p50_ms, 2),
                    "p99_ms": round(measured.p99_ms, 2),
                    "ratio_to_floor": round(measured.p50_ms / floor.p50_ms, 3),
                }
            )
    return rows


def _print_table(rows: list[dict[str, object]]) -> None:
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


if __name__ == "__main__":
    sys.exit(main())
