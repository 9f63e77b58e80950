"""The daemon: whether it runs, whose it is, and what has its port otherwise."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bridged import __version__
from bridged.config import runtime_dir
from bridged.doctor.context import Context
from bridged.doctor.finding import Fields, Finding
from bridged.doctor.processes import listener
from bridged.loopback import NoAnswer, ask
from bridged.protocol.messages import SUBPROTOCOL

ANSWER_S = 5.0
MAX_ANSWER = 1 << 20
"""Bytes of an answer that are read: whatever has the port may say anything."""


class _Info(msgspec.Struct):
    title: str
    version: str


class _Described(msgspec.Struct):
    info: _Info


def token(context: Context) -> str | None:
    """Return the token of the daemon on the settings' port, where this user may read it."""
    file = Path(runtime_dir()) / f"token-{context.config.port}"
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return None


def daemon(context: Context) -> Iterator[Finding]:
    """Look at what listens on the port."""
    port = context.config.port
    if not _listens(port):
        yield Finding("daemon-stopped", {"port": port})
    elif (running := _version(port)) is None:
        yield Finding("port-taken", {"port": port, "program": listener(context, port)})
    elif token(context) is None:
        yield Finding("daemon-other-user", {"port": port})
    else:
        yield Finding("daemon-running", {"version": running, "port": port})
        if running != __version__:
            versions: Fields = {"running": running, "installed": __version__}
            yield Finding("daemon-other-version", versions)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(ANSWER_S)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _version(port: int) -> str | None:
    """Return the version of the bridged on this port, None where it is none."""
    try:
        status, text = ask(port, "GET", "/openrpc.json", within_s=ANSWER_S, max_bytes=MAX_ANSWER)
        info = msgspec.json.decode(text, type=_Described).info
    except (ConnectionRefusedError, NoAnswer, msgspec.DecodeError, RecursionError):
        return None
    return info.version if status == 200 and info.title == SUBPROTOCOL else None
