"""`portal-demo export FILE`: write the register of companies as CSV."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from portal_demo.db import Database
from portal_demo.register_csv.writing import register_lines
from portal_demo.settings import Settings

NAME = "export"
HELP = "write the register of companies as a CSV file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file."""
    parser.add_argument("file", type=Path, help="the file to write; one that is there is kept")


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Write the file, in UTF-8."""
    database, count = Database(settings.database), -1
    try:
        await database.upgrade()
        with arguments.file.open("x", encoding="utf-8", newline="") as f:
            async with database.transaction() as db:
                async for line in register_lines(db):
                    f.write(line)
                    count += 1
    finally:
        await database.close()
    sys.stdout.write(f"{count} companies\n")
    return 0
