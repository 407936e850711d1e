"""Retention: what owes nothing open may be forgotten, a bounded piece at a time.

The candidates are looked for on a reading connection, however many still-open ones must be
passed over; the writer then deletes at most `limit`, each only if it still owes nothing.
"""

import sqlite3
from collections.abc import Sequence

from postroom.storage.sqlite.rows import array
from postroom.storage.sqlite.writer import Transaction

_OWES_NOTHING = (
    "NOT EXISTS (SELECT 1 FROM delivery d WHERE d.notification_seq = n.seq"
    " AND (d.state IN (1, 2, 3, 4) OR (d.state = 6 AND d.superseded_by IS NULL)))"
)
_OLD_BODIES = (
    "SELECT n.seq FROM content c"  # noqa: S608  # constants only
    " JOIN notification n ON n.seq = c.notification_seq"
    " WHERE c.notification_seq <= (SELECT seq FROM notification WHERE received_at < ?"
    " ORDER BY received_at DESC LIMIT 1)"
    f" AND n.received_at < ? AND {_OWES_NOTHING} ORDER BY c.notification_seq LIMIT ?"
)
_OLD = (
    f"SELECT n.seq FROM notification n WHERE n.received_at < ? AND {_OWES_NOTHING}"  # noqa: S608  # constants only
    " ORDER BY n.received_at LIMIT ?"
)
_STILL = (
    "SELECT n.seq, n.envelope_number, n.is_unclaimed, NOT n.is_readable,"  # noqa: S608  # constants only
    " (SELECT count(*) FROM delivery e WHERE e.notification_seq = n.seq AND e.state = 5)"
    " FROM notification n"
    f" WHERE n.seq IN (SELECT value FROM json_each(?)) AND {_OWES_NOTHING}"
)
_DELETE_ATTEMPTS = (
    "DELETE FROM attempt WHERE delivery_id IN (SELECT id FROM delivery WHERE notification_seq"
    " IN (SELECT value FROM json_each(?)))"
)
_DELETES = (
    _DELETE_ATTEMPTS,
    "DELETE FROM delivery WHERE notification_seq IN (SELECT value FROM json_each(?))",
    "DELETE FROM repeat WHERE notification_seq IN (SELECT value FROM json_each(?))",
    "DELETE FROM content WHERE notification_seq IN (SELECT value FROM json_each(?))",
    "DELETE FROM notification WHERE seq IN (SELECT value FROM json_each(?))",
)
_DELETE_ENVELOPES = (
    "DELETE FROM envelope WHERE number IN (SELECT value FROM json_each(?))"
    " AND NOT EXISTS (SELECT 1 FROM notification WHERE envelope_number = number)"
)


def old_bodies(connection: sqlite3.Connection, before: int, limit: int) -> Sequence[int]:
    """Return the notifications older than a moment whose content may go."""
    return [row[0] for row in connection.execute(_OLD_BODIES, (before, before, limit))]


def old(connection: sqlite3.Connection, before: int, limit: int) -> Sequence[int]:
    """Return the notifications older than a moment that may go altogether."""
    return [row[0] for row in connection.execute(_OLD, (before, limit))]


def forget_bodies(tx: Transaction, seqs: Sequence[int]) -> int:
    """Drop the content (body, enrichment, fields) of those that still owe nothing open."""
    still = [row[0] for row in tx.sql.execute(_STILL, (array(seqs),))]
    dropped = tx.sql.execute(
        "DELETE FROM content WHERE notification_seq IN (SELECT value FROM json_each(?))",
        (array(still),),
    )
    return dropped.rowcount


def forget(tx: Transaction, seqs: Sequence[int]) -> int:
    """Drop those that still owe nothing open, with their deliveries, attempts and repeats.

    An envelope of which nothing is left goes too, with the fields remembered of it.
    """
    rows = tx.sql.execute(_STILL, (array(seqs),)).fetchall()
    still = array(row[0] for row in rows)
    for statement in _DELETES:
        tx.sql.execute(statement, (still,))
    tx.sql.execute(_DELETE_ENVELOPES, (array({row[1] for row in rows} - {None}),))
    tx.tally.notifications -= len(rows)
    tx.tally.unclaimed -= sum(row[2] for row in rows)
    tx.tally.unreadable -= sum(row[3] for row in rows)
    tx.tally.delivered -= sum(row[4] for row in rows)
    return len(rows)
