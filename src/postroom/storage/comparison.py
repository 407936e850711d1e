"""What listeners were owed for the same notifications, as a statement for both databases."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from postroom.storage.port import Compared, ComparisonQuery
from postroom.storage.schema import STATES, delivery, envelope, notification

_ABOUT = 6
"""How many columns are about the notification; those of each listener follow."""


def compared(query: ComparisonQuery) -> sa.Select[Any]:
    """Return the statement that reads notifications in order, with a delivery a listener.

    Adding 0 keeps the planner off the index of arrivals, as in `storage.queries`.
    """
    n = notification.c
    each = [delivery.alias(f"d{number}") for number, _ in enumerate(query.listener_ids)]
    source: sa.FromClause = notification.outerjoin(envelope, envelope.c.number == n.envelope_number)
    for owed, listener_id in zip(each, query.listener_ids, strict=True):
        source = source.outerjoin(
            owed,
            sa.and_(
                owed.c.notification_seq == n.seq,
                owed.c.listener_id == listener_id,
                owed.c.replay_number == 0,
            ),
        )
    found = sa.select(
        n.seq,
        n.id,
        envelope.c.envelope_id,
        n.event,
        n.received_at,
        n.registry_revision,
        *(column for owed in each for column in (owed.c.state, owed.c.reason)),
    ).select_from(source)
    found = found.where(
        n.account_id == query.account_id, n.registry_revision >= query.from_revision
    )
    if query.until_revision is not None:
        found = found.where(n.registry_revision < query.until_revision)
    if query.received_from is not None:
        found = found.where(n.received_at + 0 >= query.received_from)
    if query.received_until is not None:
        found = found.where(n.received_at + 0 < query.received_until)
    if query.after is not None:
        found = found.where(n.seq > query.after)
    return found.order_by(n.seq).limit(query.limit)


def compared_row(row: Sequence[Any]) -> Compared:
    """Return what a row of the statement says."""
    states = row[_ABOUT::2]
    return Compared(
        sequence=row[0],
        notification_id=row[1],
        envelope_id=row[2],
        event=row[3],
        received_at=row[4],
        registry_revision=row[5],
        states=tuple(None if state is None else STATES[state] for state in states),
        reasons=tuple(row[_ABOUT + 1 :: 2]),
    )
