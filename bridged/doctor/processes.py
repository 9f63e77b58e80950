"""Which program does what on this computer, as /proc tells it (proc(5))."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from bridged.doctor.context import Context

LISTEN = "0A"
"""The state of a listening socket in /proc/net/tcp (TCP_LISTEN)."""


def listener(context: Context, port: int) -> str:
    """Return the name and number of the program that listens on a port; `?` where it is hidden."""
    inodes = set(_listening(context, port))
    for process in _processes(context):
        with contextlib.suppress(OSError):
            for handle in (process / "fd").iterdir():
                target = str(handle.readlink())
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    return f"{_name(process)} ({process.name})"
    return "?"


def _listening(context: Context, port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            lines = context.below(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()
            for words in map(str.split, lines[1:]):
                if words[3] == LISTEN and int(words[1].rpartition(":")[2], 16) == port:
                    yield words[9]


def users_of_pcsc(context: Context) -> list[str]:
    """Return the programs of this user, but bridged, that have loaded the PC/SC library."""
    return sorted(
        {
            _name(process)
            for process in _processes(context)
            if process.name != str(os.getpid()) and _uses_pcsc(process) and not _is_ours(process)
        }
    )


def _uses_pcsc(process: Path) -> bool:
    try:
        return b"libpcsclite.so" in (process / "maps").read_bytes()
    except OSError:
        return False


def _is_ours(process: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(word.rpartition(b"/")[2] == b"bridged" for word in words)


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return "?"


def _processes(context: Context) -> Iterator[Path]:
    return (path for path in context.below("/proc").iterdir() if path.name.isdecimal())
