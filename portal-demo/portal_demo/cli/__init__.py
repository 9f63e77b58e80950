"""The command `portal-demo`: each module of this package is one subcommand."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from portal_demo import __version__
from portal_demo.cli import audit, config, create_admin, export, import_, migrate, serve, verify
from portal_demo.errors import PortalError
from portal_demo.schema import SchemaError
from portal_demo.settings import Settings, SettingsError, load_settings


class Command(Protocol):
    """A subcommand; `run` returns the exit status, what it raises ends in one line of words."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add options; one that is named like a setting wins over the other sources of it."""

    async def run(self, settings: Settings, arguments: argparse.Namespace) -> int:
        """Do it."""


_DATABASE = (
    "SQLAlchemy address of the database; its password belongs into the file that"
    " database_password_file names: what is typed here is shown to other users of the computer"
)
COMMANDS: tuple[Command, ...] = (
    serve,
    migrate,
    create_admin,
    import_,
    export,
    verify,
    audit,
    config,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit status."""
    arguments = _parser().parse_args(argv)
    names = {"config", *(field.name for field in msgspec.structs.fields(Settings))}
    flags = {name: value for name, value in vars(arguments).items() if name in names}
    run: Callable[[Settings, argparse.Namespace], Coroutine[object, object, int]] = arguments.run
    try:
        return asyncio.run(run(load_settings(flags), arguments))
    except (SettingsError, SchemaError, PortalError, OSError, ValueError, SQLAlchemyError) as e:
        sys.stderr.write(f"portal-demo: {str(e).splitlines()[0]}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="portal-demo", description="The registration portal.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        added = commands.add_parser(command.NAME, help=command.HELP, description=command.HELP)
        added.add_argument("--config", type=Path, help="a TOML file with any of the settings")
        added.add_argument("--database", metavar="URL", help=_DATABASE)
        command.add_arguments(added)
        added.set_defaults(run=command.run)
    return parser
