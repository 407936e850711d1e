"""The lines: what one listener is owed for one envelope, in the order in which it happened.

Of the deliveries in a line one is due and the rest wait. The due one is the earliest, except
while it is leased: an earlier one that comes in meanwhile waits until that attempt is over.
"""

from postroom.storage.sqlite.writer import Transaction

_FIRST = (
    "SELECT occurred_at, notification_seq, id, state, token FROM delivery"
    " WHERE listener_id = ? AND envelope_number = ? AND state IN (1, 2) AND is_ordered"
    " ORDER BY occurred_at, notification_seq, id LIMIT 1"
)
_DUE = (
    "SELECT id, token FROM delivery"
    " WHERE listener_id = ? AND envelope_number = ? AND state IN (1, 2) AND state = 1"
    " AND is_ordered"
)
_LATER_DELIVERED = (
    "SELECT 1 FROM notification n JOIN delivery d ON d.notification_seq = n.seq"
    " WHERE n.envelope_number = ? AND n.occurred_at > ? AND d.listener_id = ? AND d.state = 5"
    " LIMIT 1"
)
_MARK_LATE = (
    "UPDATE delivery SET is_late = 1"
    " WHERE listener_id = ? AND envelope_number = ? AND state IN (1, 2) AND occurred_at < ?"
)


class Head:
    """The first delivery of a line, as far as a newcomer must know it."""

    __slots__ = ("delivery_id", "is_fast", "occurred_at")

    def __init__(self, *, delivery_id: int, occurred_at: int, is_fast: bool) -> None:
        self.delivery_id = delivery_id
        self.occurred_at = occurred_at
        self.is_fast = is_fast
        """True while something of the line is leased: nobody can go before it."""


def head(tx: Transaction, listener_id: int, envelope_number: int) -> Head | None:
    """Return the head of a line, None where the line is empty."""
    row = tx.sql.execute(_FIRST, (listener_id, envelope_number)).fetchone()
    if row is None:
        return None
    occurred_at, _, delivery_id, state, token = row
    # A first one that waits does so because a later one is leased.
    return Head(
        delivery_id=delivery_id,
        occurred_at=occurred_at,
        is_fast=state != 1 or token is not None,
    )


def reseat(tx: Transaction, listener_id: int, envelope_number: int, now: int) -> int | None:
    """Make the earliest of a line the one that is due, unless the due one is leased.

    Returns the id of the delivery that has become due thereby, None if none has.
    """
    first = tx.sql.execute(_FIRST, (listener_id, envelope_number)).fetchone()
    if first is None or first[3] == 1:
        return None
    due = tx.sql.execute(_DUE, (listener_id, envelope_number)).fetchone()
    if due is not None:
        due_id, token = due
        if token is not None:
            return None
        tx.sql.execute("UPDATE delivery SET state = 2 WHERE id = ?", (due_id,))
    promoted: int = first[2]
    tx.sql.execute(
        "UPDATE delivery SET state = 1, due_at = max(due_at, ?) WHERE id = ?", (now, promoted)
    )
    return promoted


def is_late(
    tx: Transaction, listener_id: int, envelope_number: int | None, occurred_at: int
) -> bool:
    """Tell whether a later event of the envelope has already been delivered to the listener."""
    if envelope_number is None:
        return False
    found = tx.sql.execute(_LATER_DELIVERED, (envelope_number, occurred_at, listener_id))
    return found.fetchone() is not None


def mark_late(tx: Transaction, listener_id: int, envelope_number: int, delivered: int) -> None:
    """Mark what is open and happened before the moment `delivered`, ordered or not, as late."""
    tx.sql.execute(_MARK_LATE, (listener_id, envelope_number, delivered))
