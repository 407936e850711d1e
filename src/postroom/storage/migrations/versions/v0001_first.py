"""The first shape of the tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "attempt",
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("failure", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("response_headers", TEXT, nullable=False),
        sa.Column("response_excerpt", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", TEXT, nullable=False),
        sa.Column("verdict_reason", TEXT, nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("delivery_id", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("number", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("verb", TEXT, nullable=False),
        sa.Column("details", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "content",
        sa.Column("notification_seq", KEY, autoincrement=False, nullable=False),
        sa.Column("sticky_fields", sa.LargeBinary(), nullable=True),
        sa.Column("enrichment", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("notification_seq"),
    )
    op.create_table(
        "definition",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("from_revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until_revision", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "account_id", "name", "from_revision"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("notification_seq", sa.BigInteger(), nullable=False),
        sa.Column("listener_id", sa.BigInteger(), nullable=False),
        sa.Column("replay_number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("is_ordered", sa.Boolean(), nullable=False),
        sa.Column("envelope_number", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("lane", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("last_status", sa.BigInteger(), nullable=True),
        sa.Column("last_failure", TEXT, nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("superseded_by", sa.BigInteger(), nullable=True),
        sa.Column("replay_id", TEXT, nullable=True),
        sa.Column("replay_reason", TEXT, nullable=True),
        sa.Column("replay_is_forced", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("delivery_by_listener", "delivery", ["listener_id", "id"], unique=False)
    op.create_index(
        "delivery_by_notification",
        "delivery",
        ["notification_seq", "listener_id", "replay_number"],
        unique=True,
    )
    op.create_index(
        "delivery_due",
        "delivery",
        ["listener_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )
    op.create_index(
        "delivery_failed",
        "delivery",
        ["id", "listener_id"],
        unique=False,
        sqlite_where=sa.text("state = 6 AND superseded_by IS NULL"),
        postgresql_where=sa.text("state = 6 AND superseded_by IS NULL"),
    )
    op.create_index(
        "delivery_open",
        "delivery",
        ["listener_id", "envelope_number", "occurred_at", "notification_seq"],
        unique=False,
        sqlite_where=sa.text("state IN (1, 2)"),
        postgresql_where=sa.text("state IN (1, 2)"),
    )
    op.create_index(
        "delivery_undecided",
        "delivery",
        ["id", "listener_id", "state"],
        unique=False,
        sqlite_where=sa.text("state IN (3, 4)"),
        postgresql_where=sa.text("state IN (3, 4)"),
    )
    op.create_table(
        "envelope",
        sa.Column("number", KEY, autoincrement=False, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("envelope_id", TEXT, nullable=False),
        sa.Column("first_fields", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("envelope_by_id", "envelope", ["envelope_id", "account_id"], unique=True)
    op.create_table(
        "listener_name",
        sa.Column("id", KEY, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("listener_by_name", "listener_name", ["account_id", "name"], unique=True)
    op.create_table(
        "listener_state",
        sa.Column("listener_id", KEY, autoincrement=False, nullable=False),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("down_since", sa.BigInteger(), nullable=True),
        sa.Column("probe_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("listener_id"),
    )
    op.create_table(
        "notification",
        sa.Column("seq", KEY, autoincrement=False, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("envelope_number", sa.BigInteger(), nullable=True),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("recipient_id", TEXT, nullable=True),
        sa.Column("sender_id", TEXT, nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("retry_count", sa.BigInteger(), nullable=False),
        sa.Column("configuration_id", TEXT, nullable=True),
        sa.Column("content_type", TEXT, nullable=False),
        sa.Column("flaw", TEXT, nullable=True),
        sa.Column("is_readable", sa.Boolean(), nullable=False),
        sa.Column("is_unclaimed", sa.Boolean(), nullable=False),
        sa.Column("registry_revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("notification_by_arrival", "notification", ["received_at"], unique=False)
    op.create_index(
        "notification_by_envelope", "notification", ["envelope_number", "occurred_at"], unique=False
    )
    op.create_index("notification_by_id", "notification", ["id"], unique=True)
    op.create_index(
        "notification_flawed",
        "notification",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("flaw IS NOT NULL"),
        postgresql_where=sa.text("flaw IS NOT NULL"),
    )
    op.create_index(
        "notification_unclaimed",
        "notification",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("is_unclaimed"),
        postgresql_where=sa.text("is_unclaimed"),
    )
    op.create_index(
        "notification_unreadable",
        "notification",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("NOT is_readable"),
        postgresql_where=sa.text("NOT is_readable"),
    )
    op.create_table(
        "rejection",
        sa.Column("number", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("remote", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("hint", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "repeat",
        sa.Column("number", KEY, nullable=False),
        sa.Column("notification_seq", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("configuration_id", TEXT, nullable=True),
        sa.Column("retry_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("repeat_by_notification", "repeat", ["notification_seq"], unique=False)
    op.create_table(
        "secret",
        sa.Column("number", KEY, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("listener", TEXT, nullable=True),
        sa.Column("purpose", TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_table(
        "tally",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("notification_seq", sa.BigInteger(), nullable=False),
        sa.Column("envelope_number", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("registry_revision", sa.BigInteger(), nullable=False),
        sa.Column("secrets_revision", sa.BigInteger(), nullable=False),
        sa.Column("states_revision", sa.BigInteger(), nullable=False),
        sa.Column("notifications", sa.BigInteger(), nullable=False),
        sa.Column("unclaimed", sa.BigInteger(), nullable=False),
        sa.Column("unreadable", sa.BigInteger(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "token",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("sha256_hex", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.execute(
        "INSERT INTO tally (id, notification_seq, envelope_number, delivery_id,"
        " registry_revision, secrets_revision, states_revision,"
        " notifications, unclaimed, unreadable, delivered)"
        " VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)"
    )
