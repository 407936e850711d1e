"""Rows of the road's tables as nouns, and lists of values as SQLite takes them."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from postroom.model import Lease, Notification, Replay
from postroom.storage.queries import attached

NOTIFICATION = (
    "n.id, n.account_id, e.envelope_id, n.event, n.recipient_id, n.sender_id, n.occurred_at,"
    " n.received_at, n.retry_count, n.configuration_id, n.content_type, n.flaw, n.is_readable,"
    " c.sticky_fields, c.enrichment, c.body, n.origin, n.attached"
)
JOINS = (
    " LEFT JOIN envelope e ON e.number = n.envelope_number"
    " LEFT JOIN content c ON c.notification_seq = n.seq"
)
_LEASED = (
    f"SELECT {NOTIFICATION}, d.id, d.listener_id, d.token, d.due_at, d.attempts, d.is_late,"  # noqa: S608  # constants only
    " d.replay_id, d.replay_reason, d.replay_is_forced"
    # CROSS keeps the order of the array.
    " FROM json_each(?) j CROSS JOIN delivery d ON d.id = j.value"
    f" JOIN notification n ON n.seq = d.notification_seq{JOINS}"
)


def array(values: Iterable[str | int]) -> str:
    """Return values as the JSON array that `json_each(?)` reads: one parameter for any number."""
    return msgspec.json.encode(list(values)).decode()


def notification(row: Sequence[Any]) -> Notification:
    """Return the notification of a row that begins with the columns of `NOTIFICATION`."""
    return Notification(
        id=row[0],
        account_id=row[1],
        envelope_id=row[2],
        event=row[3],
        recipient_id=row[4],
        sender_id=row[5],
        occurred_at=row[6],
        received_at=row[7],
        retry_count=row[8],
        configuration_id=row[9],
        content_type=row[10],
        flaw=row[11],
        is_readable=bool(row[12]),
        sticky_fields=row[13],
        enrichment=row[14],
        body=row[15] or b"",
        origin=row[16],
        attached=attached(row[17]),
    )


def leased(connection: sqlite3.Connection, delivery_ids: Sequence[int]) -> list[Lease]:
    """Return the leases that leased deliveries are under, with all that an attempt needs."""
    if not delivery_ids:
        return []
    return [_lease(row) for row in connection.execute(_LEASED, (array(delivery_ids),))]


def _lease(row: Sequence[Any]) -> Lease:
    delivery_id, listener_id, token, due_at, attempts, is_late = row[18:24]
    return Lease(
        delivery_id=delivery_id,
        listener_id=listener_id,
        token=token,
        leased_until=due_at,
        attempt=attempts + 1,
        notification=notification(row),
        replay=replay(row[24:27]),
        is_late=bool(is_late),
    )


def replay(columns: Sequence[Any]) -> Replay | None:
    """Return the mark of a replay from its id, reason and force; None for what is no replay."""
    replay_id, reason, is_forced = columns
    if replay_id is None:
        return None
    return Replay(id=replay_id, reason=reason, is_forced=bool(is_forced))
