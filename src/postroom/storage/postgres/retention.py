"""Retention: what owes nothing open may be forgotten, a bounded piece at a time.

The candidates are looked for on a reading connection, however many still-open ones must be
passed over; the writer then holds them and deletes at most `limit`, each only if it still owes
nothing. What messages said mostly goes by whole `partitions` before it is looked at here.
"""

from collections.abc import Sequence

from postroom.storage.postgres import locks, rows
from postroom.storage.postgres.connection import Sql
from postroom.storage.postgres.writer import Transaction

_OWES_NOTHING = (
    "NOT EXISTS (SELECT 1 FROM delivery d WHERE d.notification_seq = n.seq"
    " AND (d.state IN (1, 2, 3, 4) OR (d.state = 6 AND d.superseded_by IS NULL)))"
)
_OLD_BODIES = (
    "SELECT n.seq FROM content c"  # noqa: S608  # constants only
    " JOIN notification n ON n.seq = c.notification_seq"
    # No further than the newest that is old enough.
    " WHERE c.notification_seq <= (SELECT seq FROM notification WHERE received_at < $1"
    " ORDER BY received_at DESC, seq DESC LIMIT 1)"
    f" AND n.received_at < $1 AND {_OWES_NOTHING} ORDER BY c.notification_seq LIMIT $2"
)
_OLD = (
    f"SELECT n.seq FROM notification n WHERE n.received_at < $1 AND {_OWES_NOTHING}"  # noqa: S608  # constants only
    " ORDER BY n.received_at LIMIT $2"
)
_STILL = (
    "SELECT n.seq, n.envelope_number, n.is_unclaimed, NOT n.is_readable,"  # noqa: S608  # constants only
    " (SELECT count(*) FROM delivery e WHERE e.notification_seq = n.seq AND e.state = 5)"
    f" FROM notification n WHERE n.seq = ANY($1::bigint[]) AND {_OWES_NOTHING}"
)
_DELETE_CONTENT = "DELETE FROM content WHERE notification_seq = ANY($1::bigint[])"
_DELETE_ATTEMPTS = (
    "DELETE FROM attempt WHERE delivery_id IN"
    " (SELECT id FROM delivery WHERE notification_seq = ANY($1::bigint[]))"
)
_DELETES = (
    _DELETE_ATTEMPTS,
    "DELETE FROM delivery WHERE notification_seq = ANY($1::bigint[])",
    "DELETE FROM repeat WHERE notification_seq = ANY($1::bigint[])",
    _DELETE_CONTENT,
    "DELETE FROM notification WHERE seq = ANY($1::bigint[])",
)
_DELETE_ENVELOPES = (
    "DELETE FROM envelope e WHERE number = ANY($1::bigint[])"
    " AND NOT EXISTS (SELECT 1 FROM notification n WHERE n.envelope_number = e.number)"
)


async def old_bodies(connection: Sql, before: int, limit: int) -> Sequence[int]:
    """Return the notifications older than a moment whose content may go."""
    return [row[0] for row in await connection.fetch(_OLD_BODIES, before, limit)]


async def old(connection: Sql, before: int, limit: int) -> Sequence[int]:
    """Return the notifications older than a moment that may go altogether."""
    return [row[0] for row in await connection.fetch(_OLD, before, limit)]


async def forget_bodies(tx: Transaction, seqs: Sequence[int]) -> int:
    """Drop the content (body, enrichment, fields) of those that still owe nothing open."""
    await locks.notifications(tx, seqs)
    still = [row[0] for row in await tx.sql.fetch(_STILL, seqs)]
    return rows.changed(await tx.sql.execute(_DELETE_CONTENT, still))


async def forget(tx: Transaction, seqs: Sequence[int]) -> int:
    """Drop those that still owe nothing open, with their deliveries, attempts and repeats.

    An envelope of which nothing is left goes too, with the fields remembered of it.
    """
    await locks.notifications(tx, seqs)
    still = await tx.sql.fetch(_STILL, seqs)
    for statement in _DELETES:
        await tx.sql.execute(statement, [row[0] for row in still])
    numbers = {row[1] for row in still} - {None}
    await tx.sql.execute(_DELETE_ENVELOPES, list(numbers))
    tx.notifications -= len(still)
    tx.unclaimed -= sum(row[2] for row in still)
    tx.unreadable -= sum(row[3] for row in still)
    tx.delivered -= sum(row[4] for row in still)
    return len(still)
