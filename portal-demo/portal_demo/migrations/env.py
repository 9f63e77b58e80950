"""What alembic runs to use a revision: on the connection that `schema` gave, in its transaction."""

from __future__ import annotations

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, TypeDecorator
from sqlalchemy.schema import SchemaItem

from portal_demo.fulltext import TABLE
from portal_demo.tables import METADATA


def _is_ours(
    _item: SchemaItem,
    name: str | None,
    kind: str,
    _reflected: bool,  # noqa: FBT001
    _compared: object,
) -> bool:
    """Leave out the index of texts, which no model describes."""
    return kind != "table" or not (name or "").startswith(TABLE)


def _written(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Write a type of our own as what is stored: a revision must not change with the models."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_object=_is_ours,
        render_item=_written,
        render_as_batch=True,  # SQLite changes a table by making it anew
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


_run(context.config.attributes["connection"])
