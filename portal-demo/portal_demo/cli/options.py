"""Options that several subcommands have."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from portal_demo.language import Language


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Let the trust list be named."""
    parser.add_argument(
        "--trust",
        type=Path,
        action="append",
        metavar="FILE",
        help="authorities to accept: a trust list (.toml) or a certificate (.pem)",
    )


def add_language(parser: argparse.ArgumentParser) -> None:
    """Let the language be named, else the locale decides."""
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    parser.add_argument(
        "--language",
        type=Language,
        choices=list(Language),
        default=Language.JA if locale.startswith("ja") else Language.EN,
        help="of the words (default: of the locale)",
    )
