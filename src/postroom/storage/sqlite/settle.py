"""Settle: attempts with their consequences, many in one transaction."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from postroom.model import DeliveryState, Done, Lease, Outcome, TryAgain
from postroom.storage.port import Settled, Settlement
from postroom.storage.schema import STATE_NUMBERS
from postroom.storage.sqlite import lines
from postroom.storage.sqlite.rows import array, leased
from postroom.storage.sqlite.writer import Transaction

EXCERPT_BYTES = 2048
DETAIL_CHARACTERS = 1000
HEADERS_BYTES = 4096
"""How much of an answer's headers is kept: a listener chooses them, not we."""

_HELD = (
    "SELECT id, token, envelope_number, is_ordered, occurred_at, attempts FROM delivery"
    " WHERE id IN (SELECT value FROM json_each(?)) AND state = 1 AND token IS NOT NULL"
)
_WRITE = (
    "UPDATE delivery SET state = ?, due_at = ?, token = NULL, attempts = ?, reason = ?,"
    " last_status = ?, last_failure = ?, settled_at = ? WHERE id = ?"
)
_PUT_ATTEMPT = (
    "INSERT INTO attempt (delivery_id, number, started_at, duration_us, status, failure, detail,"
    " response_headers, response_excerpt, verdict, verdict_reason, next_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_FIRST_OPEN = (
    "SELECT id, occurred_at, due_at, is_ordered FROM delivery"
    " WHERE listener_id = ? AND envelope_number = ? AND state IN (1, 2)"
    " ORDER BY occurred_at, notification_seq, id LIMIT 1"
)
_FIRST_IN_LINE = _FIRST_OPEN.replace("(1, 2)", "(1, 2) AND is_ordered")
_PROMOTE = "UPDATE delivery SET state = 1, due_at = ?, token = ? WHERE id = ?"


class _Ours:
    """A settlement whose lease still holds, with the delivery as it stands."""

    __slots__ = ("attempts", "envelope_number", "is_ordered", "occurred_at", "settlement")

    def __init__(self, settlement: Settlement, row: Sequence[Any]) -> None:
        self.settlement = settlement
        _, _, self.envelope_number, self.is_ordered, self.occurred_at, self.attempts = row


def settle_all(tx: Transaction, settlements: Sequence[Settlement]) -> Sequence[Settled]:
    """Write each attempt whose lease still holds, and its consequence (port: `settle`)."""
    asked = array(s.lease.delivery_id for s in settlements)
    held = {row[0]: row for row in tx.sql.execute(_HELD, (asked,))}
    ours = [_ours(held, settlement) for settlement in settlements]
    kept = [one for one in ours if one is not None]
    tx.sql.executemany(_WRITE, [_row(one) for one in kept])
    tx.sql.executemany(_PUT_ATTEMPT, [_attempt(one) for one in kept])
    led_on = [None if one is None else _follow_up(tx, one) for one in ours]
    following = {one.delivery_id: one for one in leased(tx.sql, [d for d in led_on if d])}
    return [
        _NOT_OURS if one is None else _settled(None if d is None else following[d])
        for one, d in zip(ours, led_on, strict=True)
    ]


_NOT_OURS = Settled(was_ours=False)
_NOTHING_NEXT = Settled(was_ours=True)


def _settled(following: Lease | None) -> Settled:
    return _NOTHING_NEXT if following is None else Settled(was_ours=True, next=following)


def _ours(held: dict[int, Sequence[Any]], settlement: Settlement) -> _Ours | None:
    row = held.get(settlement.lease.delivery_id)
    if row is None or row[1] != settlement.lease.token:
        return None
    # Taken out, so that a second settlement of the same lease in this batch finds nothing.
    del held[settlement.lease.delivery_id]
    return _Ours(settlement, row)


def _row(one: _Ours) -> tuple[Any, ...]:
    settlement = one.settlement
    verdict = settlement.verdict
    due_at = reason = None
    if isinstance(verdict, Done):
        state = DeliveryState.DELIVERED
    elif isinstance(verdict, TryAgain):
        state, due_at = DeliveryState.DUE, verdict.at
    else:
        state, reason = DeliveryState.GIVEN_UP, verdict.reason
    return (
        STATE_NUMBERS[state],
        due_at,
        one.attempts + 1,
        reason,
        settlement.outcome.status,
        settlement.outcome.failure,
        settlement.settled_at,
        settlement.lease.delivery_id,
    )


def _attempt(one: _Ours) -> tuple[Any, ...]:
    outcome, verdict = one.settlement.outcome, one.settlement.verdict
    return (
        one.settlement.lease.delivery_id,
        one.attempts + 1,
        outcome.started_at,
        outcome.duration_us,
        outcome.status,
        outcome.failure,
        outcome.detail[:DETAIL_CHARACTERS],
        _headers(outcome),
        outcome.response_body[:EXCERPT_BYTES],
        verdict.__struct_config__.tag,
        "" if isinstance(verdict, Done) else verdict.reason,
        verdict.at if isinstance(verdict, TryAgain) else None,
    )


def _headers(outcome: Outcome) -> str:
    if not outcome.response_headers:
        return "[]"
    encoded = msgspec.json.encode(outcome.response_headers)
    if len(encoded) > HEADERS_BYTES:
        encoded = msgspec.json.encode(list(_first_headers(outcome)))
    return encoded.decode()


def _first_headers(outcome: Outcome) -> Iterator[tuple[str, str]]:
    left = HEADERS_BYTES
    for name, value in outcome.response_headers:
        left -= len(name) + len(value)
        if left < 0:
            return
        yield name, value


def _follow_up(tx: Transaction, one: _Ours) -> int | None:
    """Let the line move on; return the delivery that is leased to the caller next, if any."""
    settlement = one.settlement
    verdict = settlement.verdict
    listener_id = settlement.lease.listener_id
    if isinstance(verdict, Done):
        tx.tally.delivered += 1
    if one.envelope_number is None:
        return None
    first = tx.sql.execute(_FIRST_OPEN, (listener_id, one.envelope_number)).fetchone()
    if first is None:
        return None
    _, occurred_at, _, first_is_ordered = first
    if isinstance(verdict, Done) and occurred_at < one.occurred_at:
        lines.mark_late(tx, listener_id, one.envelope_number, one.occurred_at)
    if not one.is_ordered:
        return None
    if isinstance(verdict, TryAgain):
        lines.reseat(tx, listener_id, one.envelope_number, settlement.settled_at)
        return None
    if not first_is_ordered:
        # Left from a time when the listener's ordering was `none`: not in the line.
        first = tx.sql.execute(_FIRST_IN_LINE, (listener_id, one.envelope_number)).fetchone()
    return None if first is None else _promote(tx, settlement, first)


def _promote(tx: Transaction, settlement: Settlement, first: Sequence[Any]) -> int | None:
    """Make the first of a line due; return it if it is leased to the caller."""
    delivery_id: int
    delivery_id, _, due_at, _ = first
    now = settlement.settled_at
    if settlement.wants_next and due_at <= now:
        row = (settlement.next_leased_until, settlement.next_token, delivery_id)
        tx.sql.execute(_PROMOTE, row)
        return delivery_id
    tx.sql.execute(_PROMOTE, (max(due_at, now), None, delivery_id))
    return None
