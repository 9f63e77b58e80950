"""`portal-demo import FILE`: bring companies from a CSV file into the register."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from portal_demo.clock import utc_now
from portal_demo.db import Database
from portal_demo.errors import PortalError
from portal_demo.language import Text
from portal_demo.register_csv.columns import Fault
from portal_demo.register_csv.importing import Preview, apply, preview
from portal_demo.settings import Settings

NAME = "import"
HELP = "bring companies from a CSV file into the register"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, and what to do with it."""
    parser.add_argument("file", type=Path, help="CSV, in UTF-8 or Shift_JIS; see the README")
    parser.add_argument(
        "--preview", action="store_true", help="tell what would change, and change nothing"
    )


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Compare the file with the register and apply it, unless a line of it is wrong."""
    database = Database(settings.database)
    try:
        await database.upgrade()
        seen = await preview(database, arguments.file, utc_now)
        sys.stdout.write(_summary(seen))
        sys.stderr.writelines(map(_fault, seen.first_faults))
        if arguments.preview:
            return 1 if seen.faults else 0
        async with database.transaction() as db:
            await apply(db, seen.digest, utc_now())
    except PortalError as e:
        sys.stderr.write(f"portal-demo: {_both(e.message())}\n")
        return 1
    finally:
        await database.close()
    sys.stdout.write("imported\n")
    return 0


def _summary(seen: Preview) -> str:
    ignored = f", columns ignored: {'、'.join(seen.ignored)}" if seen.ignored else ""
    return (
        f"{seen.encoding}: {seen.added} new, {seen.changed} changed, {seen.unchanged} unchanged, "
        f"{seen.faults} faults{ignored}\n"
    )


def _fault(fault: Fault) -> str:
    return f"line {fault.line}: {_both(fault.reason)}\n"


def _both(text: Text) -> str:
    return f"{text.ja} / {text.en}"
