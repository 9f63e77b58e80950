"""The daemon: whether it runs, whose it is, and what has its port otherwise."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bridged import __version__
from bridged.config import runtime_dir
from bridged.doctor.context import Context
from bridged.doctor.finding import Fields, Finding
from bridged.doctor.processes import listener
from bridged.protocol.messages import SUBPROTOCOL

ANSWER_S = 5.0
MAX_ANSWER = 1 << 20
"""Bytes of an answer that are read: whatever has the port may say anything."""


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
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/openrpc.json", timeout=ANSWER_S) as answer:
            info = json.loads(answer.read(MAX_ANSWER))["info"]
            return str(info["version"]) if info["title"] == SUBPROTOCOL else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
