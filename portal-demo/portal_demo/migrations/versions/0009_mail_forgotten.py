"""When text and address of a mail were removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Go on from the revision before."""
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.add_column(sa.Column("forgotten", sa.DateTime(), nullable=True))
        batch_op.create_index("ix_mail_forgotten_created", ["forgotten", "created"], unique=False)
