"""Import and merging."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Go on from the revision before."""
    op.create_table(
        "register_change",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("previous", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("made", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_change")),
        sa.UniqueConstraint("previous", name=op.f("uq_register_change_previous")),
    )
    op.create_table(
        "register_import",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("encoding", sa.String(length=8), nullable=False),
        sa.Column("after", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("first_faults", sa.JSON(), nullable=False),
        sa.Column("ignored", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("applied", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_import")),
        sa.UniqueConstraint("digest", name=op.f("uq_register_import_digest")),
    )
    with op.batch_alter_table("register_import", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_register_import_created"), ["created"], unique=False)

    op.create_table(
        "register_import_row",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("permit_number", sa.String(length=20), nullable=False),
        sa.Column("postal", sa.String(length=8), nullable=False),
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column("representative_name", sa.String(length=40), nullable=False),
        sa.Column("representative_title", sa.String(length=40), nullable=False),
        sa.Column("phone", sa.String(length=15), nullable=False),
        sa.Column("fax", sa.String(length=15), nullable=False),
        sa.Column("region", sa.String(length=60), nullable=False),
        sa.Column("qualification", sa.String(length=120), nullable=False),
        sa.Column("branch", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["register_import.id"], name=op.f("fk_register_import_row_import_id")
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_register_import_row")),
    )
    with op.batch_alter_table("register_import_row", schema=None) as batch_op:
        batch_op.create_index(
            "ix_register_import_row_number", ["import_id", "number"], unique=False
        )
