"""Rows of the road's tables as nouns, and nouns' values as columns."""

from collections.abc import Iterable, Sequence
from typing import Any

from postroom.model import Lease, Notification, Replay
from postroom.storage.queries import attached

NOTIFICATION = (
    "n.id, n.account_id, e.envelope_id, n.event, n.recipient_id, n.sender_id, n.occurred_at,"
    " n.received_at, n.retry_count, n.configuration_id, n.content_type, n.flaw, n.is_readable,"
    " c.sticky_fields, c.enrichment, c.body, n.origin, n.attached"
)
LEASE = (
    f"{NOTIFICATION}, d.id, d.listener_id, d.token, d.due_at, d.attempts, d.is_late,"
    " d.replay_id, d.replay_reason, d.replay_is_forced"
)
"""What `lease` reads, of a delivery `d` and `JOINS`."""
JOINS = (
    " JOIN notification n ON n.seq = d.notification_seq"
    " LEFT JOIN envelope e ON e.number = n.envelope_number"
    " LEFT JOIN content c ON c.notification_seq = n.seq"
)


IS_DUE = "d.state + 0 = 1"
"""For deliveries found by another key: of `d.state = 1` the planner may think that the index of
all that is due is the shorter way, and walk a million of them."""
FEW = "v.id + 0 = v.id"
"""For deliveries found by the ids of some `v`: the planner takes it that few of them pass. Else,
where it sees a young table, it may read the whole of it rather than look ten ids up, and goes on
to when it has become large."""


def columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Return rows turned into columns, as `unnest` takes them; `width` empty ones for no rows."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(width)]


def unnested(*types: str, start: int = 1) -> str:
    """Return the `unnest` of parameters of these types, from `$start` on."""
    return f"unnest({', '.join(f'${n}::{kind}[]' for n, kind in enumerate(types, start))})"


def changed(tag: str) -> int:
    """Return how many rows a statement changed, from the tag it ended with."""
    return int(tag.rpartition(" ")[2])


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
        is_readable=row[12],
        sticky_fields=row[13],
        enrichment=row[14],
        body=row[15] or b"",
        origin=row[16],
        attached=attached(row[17]),
    )


def lease(row: Sequence[Any]) -> Lease:
    """Return the lease of a row with the columns of `LEASE`."""
    return Lease(
        delivery_id=row[18],
        listener_id=row[19],
        token=row[20],
        leased_until=row[21],
        attempt=row[22] + 1,
        notification=notification(row),
        replay=replay(row[24], row[25], row[26]),
        is_late=row[23],
    )


def replay(replay_id: str | None, reason: str | None, is_forced: bool | None) -> Replay | None:  # noqa: FBT001  # columns in their order
    """Return the mark of a replay; None for what is no replay."""
    if replay_id is None:
        return None
    return Replay(id=replay_id, reason=reason or "", is_forced=bool(is_forced))
