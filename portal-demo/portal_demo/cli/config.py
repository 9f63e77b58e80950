"""`portal-demo config show`: the settings as they are in force, without secrets."""

from __future__ import annotations

import argparse
import json
import sys

from portal_demo.settings import Settings, shown

NAME = "config"
HELP = "show the settings that are in force; secrets are left out"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the one thing there is to do."""
    parser.add_argument("what", choices=("show",))


async def run(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Print them as TOML."""
    for name, value in shown(settings).items():
        # What is here (texts, numbers, booleans, lists of texts) looks the same in TOML.
        sys.stdout.write(f"{name} = {json.dumps(value, ensure_ascii=False)}\n")
    return 0
