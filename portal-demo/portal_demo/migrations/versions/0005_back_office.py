"""Back office."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Go on from the revision before."""
    op.create_table(
        "office_audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("made", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("detail", sa.String(length=1100), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_office_audit")),
        sa.UniqueConstraint("previous", name=op.f("uq_office_audit_previous")),
    )
    with op.batch_alter_table("office_audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_office_audit_action"), ["action"], unique=False)
        batch_op.create_index(batch_op.f("ix_office_audit_actor"), ["actor"], unique=False)
        batch_op.create_index(batch_op.f("ix_office_audit_made"), ["made"], unique=False)
        batch_op.create_index(batch_op.f("ix_office_audit_subject"), ["subject"], unique=False)

    op.create_table(
        "officer",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("login", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("mail", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.String(length=128), nullable=False),
        sa.Column("totp_secret", sa.String(length=32), nullable=False),
        sa.Column("totp_enrolled", sa.Boolean(), nullable=False),
        sa.Column("totp_step", sa.Integer(), nullable=False),
        sa.Column("certificate_sha256", sa.String(length=64), nullable=True),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officer")),
        sa.UniqueConstraint("certificate_sha256", name=op.f("uq_officer_certificate_sha256")),
        sa.UniqueConstraint("login", name=op.f("uq_officer_login")),
    )
    op.create_table(
        "inquiry_answer",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("inquiry_id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.Column("made", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["inquiry_id"], ["inquiry.id"], name=op.f("fk_inquiry_answer_inquiry_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_inquiry_answer_officer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiry_answer")),
    )
    with op.batch_alter_table("inquiry_answer", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_inquiry_answer_inquiry_id"), ["inquiry_id"], unique=False
        )

    op.create_table(
        "decision",
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=43), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("made", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_decision_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_decision_officer_id")
        ),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_decision")),
    )
    op.create_table(
        "one_time_link",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_one_time_link_officer_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_one_time_link_user_id")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_one_time_link")),
    )
    with op.batch_alter_table("one_time_link", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_one_time_link_officer_id"), ["officer_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_one_time_link_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("application", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_application_created"), ["created"], unique=False)
        batch_op.create_index("ix_application_status_id", ["status", "id"], unique=False)

    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_card_replaced_by"), ["replaced_by"], unique=False)

    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("realm", sa.String(length=8), server_default="bidder", nullable=False)
        )
        batch_op.add_column(sa.Column("officer_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_session_officer_id"), ["officer_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_session_officer_id"), "officer", ["officer_id"], ["id"]
        )
    _make_append_only()


def _make_append_only() -> None:
    """Let the database itself refuse to change what the office did."""
    refused = "the audit is append-only"
    if op.get_bind().dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER office_audit_no_{what.lower()} BEFORE {what} ON office_audit "
                f"BEGIN SELECT RAISE(ABORT, '{refused}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION office_audit_append_only() RETURNS trigger AS "
        f"$$ BEGIN RAISE EXCEPTION '{refused}'; END $$ LANGUAGE plpgsql"
    )
    op.execute(
        "CREATE TRIGGER office_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON office_audit FOR EACH STATEMENT EXECUTE FUNCTION office_audit_append_only()"
    )
