"""Verbs of people about deliveries: decide what was held or crossed, replay what was sent."""

from collections.abc import Sequence

from postroom.model import DeliveryState, Replay
from postroom.storage.port import AuditEntry, Decision, Ordered
from postroom.storage.postgres import lines, locks, records, rows
from postroom.storage.postgres.connection import Row
from postroom.storage.postgres.registry import live_listeners
from postroom.storage.postgres.writer import Transaction

_DISMISS = "UPDATE delivery SET state = 7, reason = $1, settled_at = $2 WHERE id = $3"
_CROSS = "UPDATE delivery SET state = 4, reason = $1 WHERE id = $2"
_UNDECIDED = (
    "SELECT listener_id, envelope_number, is_ordered, occurred_at, notification_seq"
    " FROM delivery WHERE id = $1 AND state IN (3, 4)"
)
_DISOWN = (
    "UPDATE notification n SET is_unclaimed = true WHERE seq = $1 AND NOT is_unclaimed"
    " AND NOT EXISTS (SELECT 1 FROM delivery d"
    " WHERE d.notification_seq = n.seq AND d.state NOT IN (7, 8))"
)
_JOIN_LINE = (
    "UPDATE delivery SET state = $1, reason = NULL, due_at = $2, is_late = $3 WHERE id = $4"
)
_ENRICH = (
    "UPDATE content SET enrichment = $1"
    " WHERE notification_seq = (SELECT seq FROM notification WHERE id = $2)"
)
_REPLAYABLE = (
    "SELECT d.notification_seq, d.listener_id, d.is_ordered, d.envelope_number, d.occurred_at,"
    " d.lane, (SELECT max(replay_number) FROM delivery o"
    " WHERE o.notification_seq = d.notification_seq AND o.listener_id = d.listener_id)"
    " FROM delivery d JOIN content c ON c.notification_seq = d.notification_seq"
    " WHERE d.id = $1 AND d.state <> 8"
)
_PUT_REPLAY = (
    "INSERT INTO delivery (id, notification_seq, listener_id, replay_number, state, is_ordered,"
    " envelope_number, occurred_at, due_at, attempts, is_late, lane, replay_id, replay_reason,"
    " replay_is_forced) VALUES (nextval('delivery_id'), $1, $2, $3, $4, $5, $6, $7, $8, 0, $9,"
    " $10, $11, $12, $13) RETURNING id"
)
_DUE, _WAITING = 1, 2


async def decide(
    tx: Transaction,
    decisions: Sequence[Decision],
    *,
    now: int,
    audit: AuditEntry | None,
    enrichment: tuple[str, bytes] | None,
) -> int:
    """Decide held or crossed deliveries; return how many still were."""
    await locks.notifications_of(tx, [one.delivery_id for one in decisions])
    if enrichment is not None:
        notification_id, envelope = enrichment
        await tx.sql.execute(_ENRICH, envelope, notification_id)
    await records.note(tx, audit)
    return sum([await _decide(tx, decision, now) for decision in decisions])


async def replay(
    tx: Transaction,
    orders: Sequence[Ordered],
    replay: Replay,
    *,
    now: int,
    audit: AuditEntry | None,
) -> int:
    """Queue new deliveries that do old ones again, shadowed ones apart; return how many."""
    await tx.sql.execute(locks.SHARE_REGISTRY)
    await locks.notifications_of(tx, [one.delivery_id for one in orders])
    await records.note(tx, audit)
    live = await live_listeners(tx.sql)
    return sum([await _replay(tx, order, replay, live, now) for order in orders])


async def _decide(tx: Transaction, decision: Decision, now: int) -> bool:
    row = await tx.sql.fetchrow(_UNDECIDED, decision.delivery_id)
    if row is None:
        return False
    if decision.state is DeliveryState.DISMISSED:
        await tx.sql.execute(_DISMISS, decision.reason, now, decision.delivery_id)
        # Nobody is left who was owed it.
        tx.unclaimed += rows.changed(await tx.sql.execute(_DISOWN, row[4]))
    elif decision.state is DeliveryState.CROSSED:
        await tx.sql.execute(_CROSS, decision.reason, decision.delivery_id)
    else:
        await _join_line(tx, decision.delivery_id, row, now)
    return True


async def _join_line(tx: Transaction, delivery_id: int, row: Row, now: int) -> None:
    listener_id, envelope_number, is_ordered, occurred_at, _ = row
    late = await lines.is_late(tx, listener_id, envelope_number, occurred_at)
    state = _WAITING if is_ordered else _DUE
    await tx.sql.execute(_JOIN_LINE, state, now, late, delivery_id)
    if is_ordered:
        await lines.reseat(tx, listener_id, envelope_number, now)
    else:
        tx.due.add(listener_id)


async def _replay(
    tx: Transaction, order: Ordered, replay: Replay, live: frozenset[int], now: int
) -> bool:
    row = await tx.sql.fetchrow(_REPLAYABLE, order.delivery_id)
    if row is None or row[1] not in live:
        # Its body is gone, or its listener, or it is a shadow's: nobody could ever send it.
        return False
    seq, listener_id, is_ordered, envelope_number, occurred_at, lane, newest = row
    new_id = await tx.sql.fetchval(
        _PUT_REPLAY,
        seq,
        listener_id,
        newest + 1,
        _WAITING if is_ordered else _DUE,
        is_ordered,
        envelope_number,
        occurred_at,
        order.due_at,
        await lines.is_late(tx, listener_id, envelope_number, occurred_at),
        lane,
        replay.id,
        replay.reason,
        replay.is_forced,
    )
    await tx.sql.execute(
        "UPDATE delivery SET superseded_by = $1 WHERE id = $2", new_id, order.delivery_id
    )
    if is_ordered:
        await lines.reseat(tx, listener_id, envelope_number, now)
    else:
        tx.due.add(listener_id)
    return True
