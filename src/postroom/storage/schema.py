"""The tables, for both databases. Moments are microseconds, states small integers.

States of a delivery inside the database (`STATE_NUMBERS`): 1 due, 2 waiting, 3 held, 4 crossed,
5 delivered, 6 given up, 7 dismissed, 8 shadowed. SQL texts and partial indexes name them as
literals, because a partial index serves only a query that repeats its condition word for word.

What a message said lives in `content`, apart from what we know about it in `notification`: lists
and counts then read rows of 200 bytes instead of pages full of bodies, and retention deletes
content without rewriting anything. There are no foreign keys: every write goes through the store,
and checking parents costs a lookup per row on the hot path.
"""

import sqlalchemy as sa

from postroom.model import DeliveryState

STATE_NUMBERS = {
    DeliveryState.DUE: 1,
    DeliveryState.WAITING: 2,
    DeliveryState.HELD: 3,
    DeliveryState.CROSSED: 4,
    DeliveryState.DELIVERED: 5,
    DeliveryState.GIVEN_UP: 6,
    DeliveryState.DISMISSED: 7,
    DeliveryState.SHADOWED: 8,
}
STATES = {number: state for state, number in STATE_NUMBERS.items()}

metadata = sa.MetaData()

# Where many nodes write at once, numbers come from these. SQLite has none and counts in `tally`.
for _name in ("notification_seq", "delivery_id", "envelope_number", "kept_number", "node_number"):
    sa.Sequence(_name, metadata=metadata)


def _key() -> sa.types.TypeEngine[int]:
    """Return the type of a numeric primary key; SQLite's rowid wants exactly INTEGER."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text() -> sa.types.TypeEngine[str]:
    """Return the type of a text: both databases sort by the bytes, whatever a server's locale."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _partial(name: str, *columns: str, where: str) -> sa.Index:
    """Return an index over the rows that meet a condition."""
    condition = sa.text(where)
    return sa.Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


# What is forgotten each day is a small part of all, and its room shall be found again soon.
_VACUUMED_OFTEN = {"autovacuum_vacuum_scale_factor": 0.02}

# --- the road ---------------------------------------------------------------------------------

envelope = sa.Table(
    "envelope",
    metadata,
    sa.Column("number", _key(), primary_key=True, autoincrement=False),
    sa.Column("account_id", _text(), nullable=False),
    sa.Column("envelope_id", _text(), nullable=False),
    # `customFields` JSON as first seen, where a listener goes by it.
    sa.Column("first_fields", sa.LargeBinary),
    sa.Index("envelope_by_id", "envelope_id", "account_id", unique=True),
    postgresql_with=_VACUUMED_OFTEN,
)

