"""`portal-demo import FILE`: bring companies from a CSV file into the register."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from portal_demo.cli.options import add_language
from portal_demo.clock import utc_now
from portal_demo.db import Database
from portal_demo.errors import PortalError
from portal_demo.language import Text
from portal_demo.register_csv.importing import Preview, apply, preview
from portal_demo.settings import Settings

NAME = "import"
HELP = "bring companies from a CSV file into the register"
_COUNTS = Text(
    "{encoding}: 新規{added}件、変更{changed}件、変更なし{unchanged}件、誤り{faults}件\n",
    "{encoding}: {added} new, {changed} changed, {unchanged} unchanged, {faults} faults\n",
)
_COUNTED = ("encoding", "added", "changed", "unchanged", "faults")
_IGNORED = Text("使用しない列: {names}\n", "columns ignored: {names}\n")
_LINE = Text("{n}行目: {reason}\n", "line {n}: {reason}\n")
_DONE = Text("取り込みました。\n", "imported\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, and what to do with it."""
    parser.add_argument("file", type=Path, help="CSV, in UTF-8 or Shift_JIS; see the README")
    parser.add_argument(
        "--preview", action="store_true", help="tell what would change, and change nothing"
    )
    add_language(parser)


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Compare the file with the register and apply it, unless a line of it is wrong."""
    database = Database(settings.database)
    try:
        await database.upgrade()
        seen = await preview(database, arguments.file, utc_now)
        language = arguments.language
        sys.stdout.write(_summary(seen)[language])
        sys.stderr.writelines(
            _LINE.fill(n=f.line, reason=f.reason)[language] for f in seen.first_faults
        )
        if arguments.preview:
            return 1 if seen.faults else 0
        async with database.transaction() as db:
            await apply(db, seen.digest, utc_now())
    except PortalError as e:
        sys.stderr.write(f"portal-demo: {e.message()[arguments.language]}\n")
        return 1
    finally:
        await database.close()
    sys.stdout.write(_DONE[language])
    return 0


def _summary(seen: Preview) -> Text:
    told = _COUNTS.fill(**{name: getattr(seen, name) for name in _COUNTED})
    ignored = _IGNORED.fill(names="、".join(seen.ignored)) if seen.ignored else Text("", "")
    return Text(told.ja + ignored.ja, told.en + ignored.en)
