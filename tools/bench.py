"""Measure bridged beside the least there is, and beside OpenSC, on one virtual card.

Everybody gets the same card behind the same private pcscd, inserted anew for each sample. APDUs are
counted on the card. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from bench_contenders import Bridged, Contender, Floor, OpenSc, verify
from bench_results import Measured, Results, print_table, rows_of, write_file

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
    rows = rows_of(results, Floor.who, Bridged.who, OpenSc.who)
    print_table(rows)
    write_file(options.out, rows, keep=False)
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


if __name__ == "__main__":
    sys.exit(main())
