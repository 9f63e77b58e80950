"""Digests of documents."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_APPLICATION = sa.table(
    "application", sa.column("id"), sa.column("document"), sa.column("document_sha256")
)


def upgrade() -> None:
    """Write down the digest of each document that is there."""
    with op.batch_alter_table("application") as batch_op:
        batch_op.add_column(sa.Column("document_sha256", sa.String(length=64), nullable=True))
    connection = op.get_bind()
    ids = connection.scalars(sa.select(_APPLICATION.c.id)).all()
    for application_id in ids:
        row = _APPLICATION.c.id == application_id
        document = connection.scalar(sa.select(_APPLICATION.c.document).where(row))
        digest = hashlib.sha256(document or b"").hexdigest()
        connection.execute(sa.update(_APPLICATION).where(row).values(document_sha256=digest))
    with op.batch_alter_table("application") as batch_op:
        batch_op.alter_column("document_sha256", existing_type=sa.String(64), nullable=False)
