"""Recovery codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Go on from the revision before."""
    op.create_table(
        "recovery_code",
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_recovery_code_officer_id")
        ),
        sa.PrimaryKeyConstraint("officer_id", "sha256", name=op.f("pk_recovery_code")),
    )
