"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Go on from the revision before."""
    op.create_table(
        "company",
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
        sa.PrimaryKeyConstraint("number", name=op.f("pk_company")),
    )
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_evidence")),
    )
    op.create_table(
        "inquiry",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=24), nullable=True),
        sa.Column("token", sa.String(length=43), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("mail", sa.String(length=100), nullable=False),
        sa.Column("company", sa.String(length=60), nullable=False),
        sa.Column("question", sa.String(length=2000), nullable=False),
        sa.Column("screen", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiry")),
        sa.UniqueConstraint("number", name=op.f("uq_inquiry_number")),
        sa.UniqueConstraint("token", name=op.f("uq_inquiry_token")),
    )
    with op.batch_alter_table("inquiry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inquiry_created"), ["created"], unique=False)

    op.create_table(
        "login_failures",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_failures")),
    )
    with op.batch_alter_table("login_failures", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_login_failures_not_before"), ["not_before"], unique=False
        )

    op.create_table(
        "notice",
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("procurement", sa.String(length=16), nullable=False),
        sa.Column("agency", sa.String(length=16), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("published", sa.Date(), nullable=False),
        sa.Column("deadline", sa.DateTime(), nullable=True),
        sa.Column("opening", sa.DateTime(), nullable=True),
        sa.Column("title_ja", sa.String(length=120), nullable=False),
        sa.Column("title_en", sa.String(length=200), nullable=False),
        sa.Column("body_ja", sa.String(length=2000), nullable=False),
        sa.Column("body_en", sa.String(length=2000), nullable=False),
        sa.Column("place_ja", sa.String(length=120), nullable=False),
        sa.Column("place_en", sa.String(length=200), nullable=False),
        sa.Column("result_ja", sa.String(length=200), nullable=False),
        sa.Column("result_en", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_notice")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_agency"), ["agency"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_procurement"), ["procurement"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_published"), ["published"], unique=False)

    op.create_table(
        "rate",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("ends", sa.DateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate")),
    )
    with op.batch_alter_table("rate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rate_ends"), ["ends"], unique=False)

    op.create_table(
        "revocation_answer",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_revocation_answer")),
    )
    with op.batch_alter_table("revocation_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_revocation_answer_expires"), ["expires"], unique=False)

    op.create_table(
        "application",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=24), nullable=True),
        sa.Column("procedure", sa.String(length=12), nullable=False),
        sa.Column("owner", sa.String(length=72), nullable=False),
        sa.Column("company_number", sa.String(length=10), nullable=False),
        sa.Column("confirmation", sa.String(length=43), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_number"], ["company.number"], name=op.f("fk_application_company_number")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint("confirmation", name=op.f("uq_application_confirmation")),
        sa.UniqueConstraint("number", name=op.f("uq_application_number")),
    )
    with op.batch_alter_table("application", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_application_company_number"), ["company_number"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_application_owner"), ["owner"], unique=False)

    op.create_table(
        "draft",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("owner", sa.String(length=72), nullable=False),
        sa.Column("procedure", sa.String(length=12), nullable=False),
        sa.Column("company_number", sa.String(length=10), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("difference_accepted", sa.Boolean(), nullable=False),
        sa.Column("checked", sa.Boolean(), nullable=False),
        sa.Column("confirmation", sa.String(length=43), nullable=True),
        sa.Column("new_password_hash", sa.String(length=128), nullable=True),
        sa.Column("changed", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_number"], ["company.number"], name=op.f("fk_draft_company_number")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        sa.UniqueConstraint("owner", "procedure", name=op.f("uq_draft_owner_procedure")),
    )
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_draft_changed"), ["changed"], unique=False)

    op.create_table(
        "merged_number",
        sa.Column("number", sa.String(length=10), nullable=False),
        sa.Column("company_number", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_number"], ["company.number"], name=op.f("fk_merged_number_company_number")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_merged_number")),
    )
    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("company_number", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("password_hash", sa.String(length=128), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_number"], ["company.number"], name=op.f("fk_user_company_number")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("company_number", "name", name=op.f("uq_user_company_number_name")),
    )
    op.create_table(
        "application_evidence",
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("evidence_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
            name=op.f("fk_application_evidence_application_id"),
        ),
        sa.ForeignKeyConstraint(
            ["evidence_sha256"],
            ["evidence.sha256"],
            name=op.f("fk_application_evidence_evidence_sha256"),
        ),
        sa.PrimaryKeyConstraint(
            "application_id", "evidence_sha256", name=op.f("pk_application_evidence")
        ),
    )
    op.create_table(
        "card",
        sa.Column("login_sha256", sa.String(length=64), nullable=False),
        sa.Column("signing_sha256", sa.String(length=64), nullable=False),
        sa.Column("company_number", sa.String(length=10), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("replaced_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_card_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["company_number"], ["company.number"], name=op.f("fk_card_company_number")
        ),
        sa.PrimaryKeyConstraint("login_sha256", name=op.f("pk_card")),
        sa.UniqueConstraint("signing_sha256", name=op.f("uq_card_signing_sha256")),
    )
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_card_company_number"), ["company_number"], unique=False
        )

    op.create_table(
        "session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("csrf", sa.String(length=43), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("new_certificate", sa.LargeBinary(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_session_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_session_expires"), ["expires"], unique=False)
        batch_op.create_index(batch_op.f("ix_session_user_id"), ["user_id"], unique=False)

    op.create_table(
        "signature",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("algorithm", sa.String(length=8), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_signature_application_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
    )
    with op.batch_alter_table("signature", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_signature_application_id"), ["application_id"], unique=False
        )

    op.create_table(
        "challenge",
        sa.Column("value", sa.String(length=44), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.id"], name=op.f("fk_challenge_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("value", name=op.f("pk_challenge")),
    )
    with op.batch_alter_table("challenge", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_challenge_session_id"), ["session_id"], unique=False)

    _create_search()


def _create_search() -> None:
    """Create what `fulltext` searches in: trigrams, on SQLite and on PostgreSQL."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE search_text USING fts5("
            "kind UNINDEXED, ref UNINDEXED, language UNINDEXED, body, tokenize = 'trigram')"
        )
        return
    op.create_table(
        "search_text",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE INDEX ix_search_text_body ON search_text USING gin (body gin_trgm_ops)")
