"""What many nodes that write at once need; an embedded store gains a column it leaves empty."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TOTALS = 64
"""How many rows of totals there are: the more, the seldomer two who write meet on one."""


def upgrade() -> None:
    """Add the column; on PostgreSQL, the sequences and the rows of totals."""
    op.add_column("delivery", sa.Column("node", sa.Integer(), nullable=True))
    if op.get_context().dialect.name != "postgresql":
        return
    for name in (
        "notification_seq",
        "delivery_id",
        "envelope_number",
        "kept_number",
        "node_number",
    ):
        op.execute(sa.schema.CreateSequence(sa.Sequence(name)))
    op.execute(
        "INSERT INTO tally SELECT number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"  # noqa: S608  # constants only
        f" FROM generate_series(2, {TOTALS + 1}) AS number"
    )
