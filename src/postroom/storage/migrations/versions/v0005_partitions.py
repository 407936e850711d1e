"""Forget without leaving holes on PostgreSQL: messages in partitions, rows vacuumed often.

The messages there are become the first partition: they are read once, to see that they fit, and
not rewritten. They are read ahead of the migration, while nodes read and write them.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

WIDTH = 2**36
"""How many numbers of notifications a partition takes."""

AHEAD = (
    (
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'content_fits'"
        " AND conrelid = 'content'::regclass) THEN ALTER TABLE content ADD CONSTRAINT content_fits"
        f" CHECK (notification_seq < {WIDTH}) NOT VALID; END IF; END $$"
    ),
    "ALTER TABLE content VALIDATE CONSTRAINT content_fits",
)
"""For PostgreSQL, each in a transaction before the migration's own, which would keep everybody
waiting while it reads all there is. It may be left out, or done again."""


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
    op.execute("ALTER TABLE content_0 DROP CONSTRAINT IF EXISTS content_fits")
    # Takes whatever no other does: what is still owed of partitions that are gone.
    op.execute("CREATE TABLE content_rest PARTITION OF content DEFAULT")
    # A day's share of what is kept for a year is forgotten each day; by default its room would be
    # found again only once a fifth of all is gone.
    for table in ("notification", "delivery", "attempt", "envelope"):
        op.execute(f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02)")
