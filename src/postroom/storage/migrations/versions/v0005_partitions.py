"""Keep what messages said in partitions on PostgreSQL, so that it can be forgotten by the span.

What there is becomes the first partition: it is read once, to see that it fits, and not rewritten.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

WIDTH = 2**36
"""How many numbers of notifications a partition takes."""


def upgrade() -> None:
    """Put the table into a partitioned one of its own name and shape."""
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE content RENAME TO content_0")
    op.execute("ALTER INDEX content_pkey RENAME TO content_0_pkey")
    op.execute(
        "CREATE TABLE content (LIKE content_0 INCLUDING DEFAULTS,"
        " CONSTRAINT content_pkey PRIMARY KEY (notification_seq))"
        " PARTITION BY RANGE (notification_seq)"
    )
    op.execute(
        f"ALTER TABLE content ATTACH PARTITION content_0 FOR VALUES FROM (MINVALUE) TO ({WIDTH})"
    )
    # Takes whatever no other does: what is still owed of partitions that are gone.
    op.execute("CREATE TABLE content_rest PARTITION OF content DEFAULT")
