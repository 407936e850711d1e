"""Verbs of people about deliveries: decide what was held or crossed, replay what was sent."""

from collections.abc import Sequence
from typing import Any

from postroom.model import DeliveryState, Replay
from postroom.storage.port import AuditEntry, Decision, Ordered
from postroom.storage.sqlite import lines, records
from postroom.storage.sqlite.registry import live_listeners
from postroom.storage.sqlite.writer import Transaction

_DISMISS = "UPDATE delivery SET state = 7, reason = ?, settled_at = ? WHERE id = ?"
_CROSS = "UPDATE delivery SET state = 4, reason = ? WHERE id = ?"
_UNDECIDED = (
    "SELECT listener_id, envelope_number, is_ordered, occurred_at, notification_seq"
    " FROM delivery WHERE id = ? AND state IN (3, 4)"
)
_DISOWN = (
    "UPDATE notification SET is_unclaimed = 1 WHERE seq = ? AND NOT is_unclaimed"
    " AND NOT EXISTS (SELECT 1 FROM delivery"
    " WHERE notification_seq = seq AND state NOT IN (7, 8))"
)
_JOIN_LINE = "UPDATE delivery SET state = ?, reason = NULL, due_at = ?, is_late = ? WHERE id = ?"
_ENRICH = (
    "UPDATE content SET enrichment = ?"
    " WHERE notification_seq = (SELECT seq FROM notification WHERE id = ?)"
)
_REPLAYABLE = (
    "SELECT d.notification_seq, d.listener_id, d.is_ordered, d.envelope_number, d.occurred_at,"
    " d.lane, (SELECT max(replay_number) FROM delivery o"
    " WHERE o.notification_seq = d.notification_seq AND o.listener_id = d.listener_id)"
    " FROM delivery d JOIN content c ON c.notification_seq = d.notification_seq"
    " WHERE d.id = ? AND d.state <> 8"
)
_PUT_REPLAY = (
    "INSERT INTO delivery (id, notification_seq, listener_id, replay_number, state, is_ordered,"
    " envelope_number, occurred_at, due_at, attempts, is_late, lane, replay_id, replay_reason,"
    " replay_is_forced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)"
)
_DUE, _WAITING = 1, 2


def decide(
    tx: Transaction,
    decisions: Sequence[Decision],
    *,
    now: int,
    audit: AuditEntry | None,
    enrichment: tuple[str, bytes] | None,
) -> int:
    """Decide held or crossed deliveries; return how many still were."""
    if enrichment is not None:
        notification_id, envelope = enrichment
        tx.sql.execute(_ENRICH, (envelope, notification_id))
    records.note(tx, audit)
    return sum(_decide(tx, decision, now) for decision in decisions)


def replay(
    tx: Transaction,
    orders: Sequence[Ordered],
    replay: Replay,
    *,
    now: int,
    audit: AuditEntry | None,
) -> int:
    """Queue new deliveries that do old ones again, shadowed ones apart; return how many."""
    records.note(tx, audit)
    live = live_listeners(tx.sql)
    return sum(_replay(tx, order, replay, live, now) for order in orders)


def _decide(tx: Transaction, decision: Decision, now: int) -> bool:
    row = tx.sql.execute(_UNDECIDED, (decision.delivery_id,)).fetchone()
    if row is None:
        return False
    if decision.state is DeliveryState.DISMISSED:
        tx.sql.execute(_DISMISS, (decision.reason, now, decision.delivery_id))
        # Nobody is left who was owed it.
        tx.tally.unclaimed += tx.sql.execute(_DISOWN, (row[4],)).rowcount
    elif decision.state is DeliveryState.CROSSED:
        tx.sql.execute(_CROSS, (decision.reason, decision.delivery_id))
    else:
        _join_line(tx, decision.delivery_id, row, now)
    return True


def _join_line(tx: Transaction, delivery_id: int, row: Sequence[Any], now: int) -> None:
    listener_id, envelope_number, is_ordered, occurred_at, _ = row
    late = lines.is_late(tx, listener_id, envelope_number, occurred_at)
    state = _WAITING if is_ordered else _DUE
    tx.sql.execute(_JOIN_LINE, (state, now, late, delivery_id))
    if is_ordered:
        lines.reseat(tx, listener_id, envelope_number, now)


def _replay(
    tx: Transaction, order: Ordered, replay: Replay, live: frozenset[int], now: int
) -> bool:
    row = tx.sql.execute(_REPLAYABLE, (order.delivery_id,)).fetchone()
    if row is None or row[1] not in live:
        # Its body is gone, or its listener, or it is a shadow's: nobody could ever send it.
        return False
    seq, listener_id, is_ordered, envelope_number, occurred_at, lane, newest = row
    tx.tally.delivery_id += 1
    new_id = tx.tally.delivery_id
    tx.sql.execute(
        _PUT_REPLAY,
        (
            new_id,
            seq,
            listener_id,
            newest + 1,
            _WAITING if is_ordered else _DUE,
            is_ordered,
            envelope_number,
            occurred_at,
            order.due_at,
            lines.is_late(tx, listener_id, envelope_number, occurred_at),
            lane,
            replay.id,
            replay.reason,
            replay.is_forced,
        ),
    )
    tx.sql.execute(
        "UPDATE delivery SET superseded_by = ? WHERE id = ?", (new_id, order.delivery_id)
    )
    if is_ordered:
        lines.reseat(tx, listener_id, envelope_number, now)
    return True
