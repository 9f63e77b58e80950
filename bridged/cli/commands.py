"""Every command of `bridged`, and what its command line takes."""

from __future__ import annotations

import argparse

from bridged import __version__
from bridged.cli import (
    browsers,
    ca,
    call,
    card,
    certs,
    completion,
    doctor,
    log,
    pin,
    readers,
    serve,
    settings,
    sign,
    sites,
)
from bridged.cli.parser import Parser

COMMANDS = (
    serve,
    sites,
    browsers,
    log,
    doctor,
    settings,
    readers,
    certs,
    pin,
    sign,
    card,
    ca,
    call,
    completion,
)


def parser() -> argparse.ArgumentParser:
    """Return the description of every command; the manual page and completions are made of it."""
    parser = Parser(
        prog="bridged",
        description="Lets web portals use the IC card in the reader.",
        epilog="Exit status: 0 it went well; 1 it did not; 2 the command line makes no sense; 130 Ctrl-C; "
        "141 nobody read the output on. `bridged doctor` ends with 1 for warnings, 2 for errors.",
    )
    parser.add_argument("--version", action="version", version=f"bridged {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log every APDU (never a PIN)")
    Parser.earlier = frozenset(parser._option_string_actions) - {"-h", "--help"}
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
