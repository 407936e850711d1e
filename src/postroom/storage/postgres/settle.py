"""Settle: attempts with their consequences, many in one transaction."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from postroom.model import DeliveryState, Done, Lease, Outcome, TryAgain
from postroom.storage.port import Settled, Settlement
from postroom.storage.postgres import lines, locks, rows
from postroom.storage.postgres.connection import Row
from postroom.storage.postgres.writer import Transaction
from postroom.storage.schema import STATE_NUMBERS

EXCERPT_BYTES = 2048
DETAIL_CHARACTERS = 1000
HEADERS_BYTES = 4096
"""How much of an answer's headers is kept: a listener chooses them, not we."""

_DUE = STATE_NUMBERS[DeliveryState.DUE]

# Only where the token still holds: a delivery without an envelope may be taken over meanwhile.
# What becomes an attempt comes with the update: joined to `v` once more, each would be compared
# with each.
_WRITE = (
    "WITH w AS (UPDATE delivery d SET state = v.state, due_at = v.due_at, token = NULL,"  # noqa: S608  # constants only
    " node = NULL, attempts = d.attempts + 1, reason = v.reason, last_status = v.status,"
    " last_failure = v.failure, settled_at = v.settled_at"
    " FROM unnest($1::put_attempt[]) v"
    f" WHERE d.id = v.id AND {rows.FEW} AND d.token = v.token AND {rows.IS_DUE}"
    " RETURNING d.id, v.token, d.listener_id, d.envelope_number, d.is_ordered, d.occurred_at,"
    " d.attempts, d.state, v.started_at, v.duration_us, v.status, v.failure, v.detail,"
    " v.response_headers, v.response_excerpt, v.verdict, v.verdict_reason, v.next_at),"
    " a AS (INSERT INTO attempt (delivery_id, number, started_at, duration_us, status, failure,"
    " detail, response_headers, response_excerpt, verdict, verdict_reason, next_at)"
    " SELECT id, attempts, started_at, duration_us, status, failure, detail, response_headers,"
    " response_excerpt, verdict, verdict_reason, next_at FROM w)"
    " SELECT w.id, w.token, w.envelope_number, w.is_ordered, w.occurred_at,"
    " f.id, f.occurred_at, f.due_at, f.is_ordered, f.state"
    # What is open besides, as it was before this statement: of those settled in one batch only
    # unordered ones share an envelope, and to them the first is but a hint that some are late.
    " FROM w LEFT JOIN LATERAL (SELECT * FROM delivery d WHERE d.listener_id = w.listener_id"
    " AND d.envelope_number = w.envelope_number AND d.state IN (1, 2)"
    " AND (d.id <> w.id OR w.state = 1)"
    " ORDER BY d.occurred_at, d.notification_seq, d.id LIMIT 1) f ON true"
)
_FIRST_IN_LINE = (
    "SELECT id, occurred_at, due_at, is_ordered, state FROM delivery"
    " WHERE listener_id = $1 AND envelope_number = $2 AND state IN (1, 2) AND is_ordered"
    " ORDER BY occurred_at, notification_seq, id LIMIT 1"
)
_PROMOTE = (
    "WITH led AS (UPDATE delivery d SET state = 1, due_at = v.due_at, token = v.token,"  # noqa: S608  # constants only
    " node = CASE WHEN v.token IS NULL THEN NULL ELSE $1::int END"
    f" FROM {rows.unnested('bigint', 'bigint', 'bigint', start=2)} AS v (id, due_at, token)"
    f" WHERE d.id = v.id AND {rows.FEW} RETURNING d.*)"
    f" SELECT {rows.LEASE} FROM led d{rows.JOINS} WHERE d.token IS NOT NULL"
)


class _Ours:
    """A settlement that was written, with the delivery as it stood."""

    __slots__ = ("envelope_number", "first", "is_ordered", "occurred_at", "settlement")

    def __init__(self, settlement: Settlement, row: Row) -> None:
        self.settlement = settlement
        _, _, self.envelope_number, self.is_ordered, self.occurred_at, *first = row
        self.first: Row | None = first if first[0] is not None else None
        """What is open first of the same listener and envelope, if anything."""


