"""Types in which rows are handed to PostgreSQL: many rows as one value, not each column as one.

The tables' own types would not do: a release that knows fewer columns could not write them. What
takes more one day gets a type of a new name.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

TYPES = {
    "put_notification": (
        "seq bigint, id text, account_id text, envelope_number bigint, event text,"
        " recipient_id text, sender_id text, occurred_at bigint, received_at bigint,"
        " retry_count bigint, configuration_id text, content_type text, flaw text,"
        " is_readable boolean, is_unclaimed boolean, registry_revision bigint, origin text,"
        " attached text"
    ),
    "put_content": ("notification_seq bigint, sticky_fields bytea, enrichment bytea, body bytea"),
    "put_delivery": (
        "id bigint, seq bigint, listener_id bigint, state smallint, is_ordered boolean,"
        " envelope_number bigint, occurred_at bigint, due_at bigint, token bigint,"
        " is_late boolean, lane text, reason text, settled_at bigint"
    ),
    "put_attempt": (
        "id bigint, token bigint, state smallint, due_at bigint, reason text, status bigint,"
        " failure text, settled_at bigint, started_at bigint, duration_us bigint, detail text,"
        " response_headers text, response_excerpt bytea, verdict text, verdict_reason text,"
        " next_at bigint"
    ),
}


def upgrade() -> None:
    """Make the types, on PostgreSQL."""
    if op.get_context().dialect.name != "postgresql":
        return
    for name, columns in TYPES.items():
        op.execute(f"CREATE TYPE {name} AS ({columns})")
