"""`portal-demo migrate`: bring the tables to their newest revision."""

from __future__ import annotations

import argparse
import sys

from portal_demo import schema
from portal_demo.db import Database
from portal_demo.settings import Settings

NAME = "migrate"
HELP = "bring the database's tables to their newest revision"


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Take no option of its own."""


async def run(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Upgrade, and say from which revision to which."""
    database = Database(settings.database)
    try:
        before = await database.revision()
        await database.upgrade()
    finally:
        await database.close()
    sys.stdout.write(f"revision {before or 'none'} -> {schema.newest()}\n")
    return 0
