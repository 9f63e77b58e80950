"""Reading the audit, and finding what was changed in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from os import SEEK_END
from pathlib import Path
from typing import Any

import msgspec

from bridged.audit.journal import FIRST, digest, put_by

TAIL = 1 << 20
"""Bytes at the end of a file that `latest` looks at."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the audit is not as it was written: the file, the line from 1, and what is wrong."""

    file: str
    line: int
    what: str


class Entry(msgspec.Struct, frozen=True):
    """What every line has."""

    seq: int
    at: datetime
    event: str
    prev: str
    hash: str
    up_to: int = msgspec.field(default=0, name="upTo")


def lines(folder: Path) -> Iterator[tuple[Path, int, bytes]]:
    """Yield every line of the audit with its file and number, the oldest first."""
    for file in (*put_by(folder), folder / "audit.jsonl"):
        if file.exists():
            with file.open("rb") as content:
                for number, line in enumerate(content, 1):
                    yield file, number, line.rstrip(b"\n")


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what can be read; `verify` tells of the rest."""
    for _, _, line in lines(folder):
        yield from _record(line)


def latest(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what can be read at the end of each file, the last record first."""
    for file in (folder / "audit.jsonl", *reversed(put_by(folder))):
        try:
            with file.open("rb") as content:
                start = max(0, content.seek(0, SEEK_END) - TAIL)
                content.seek(start)
                whole = content.read(TAIL).split(b"\n")[1 if start else 0 :]
        except OSError:
            continue
        for line in reversed(whole):
            yield from _record(line)


def _record(line: bytes) -> Iterator[dict[str, Any]]:
    """Yield the record of a line, or nothing where it is none."""
    try:
        record = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return
    if isinstance(record, dict):
        yield record


def verify(folder: Path) -> tuple[int, list[Fault]]:
    """Follow the chain; return how many lines there are and every fault."""
    seq, before, count, dropped, first = 0, FIRST, 0, 0, 0
    faults: list[Fault] = []
    hashes: dict[int, str] = {}
    for file, number, line in lines(folder):
        count += 1
        try:
            entry = msgspec.json.decode(line, type=Entry)
        except msgspec.DecodeError as error:
            faults.append(Fault(file.name, number, f"no record: {error}"))
            continue
        if entry.event == "log.dropped":
            dropped = max(dropped, entry.up_to)
        body = line.removesuffix(f',"hash":"{entry.hash}"}}'.encode()) + b"}"
        if digest(body) != entry.hash:
            faults.append(Fault(file.name, number, f"record {entry.seq} was changed"))
        if count == 1:
            first = entry.seq
        elif entry.seq != seq + 1 or entry.prev != before:
            what = f"records are missing or moved between {seq} and {entry.seq}"
            faults.append(Fault(file.name, number, what))
        seq, before = entry.seq, entry.hash
        hashes[seq] = before
    if count and not faults and first != dropped + 1:
        faults.append(Fault("audit", 1, f"records are missing before {first}"))
    return count, [*faults, *_compare_head(folder, seq, hashes)]


def _compare_head(folder: Path, last: int, hashes: dict[int, str]) -> Iterator[Fault]:
    try:
        number, _, known = (folder / "audit.head").read_text("ascii").strip().partition(" ")
        head = int(number)
    except FileNotFoundError:
        if hashes:
            yield Fault("audit.head", 1, "the file is missing")
        return
    except (ValueError, OSError):
        yield Fault("audit.head", 1, "the file cannot be read")
        return
    if head > last:
        yield Fault("audit.head", 1, f"records are missing after {last}: there were {head}")
    elif hashes.get(head) != known:
        yield Fault("audit.head", 1, f"record {head} is not the one that was written")
