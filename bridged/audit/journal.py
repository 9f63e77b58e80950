"""The audit: what was asked, granted and signed, as JSON lines that only grow.

Each line ends with the SHA-256 of all before it on the line, which begins with the hash of the
line before: a line that was changed, moved or taken out breaks the chain. `audit.head` holds the
last number and hash, so that lines missing at the end show as well. Who can write these files can
of course make a whole new chain; the journal of the system, which gets the hashes too, cannot be
changed by the same user.

Nothing that stands in the files keeps the audit from going on. A line that was cut off (the disk
was full, the power went) is taken back, and `log.repaired` says so; after an end that no writer
of ours made the chain goes on from `audit.head`, and `log.broken` and `verify` say so.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bridged.errors import ConfigError, RecordFailed
from bridged.private_files import locked, private_folder, sync_folder

log = logging.getLogger(__name__)

MAX_BYTES = 5_000_000
"""A file that has grown past this is put by, and the chain goes on in a new one."""
MAX_FILES = 20
MAX_LINE = 1 << 18
"""Bytes of a line; a longer record is not written."""
FIRST = "0" * 64
"""The hash before the first line."""

_HEAD = re.compile(rb"(?P<seq>\d{12}) (?P<hash>[0-9a-f]{64})\n")

Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class Head:
    """The last line: its number and hash."""

    seq: int = 0
    hash: str = FIRST


class Broken(Exception):
    """The last line is none that was written here."""


class LastLine(msgspec.Struct, frozen=True):
    """What a new line needs of the one before."""

    seq: int
    hash: str


def seal(record: Record) -> bytes:
    """Return a record as a line, with its hash at the end."""
    body = msgspec.json.encode(record)
    return body[:-1] + b',"hash":"' + digest(body).encode() + b'"}'


def digest(body: bytes) -> str:
    """Return the hash of a line without its hash."""
    return hashlib.sha256(body).hexdigest()


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Journal:
    """Appends to the audit; several processes and threads may. Everything here blocks."""

    def __init__(self, folder: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._folder = folder
        self._clock = clock
        self.path = folder / "audit.jsonl"

    def append(self, event: str, record: Record) -> None:
        """Write one line, and return once it is on the disk; raises `RecordFailed`."""
        try:
            private_folder(self._folder)
            with locked(self._folder / "audit.lock"):
                self._append(event, record)
        except (OSError, ConfigError) as error:
            log.error("the audit cannot be written in %s: %s", self._folder, error)
            raise RecordFailed from None

    def _append(self, event: str, record: Record) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self.path, flags, 0o600)
        try:
            size = os.fstat(handle).st_size
            head = self._mended(handle, size)
            head = self._write(handle, head, event, record)
            os.fsync(handle)
            if not size:
                sync_folder(self._folder)
            self._write_head(head)
            if os.fstat(handle).st_size > MAX_BYTES:
                self._rotate(head)
        finally:
            os.close(handle)

    def _mended(self, handle: int, size: int) -> Head:
        """Return the end of the chain, after the file is fit to be written on."""
        known = self._known_head()
        try:
            head, torn = _last(handle, size)
        except Broken:
            _end_line(handle, size)
            return self._write(handle, known, "log.broken", {})
        head = head or self._head_before()
        if known.seq >= head.seq:
            # Where lines are missing or others than were written, the chain does not hide that.
            head = known
        if torn:
            os.ftruncate(handle, size - torn)
            head = self._write(handle, head, "log.repaired", {"bytes": torn})
        return head

    def _write(self, handle: int, head: Head, event: str, record: Record) -> Head:
        seq, at = head.seq + 1, self._clock().isoformat(timespec="milliseconds")
        line = seal({"seq": seq, "at": at, "event": event, **record, "prev": head.hash})
        if len(line) >= MAX_LINE:
            raise OSError(f"a line of {len(line)} bytes is too long")
        _write_all(handle, line + b"\n")
        after = Head(seq, line[-66:-2].decode())
        log.info("audit %d %s %s", seq, event, after.hash)
        return after

    def _head_before(self) -> Head:
        """Return the end of the file that was put by last, for a new one."""
        files = put_by(self._folder)
        if not files:
            return Head()
        handle = os.open(files[-1], os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _last(handle, os.fstat(handle).st_size)[0] or Head()
        except Broken:
            return Head()
        finally:
            os.close(handle)

    def _known_head(self) -> Head:
        """Return the last line that was noted beside the files, as far as that can be read."""
        try:
            noted = _HEAD.fullmatch((self._folder / "audit.head").read_bytes())
        except FileNotFoundError:
            return Head()
        return Head(int(noted["seq"]), noted["hash"].decode()) if noted else Head()

    def _write_head(self, head: Head) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self._folder / "audit.head", flags, 0o600)
        try:
            os.pwrite(handle, f"{head.seq:012d} {head.hash}\n".encode(), 0)
        finally:
            os.close(handle)

    def _rotate(self, head: Head) -> None:
        self.path.rename(self._folder / f"audit-{head.seq:012d}.jsonl")
        for oldest in put_by(self._folder)[:-MAX_FILES]:
            self._append("log.dropped", {"upTo": int(oldest.stem.removeprefix("audit-"))})
            oldest.unlink()
        sync_folder(self._folder)


def put_by(folder: Path) -> list[Path]:
    """Return the files that were put by, the oldest first."""
    return sorted(folder.glob("audit-[0-9]*.jsonl"))


def _end_line(handle: int, size: int) -> None:
    if os.pread(handle, 1, size - 1) != b"\n":
        _write_all(handle, b"\n")


def _write_all(handle: int, data: bytes) -> None:
    if os.write(handle, data) != len(data):
        raise OSError("a line was written in part")


def _last(handle: int, size: int) -> tuple[Head | None, int]:
    """Return the last whole line, and how many bytes of a torn one follow it.

    There may be no whole line yet. Raises `Broken`.
    """
    tail = os.pread(handle, MAX_LINE, max(0, size - MAX_LINE))
    whole, newline, torn = tail.rpartition(b"\n")
    if not newline:
        if len(tail) == MAX_LINE:
            raise Broken
        return None, len(torn)
    try:
        line = msgspec.json.decode(whole.rpartition(b"\n")[2], type=LastLine)
    except msgspec.DecodeError:
        raise Broken from None
    return Head(line.seq, line.hash), len(torn)
