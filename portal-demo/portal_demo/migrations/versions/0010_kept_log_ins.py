"""Whether the certificate that a card logged in with is kept with its application.

Before, it was not. What lacks it at this moment is marked, and can be told from what loses it later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Go on from the revision before."""
    with op.batch_alter_table("application", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("log_in_kept", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
    mark(op.get_bind())


def mark(connection: sa.Connection) -> None:
    """Mark the applications of cards whose log-in certificate is not there."""
    application = sa.table(
        "application", sa.column("id"), sa.column("owner"), sa.column("log_in_kept", sa.Boolean())
    )
    attached = sa.table(
        "application_evidence", sa.column("application_id"), sa.column("evidence_sha256")
    )
    kept = sa.exists().where(
        attached.c.application_id == application.c.id,
        application.c.owner == sa.literal("card:") + attached.c.evidence_sha256,
    )
    lacking = application.c.owner.startswith("card:") & ~kept
    connection.execute(sa.update(application).where(lacking).values(log_in_kept=False))
