"""The revisions of the tables (`migrations/`), and which of them a database has."""

from __future__ import annotations

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

# Of two portals that start at the same moment on PostgreSQL, one waits for the other.
_LOCK = 0x706F7274616C


class SchemaError(Exception):
    """The tables of a database are not what this version of the portal works with."""


def configuration() -> Config:
    """Return alembic's settings."""
    config = Config()
    config.set_main_option("script_location", "portal_demo:migrations")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


@cache
def newest() -> str:
    """Return the revision that this version of the portal works with."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    if head is None:
        raise SchemaError("the portal was installed without its migrations")
    return head


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision, in the connection's transaction. Raises SchemaError."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if revision_of(connection) is None and inspect(connection).has_table("company"):
        raise SchemaError("the database is of a version without migrations: begin a new one")
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    _require_references(connection)


def _require_references(connection: Connection) -> None:
    """Look for what a revision may have torn apart: SQLite does not look while it is upgraded."""
    if connection.dialect.name == "sqlite":
        torn = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if torn:
            raise SchemaError(f"rows point to nothing after the upgrade: {torn[0]}")
