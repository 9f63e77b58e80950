"""What several commands take in the same words."""

from __future__ import annotations

import argparse
from pathlib import Path

from bridged.cli.language import say

MAX_PORT = 65535


def tcp_port(text: str) -> int:
    """Return a TCP port, 0 for any that is free."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else -1
    if not 0 <= number <= MAX_PORT:
        raise argparse.ArgumentTypeError(
            say(
                f"{text!r} は0から{MAX_PORT}の整数ではありません",
                f"{text!r} is not 0 to {MAX_PORT}",
            )
        )
    return number


def add_config(parser: argparse.ArgumentParser) -> None:
    """Let the command line name the settings file."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=say("設定ファイル（TOML）", "settings file (TOML)"),
    )


def add_ca(parser: argparse.ArgumentParser) -> None:
    """Let the command line say where the demo CA is."""
    parser.add_argument(
        "--ca",
        type=Path,
        metavar="DIR",
        help=say("デモ用認証局のフォルダー", "directory of the demo CA"),
    )


def add_certificate(parser: argparse.ArgumentParser) -> None:
    """Let the command line choose among several certificates."""
    parser.add_argument(
        "--certificate",
        metavar="SHA256",
        help=say(
            "証明書が複数あるとき、使う証明書の指紋の先頭",
            "begin of its fingerprint, where there are several",
        ),
    )
