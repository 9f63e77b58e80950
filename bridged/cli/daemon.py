"""The connection of a command to the daemon of this user."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bridged.cli.arguments import add_config, tcp_port
from bridged.cli.language import say
from bridged.config import load, runtime_dir
from bridged.errors import NotRunning, SiteNotAllowed

if TYPE_CHECKING:
    from bridged.client.blocking import Bridge


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Let the command line say where the daemon is."""
    parser.add_argument(
        "--port",
        type=tcp_port,
        help=say(
            "bridgedのポート（標準: 設定ファイルの値）",
            "port of the daemon (default: from the settings)",
        ),
    )
    add_config(parser)


def connect(stack: ExitStack, args: argparse.Namespace) -> Bridge:
    """Connect with the daemon's token file; raises `NotRunning`."""
    from bridged.client import blocking

    port = load(args.config).port if args.port is None else args.port
    try:
        token = (runtime_dir() / f"token-{port}").read_text(encoding="ascii")
        return stack.enter_context(blocking.connect(f"ws://127.0.0.1:{port}/v1", token=token))
    except (OSError, UnicodeError, SiteNotAllowed):
        raise NotRunning(port=port) from None
