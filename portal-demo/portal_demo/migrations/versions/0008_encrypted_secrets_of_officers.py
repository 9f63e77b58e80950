"""Room for officers' secrets as `office.vault` encrypts them, when the portal starts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Go on from the revision before."""
    with op.batch_alter_table("officer", schema=None) as batch_op:
        batch_op.alter_column(
            "totp_secret",
            existing_type=sa.String(length=32),
            type_=sa.String(length=200),
            existing_nullable=False,
        )