notification = sa.Table(
    "notification",
    metadata,
    sa.Column("seq", _key(), primary_key=True, autoincrement=False),
    sa.Column("id", _text(), nullable=False),
    sa.Column("account_id", _text(), nullable=False),
    sa.Column("envelope_number", sa.BigInteger),
    sa.Column("event", _text(), nullable=False),
    sa.Column("recipient_id", _text()),
    sa.Column("sender_id", _text()),
    sa.Column("occurred_at", sa.BigInteger, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("retry_count", sa.BigInteger, nullable=False),
    sa.Column("configuration_id", _text()),
    sa.Column("content_type", _text(), nullable=False),
    sa.Column("flaw", _text()),
    sa.Column("is_readable", sa.Boolean, nullable=False),
    sa.Column("is_unclaimed", sa.Boolean, nullable=False),
    sa.Column("registry_revision", sa.BigInteger, nullable=False),
    sa.Column("origin", _text(), nullable=False, server_default="feed"),
    # JSON list of names; NULL where there are none.
    sa.Column("attached", _text()),
    sa.Index("notification_by_id", "id", unique=True),
    sa.Index("notification_by_envelope", "envelope_number", "occurred_at"),
    sa.Index("notification_by_arrival", "received_at"),
    _partial("notification_unclaimed", "seq", where="is_unclaimed"),
    _partial("notification_flawed", "seq", where="flaw IS NOT NULL"),
    _partial("notification_unreadable", "seq", where="NOT is_readable"),
    postgresql_with=_VACUUMED_OFTEN,
)

content = sa.Table(
    "content",
    metadata,
    sa.Column("notification_seq", _key(), primary_key=True, autoincrement=False),
    sa.Column("sticky_fields", sa.LargeBinary),
    sa.Column("enrichment", sa.LargeBinary),
    sa.Column("body", sa.LargeBinary, nullable=False),
    # By spans of time; see `postgres.partitions`.
    postgresql_partition_by="RANGE (notification_seq)",
)
for _partition in (
    f"content_0 PARTITION OF content FOR VALUES FROM (MINVALUE) TO ({2**36})",
    "content_rest PARTITION OF content DEFAULT",
):
    sa.event.listen(
        content,
        "after_create",
        sa.DDL(f"CREATE TABLE {_partition}").execute_if(dialect="postgresql"),  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    )

repeat = sa.Table(
    "repeat",
    metadata,
    sa.Column("number", _key(), primary_key=True),
    sa.Column("notification_seq", sa.BigInteger, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("configuration_id", _text()),
    sa.Column("retry_count", sa.BigInteger, nullable=False),
    sa.Index("repeat_by_notification", "notification_seq"),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", _key(), primary_key=True, autoincrement=False),
    sa.Column("notification_seq", sa.BigInteger, nullable=False),
    sa.Column("listener_id", sa.BigInteger, nullable=False),
    # 0 for what was owed at first, then one more with every replay.
    sa.Column("replay_number", sa.BigInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    # Whether it stands in the line of its listener and envelope once it is open.
    sa.Column("is_ordered", sa.Boolean, nullable=False),
    sa.Column("envelope_number", sa.BigInteger),
    sa.Column("occurred_at", sa.BigInteger, nullable=False),
    # While leased: the end of the lease.
    sa.Column("due_at", sa.BigInteger),
    # NULL: not leased.
    sa.Column("token", sa.BigInteger),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    sa.Column("is_late", sa.Boolean, nullable=False),
    sa.Column("lane", _text()),
    sa.Column("reason", _text()),
    sa.Column("last_status", sa.BigInteger),
    sa.Column("last_failure", _text()),
    sa.Column("settled_at", sa.BigInteger),
    sa.Column("superseded_by", sa.BigInteger),
    sa.Column("replay_id", _text()),
    sa.Column("replay_reason", _text()),
    sa.Column("replay_is_forced", sa.Boolean),
    # Which node of many has leased it; an embedded store has but one.
    sa.Column("node", sa.Integer),
    sa.Index(
        "delivery_by_notification", "notification_seq", "listener_id", "replay_number", unique=True
    ),
    sa.Index("delivery_by_listener", "listener_id", "id"),
    # Leasing, the expiry of leases and `next_due`.
    _partial("delivery_due", "listener_id", "due_at", where="state = 1"),
    # The lines, and what is open besides.
    _partial(
        "delivery_open",
        "listener_id",
        "envelope_number",
        "occurred_at",
        "notification_seq",
        where="state IN (1, 2)",
    ),
    # In the order of lists, and with what `counts` groups by.
    _partial("delivery_undecided", "id", "listener_id", "state", where="state IN (3, 4)"),
    _partial("delivery_failed", "id", "listener_id", where="state = 6 AND superseded_by IS NULL"),
    postgresql_with=_VACUUMED_OFTEN,
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("delivery_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("duration_us", sa.BigInteger, nullable=False),
    sa.Column("status", sa.BigInteger),
    sa.Column("failure", _text()),
    sa.Column("detail", _text(), nullable=False),
    sa.Column("response_headers", _text(), nullable=False),
    sa.Column("response_excerpt", sa.LargeBinary, nullable=False),
    sa.Column("verdict", _text(), nullable=False),
    sa.Column("verdict_reason", _text(), nullable=False),
    sa.Column("next_at", sa.BigInteger),
    sqlite_with_rowid=False,
    postgresql_with=_VACUUMED_OFTEN,
)

# One row: the numbers given out so far, the revisions, and the totals that `counts` would
# otherwise scan a million rows for. PostgreSQL adds rows of totals alone, so that those who write
# at once need not wait for each other; the sum over all of them is meant.
tally = sa.Table(
    "tally",
    metadata,
    sa.Column("id", _key(), primary_key=True, autoincrement=False),
    sa.Column("notification_seq", sa.BigInteger, nullable=False),
    sa.Column("envelope_number", sa.BigInteger, nullable=False),
    sa.Column("delivery_id", sa.BigInteger, nullable=False),
    sa.Column("registry_revision", sa.BigInteger, nullable=False),
    sa.Column("secrets_revision", sa.BigInteger, nullable=False),
    sa.Column("states_revision", sa.BigInteger, nullable=False),
    sa.Column("notifications", sa.BigInteger, nullable=False),
    sa.Column("unclaimed", sa.BigInteger, nullable=False),
    sa.Column("unreadable", sa.BigInteger, nullable=False),
    sa.Column("delivered", sa.BigInteger, nullable=False),
)

# --- the envelopes that live here -------------------------------------------------------------

# `envelope` above is what we know of the envelopes in messages; these are the Connect server's own.
kept_envelope = sa.Table(
    "kept_envelope",
    metadata,
    sa.Column("number", _key(), primary_key=True, autoincrement=False),
    sa.Column("account_id", _text(), nullable=False),
    sa.Column("id", _text(), nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("status", _text(), nullable=False),
    sa.Column("sender_id", _text(), nullable=False),
    sa.Column("sender_name", _text(), nullable=False),
    sa.Column("sender_email", _text(), nullable=False),
    sa.Column("subject", _text(), nullable=False),
    sa.Column("folder", _text(), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("modified_at", sa.BigInteger, nullable=False),
    sa.Column("sent_at", sa.BigInteger),
    sa.Column("delivered_at", sa.BigInteger),
    sa.Column("completed_at", sa.BigInteger),
    sa.Column("declined_at", sa.BigInteger),
    sa.Column("voided_at", sa.BigInteger),
    sa.Column("status_changed_at", sa.BigInteger, nullable=False),
    sa.Column("next_at", sa.BigInteger),
    sa.Column("transaction_id", _text()),
    # JSON list of [name, value]; `envelope_field` finds by them.
    sa.Column("fields", _text(), nullable=False),
    sa.Column("search_text", _text(), nullable=False),
    # Last, so that what conditions and sorts go by is read without it.
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("kept_envelope_by_id", "id", "account_id", unique=True),
    sa.Index("kept_envelope_by_change", "account_id", "status_changed_at"),
    sa.Index("kept_envelope_by_creation", "account_id", "created_at"),
    _partial(
        "kept_envelope_by_transaction",
        "transaction_id",
        where="transaction_id IS NOT NULL",
    ),
    _partial("kept_envelope_due", "next_at", where="next_at IS NOT NULL"),
)

envelope_field = sa.Table(
    "envelope_field",
    metadata,
    sa.Column("account_id", _text(), primary_key=True),
    sa.Column("name", _text(), primary_key=True),
    sa.Column("value", _text(), primary_key=True),
    sa.Column("envelope_number", sa.BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

envelope_document = sa.Table(
    "envelope_document",
    metadata,
    sa.Column("envelope_number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("document_id", _text(), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

kept_object = sa.Table(
    "kept_object",
    metadata,
    sa.Column("account_id", _text(), primary_key=True),
    sa.Column("kind", _text(), primary_key=True),
    sa.Column("id", _text(), primary_key=True),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# --- the registry -----------------------------------------------------------------------------

# Every revision of every account, lane and listener: in force from one revision until another.
definition = sa.Table(
    "definition",
    metadata,
    # `account`, `lane` or `listener`; the name of an account is empty.
    sa.Column("kind", _text(), primary_key=True),
    sa.Column("account_id", _text(), primary_key=True),
    sa.Column("name", _text(), primary_key=True),
    sa.Column("from_revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("until_revision", sa.BigInteger),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# Which id a listener has, given once and for good.
listener_name = sa.Table(
    "listener_name",
    metadata,
    sa.Column("id", _key(), primary_key=True),
    sa.Column("account_id", _text(), nullable=False),
    sa.Column("name", _text(), nullable=False),
    sa.Index("listener_by_name", "account_id", "name", unique=True),
)

listener_state = sa.Table(
    "listener_state",
    metadata,
    sa.Column("listener_id", _key(), primary_key=True, autoincrement=False),
    sa.Column("paused_at", sa.BigInteger),
    sa.Column("down_since", sa.BigInteger),
    sa.Column("probe_at", sa.BigInteger),
)

secret = sa.Table(
    "secret",
    metadata,
    sa.Column("number", _key(), primary_key=True),
    sa.Column("id", _text(), nullable=False, unique=True),
    sa.Column("account_id", _text(), nullable=False),
    sa.Column("listener", _text()),
    sa.Column("purpose", _text(), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("fingerprint", _text(), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("retired_at", sa.BigInteger),
)

token = sa.Table(
    "token",
    metadata,
    sa.Column("name", _text(), primary_key=True),
    sa.Column("sha256_hex", _text(), nullable=False),
)

# --- the nodes that deliver -------------------------------------------------------------------

# Of many nodes; an embedded store has but one, and no row of it.
node = sa.Table(
    "node",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    # Greater than that of all who joined before.
    sa.Column("joined", sa.BigInteger, nullable=False),
    # The greatest `joined` that it goes by: it uses no place that such a one has won from it.
    sa.Column("seen", sa.BigInteger, nullable=False),
    # One more with every sign of life.
    sa.Column("beat", sa.BigInteger, nullable=False),
    sa.Column("is_leaving", sa.Boolean, nullable=False),
    # JSON list of the ids of listeners it has more calls at than places; NULL where there are none.
    sa.Column("draining", _text()),
)

# --- what people look back on -----------------------------------------------------------------

rejection = sa.Table(
    "rejection",
    metadata,
    sa.Column("number", _key(), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("account_id", _text()),
    sa.Column("remote", _text(), nullable=False),
    sa.Column("reason", _text(), nullable=False),
    sa.Column("hint", _text()),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", _key(), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", _text(), nullable=False),
    sa.Column("verb", _text(), nullable=False),
    sa.Column("details", _text(), nullable=False),
)
