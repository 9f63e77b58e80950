"""`bridged COMMAND`: the command line."""

from __future__ import annotations

import argparse
import locale
import logging
import os
import sys

from bridged import __version__
from bridged.cli import call, card, serve
from bridged.errors import BridgedError


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="bridged", description="Lets web portals use the IC card in the reader."
    )
    parser.add_argument("--version", action="version", version=f"bridged {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log every APDU (never a PIN)")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (serve, card, call):
        command.add_parser(commands)
    args = parser.parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        return int(args.run(args))
    except BridgedError as error:
        print(f"bridged: {error.messages()[language()]}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def language() -> str:
    """Return the language of the person's messages: `ja` or `en` (POSIX, section 8.2)."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    chosen = next(filter(None, names), None) or locale.getlocale()[0] or ""
    return "ja" if chosen.lower().startswith("ja") else "en"


if __name__ == "__main__":
    sys.exit(main())
