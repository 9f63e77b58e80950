"""`portal-demo audit`: whether the office's audit is whole, down to the end that is known of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from portal_demo.db import Database
from portal_demo.office.audit import Head, first_break, head, heads_in, missing
from portal_demo.settings import Settings

NAME = "audit"
HELP = "check the back office's audit, and that nothing is missing at its end; print its head"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what is known of it from elsewhere."""
    parser.add_argument(
        "--head",
        type=_entry,
        action="append",
        default=[],
        metavar="N:HASH",
        help="an entry that has to be in it, as this command printed it or the log has it",
    )
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="a log of the portal, all of whose entries have to be in it; - for standard input",
    )


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the head, or what is wrong; the status is 0 if nothing is."""
    known: list[Head] = arguments.head + list(_logged(arguments.log))
    database = Database(settings.database)
    try:
        async with database.transaction() as db:
            broken = await first_break(db)
            gone = await missing(db, known)
            last = await head(db)
    finally:
        await database.close()
    if broken is not None:
        sys.stderr.write(f"portal-demo: entry {broken} does not follow from the one before it\n")
    if gone is not None:
        sys.stderr.write(
            f"portal-demo: entry {gone} is missing or was changed: the audit was cut\n"
        )
    sys.stdout.write(f"{last or 'empty'}\n")
    return 0 if broken is None and gone is None else 1


def _entry(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"not N:HASH: {text!r}") from e


def _logged(file: Path | None) -> Iterable[Head]:
    if file is None:
        return []
    if str(file) == "-":
        return heads_in(sys.stdin)
    with file.open(encoding="utf-8", errors="replace") as lines:
        return list(heads_in(lines))
