"""The connection of a command to the daemon of this user."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bridged.config import load, runtime_dir
from bridged.errors import NotRunning, SiteNotAllowed

if TYPE_CHECKING:
    from bridged.client.blocking import Bridge


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Let the command line say where the daemon is."""
    parser.add_argument("--port", type=int, help="port of the daemon (default: from the settings)")
    parser.add_argument("--config", type=Path, help="settings file (TOML)")


def connect(stack: ExitStack, args: argparse.Namespace) -> Bridge:
    """Connect with the daemon's token file; raises `NotRunning`."""
    from bridged.client import blocking

    port = load(args.config).port if args.port is None else args.port
    try:
        token = (runtime_dir() / f"token-{port}").read_text(encoding="ascii")
        return stack.enter_context(blocking.connect(f"ws://127.0.0.1:{port}/v1", token=token))
    except (OSError, UnicodeError, SiteNotAllowed):
        raise NotRunning(port=port) from None
