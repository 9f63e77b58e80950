"""Intermediates that cards gave when they logged in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Go on from the revision before."""
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("chain", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("new_chain", sa.Text(), server_default="", nullable=False))
