"""The envelopes that live here, what is kept beside them, and where a notification came from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns and the tables. Rows that are there are not rewritten."""
    op.add_column("notification", sa.Column("origin", TEXT, server_default="feed", nullable=False))
    op.add_column("notification", sa.Column("attached", TEXT, nullable=True))
    op.create_table(
        "envelope_document",
        sa.Column("envelope_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("document_id", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("envelope_number", "document_id"),
    )
    op.create_table(
        "envelope_field",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("envelope_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "name", "value", "envelope_number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kept_envelope",
        sa.Column("number", KEY, autoincrement=False, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("sender_id", TEXT, nullable=False),
        sa.Column("sender_name", TEXT, nullable=False),
        sa.Column("sender_email", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("folder", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("declined_at", sa.BigInteger(), nullable=True),
        sa.Column("voided_at", sa.BigInteger(), nullable=True),
        sa.Column("status_changed_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.Column("fields", TEXT, nullable=False),
        sa.Column("search_text", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index(
        "kept_envelope_by_change",
        "kept_envelope",
        ["account_id", "status_changed_at"],
        unique=False,
    )
    op.create_index(
        "kept_envelope_by_creation", "kept_envelope", ["account_id", "created_at"], unique=False
    )
    op.create_index("kept_envelope_by_id", "kept_envelope", ["id", "account_id"], unique=True)
    op.create_index(
        "kept_envelope_by_transaction",
        "kept_envelope",
        ["transaction_id"],
        unique=False,
        sqlite_where=sa.text("transaction_id IS NOT NULL"),
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    )
    op.create_index(
        "kept_envelope_due",
        "kept_envelope",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_table(
        "kept_object",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "kind", "id"),
    )
