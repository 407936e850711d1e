"""The lines: what one listener is owed for one envelope, in the order in which it happened.

Of the deliveries in a line one is due and the rest wait. The due one is the earliest, except
while it is leased: an earlier one that comes in meanwhile waits until that attempt is over.
Everything here is done by whoever holds the envelope (`locks`). Leasing alone does not hold it,
so a head that is to step back does so on condition that it is not leased by then.
"""

from collections.abc import Iterable

from postroom.storage.postgres import rows
from postroom.storage.postgres.writer import Transaction

_IN_LINE = "listener_id = $1 AND envelope_number = $2 AND state IN (1, 2) AND is_ordered"
_FIRST = (
    f"SELECT id, state FROM delivery WHERE {_IN_LINE}"  # noqa: S608  # constants only
    " ORDER BY occurred_at, notification_seq, id LIMIT 1"
)
_DUE = f"SELECT id, token FROM delivery d WHERE {_IN_LINE} AND {rows.IS_DUE}"  # noqa: S608  # constants only
STEP_BACK = (
    "UPDATE delivery d SET state = 2 WHERE d.id = ANY($1::bigint[]) AND d.token IS NULL"  # noqa: S608  # constants only
    f" AND {rows.IS_DUE} RETURNING d.id"
)
_PROMOTE = "UPDATE delivery SET state = 1, due_at = greatest(due_at, $2::bigint) WHERE id = $1"
# Adding 0 keeps the planner off the index of all that the listener was ever owed.
_LATER_DELIVERED = (
    "SELECT EXISTS (SELECT 1 FROM notification n JOIN delivery d ON d.notification_seq = n.seq"
    " WHERE n.envelope_number = $1 AND n.occurred_at > $2 AND d.listener_id + 0 = $3"
    " AND d.state = 5)"
)
_MARK_LATE = (
    "UPDATE delivery SET is_late = true WHERE listener_id = $1 AND envelope_number = $2"
    " AND state IN (1, 2) AND occurred_at < $3 AND NOT is_late"
)


async def reseat(tx: Transaction, listener_id: int, envelope_number: int, now: int) -> int | None:
    """Make the earliest of a line the one that is due, unless the due one is leased.

    Returns the id of the delivery that has become due thereby, None if none has.
    """
    first = await tx.sql.fetchrow(_FIRST, listener_id, envelope_number)
    if first is None or first[1] == 1:
        return None
    due = await tx.sql.fetchrow(_DUE, listener_id, envelope_number)
    if due is not None and (due[1] is not None or not await tx.sql.fetch(STEP_BACK, [due[0]])):
        return None
    promoted: int = first[0]
    await tx.sql.execute(_PROMOTE, promoted, now)
    tx.due.add(listener_id)
    return promoted


async def reseat_all(tx: Transaction, lines: Iterable[tuple[int, int]], now: int) -> None:
    """Reseat each of the lines, given as (listener id, envelope number), once."""
    for listener_id, envelope_number in dict.fromkeys(lines):
        await reseat(tx, listener_id, envelope_number, now)


async def is_late(
    tx: Transaction, listener_id: int, envelope_number: int | None, occurred_at: int
) -> bool:
    """Tell whether a later event of the envelope has already been delivered to the listener."""
    if envelope_number is None:
        return False
    return bool(await tx.sql.fetchval(_LATER_DELIVERED, envelope_number, occurred_at, listener_id))


async def mark_late(
    tx: Transaction, listener_id: int, envelope_number: int, delivered: int
) -> None:
    """Mark what is open and happened before the moment `delivered`, ordered or not, as late."""
    await tx.sql.execute(_MARK_LATE, listener_id, envelope_number, delivered)