async def settle_all(tx: Transaction, settlements: Sequence[Settlement]) -> Sequence[Settled]:
    """Write each attempt whose lease still holds, and its consequence (port: `settle`)."""
    await locks.envelopes_of(tx, {one.lease.delivery_id for one in settlements})
    # Of several settlements of one lease the first counts.
    first = {(one.lease.delivery_id, one.lease.token): one for one in reversed(settlements)}
    values = [_values(one) for one in first.values()]
    written = await tx.sql.fetch(_WRITE, values)
    ours = _ours(settlements, first, {(row[0], row[1]): row for row in written})
    tx.delivered += sum(isinstance(one.settlement.verdict, Done) for one in ours if one)
    following = await _lead_on(tx, [one for one in ours if one])
    return [
        _NOT_OURS if one is None else _settled(following.get(one.settlement.lease.delivery_id))
        for one in ours
    ]


_NOT_OURS = Settled(was_ours=False)
_NOTHING_NEXT = Settled(was_ours=True)


def _settled(following: Lease | None) -> Settled:
    return _NOTHING_NEXT if following is None else Settled(was_ours=True, next=following)


def _ours(
    settlements: Sequence[Settlement],
    first: dict[tuple[int, int], Settlement],
    written: dict[tuple[int, int], Row],
) -> list[_Ours | None]:
    """Pair each settlement with the row it wrote; None for those that wrote nothing."""
    ours: list[_Ours | None] = []
    for one in settlements:
        key = one.lease.delivery_id, one.lease.token
        row = written.get(key)
        ours.append(None if row is None or first[key] is not one else _Ours(one, row))
    return ours


def _values(settlement: Settlement) -> tuple[Any, ...]:
    """Return the `put_attempt` (migration 0006) of a settlement."""
    lease, outcome, verdict = settlement.lease, settlement.outcome, settlement.verdict
    due_at = reason = None
    if isinstance(verdict, Done):
        state = DeliveryState.DELIVERED
    elif isinstance(verdict, TryAgain):
        state, due_at = DeliveryState.DUE, verdict.at
    else:
        state, reason = DeliveryState.GIVEN_UP, verdict.reason
    return (
        lease.delivery_id,
        lease.token,
        STATE_NUMBERS[state],
        due_at,
        reason,
        outcome.status,
        outcome.failure,
        settlement.settled_at,
        outcome.started_at,
        outcome.duration_us,
        outcome.detail[:DETAIL_CHARACTERS],
        _headers(outcome),
        outcome.response_body[:EXCERPT_BYTES],
        verdict.__struct_config__.tag,
        "" if isinstance(verdict, Done) else verdict.reason,
        due_at,
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


async def _lead_on(tx: Transaction, ours: Sequence[_Ours]) -> dict[int, Lease]:
    """Let the lines move on; return the next leases by the delivery that was settled."""
    promoted: dict[int, tuple[Settlement, Row]] = {}
    for one in ours:
        following = None if one.first is None else await _follow_up(tx, one, one.first)
        if following is not None:
            promoted[following[0]] = one.settlement, following
    if not promoted:
        return {}
    values = [_promotion(settlement, row) for settlement, row in promoted.values()]
    tx.due.update(
        settlement.lease.listener_id
        for (settlement, _), (_, _, token) in zip(promoted.values(), values, strict=True)
        if token is None
    )
    led = map(rows.lease, await tx.sql.fetch(_PROMOTE, tx.node, *rows.columns(values, 3)))
    return {promoted[one.delivery_id][0].lease.delivery_id: one for one in led}


async def _follow_up(tx: Transaction, one: _Ours, first: Row) -> Row | None:
    """Do what the end of an attempt means for its line; return the delivery to make due."""
    verdict = one.settlement.verdict
    line = one.settlement.lease.listener_id, one.envelope_number
    _, occurred_at, _, is_ordered, state = first
    if isinstance(verdict, Done) and occurred_at < one.occurred_at:
        await lines.mark_late(tx, *line, one.occurred_at)
    if not one.is_ordered:
        return None
    if isinstance(verdict, TryAgain):
        if not (is_ordered and state == _DUE):
            await lines.reseat(tx, *line, one.settlement.settled_at)
        return None
    # One left from a time when the listener's ordering was `none` is not in the line.
    return first if is_ordered else await tx.sql.fetchrow(_FIRST_IN_LINE, *line)


def _promotion(settlement: Settlement, row: Row) -> tuple[int, int, int | None]:
    """Return what becomes of the first of a line: due, and leased where its moment has come."""
    delivery_id, due_at, now = row[0], row[2], settlement.settled_at
    if settlement.wants_next and due_at <= now:
        return delivery_id, settlement.next_leased_until, settlement.next_token
    return delivery_id, max(due_at, now), None
