"""Leases: taken, made longer, given back; and when something is due."""

from collections.abc import Sequence
from typing import NamedTuple

from postroom.clock import SECOND
from postroom.model import LEASE_SECONDS, Lease
from postroom.storage.postgres import lines, locks, rows
from postroom.storage.postgres.connection import Row, Sql
from postroom.storage.postgres.writer import Transaction

_READY = (
    "SELECT q.call, r.id, r.token, r.listener_id, r.envelope_number, r.is_ordered"
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY"
    " AS q (listener_id, most, now, call) CROSS JOIN LATERAL ("
    "SELECT d.* FROM delivery d WHERE d.listener_id = q.listener_id AND d.state = 1"
    " AND d.due_at <= q.now ORDER BY d.due_at, d.id LIMIT q.most FOR UPDATE SKIP LOCKED"
    ") r ORDER BY q.call, r.due_at, r.id"
)
_TAKE = (
    "WITH taken AS (UPDATE delivery d SET token = v.token, due_at = v.leased_until, node = $1"  # noqa: S608  # constants only
    f" FROM {rows.unnested('bigint', 'bigint', 'bigint', 'bigint', start=2)}"
    " AS v (id, token, leased_until, now)"
    f" WHERE d.id = v.id AND {rows.FEW} AND {rows.IS_DUE} AND d.token IS NULL"
    " AND d.due_at <= v.now RETURNING d.*)"
    f" SELECT {rows.LEASE} FROM taken d{rows.JOINS}"
)
_FREE = (
    "UPDATE delivery d SET token = NULL, node = NULL, due_at = least(d.due_at, $3::bigint)"  # noqa: S608  # constants only
    " FROM unnest($1::bigint[], $2::bigint[]) AS v (id, token)"
    f" WHERE d.id = v.id AND {rows.FEW} AND d.token = v.token AND {rows.IS_DUE}"
    " RETURNING d.listener_id, d.envelope_number, d.is_ordered"
)
_EXTEND = (
    "UPDATE delivery d SET due_at = v.leased_until"  # noqa: S608  # constants only
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS v (id, token, leased_until)"
    f" WHERE d.id = v.id AND {rows.FEW} AND d.token = v.token AND {rows.IS_DUE}"
)
_HOLD_IF_FREE = "SELECT 1 FROM envelope WHERE number = $1 FOR NO KEY UPDATE SKIP LOCKED"
_OF_NOBODY = (
    "SELECT id, token FROM delivery WHERE state = 1 AND token IS NOT NULL"
    " AND (node IS NULL OR node = $1 OR node <> ALL($2::int[])) ORDER BY id"
)
# By listener and moment: among a million that are due later, those leased now are found at once.
_OF_GONE = (
    "SELECT d.id, d.token FROM listener_name l CROSS JOIN LATERAL (SELECT id, token, node"
    " FROM delivery WHERE listener_id = l.id AND state = 1 AND due_at > $1 AND due_at <= $2"
    " AND token IS NOT NULL) d WHERE d.node <> ALL($3::int[]) ORDER BY d.id"
)
_UNDER = (
    "SELECT d.id, d.token FROM listener_name l CROSS JOIN LATERAL (SELECT id, token, node"
    " FROM delivery WHERE listener_id = l.id AND state = 1 AND due_at > $1 AND due_at <= $2"
    " AND token = ANY($4::bigint[])) d WHERE d.node = $3 ORDER BY d.id"
)
_NEXT = (
    "SELECT l.id, d.due_at FROM unnest($1::bigint[]) AS l (id) CROSS JOIN LATERAL"
    " (SELECT due_at FROM delivery WHERE listener_id = l.id AND state = 1"
    " ORDER BY due_at LIMIT 1) d"
)
_HASTEN = (
    "UPDATE delivery SET due_at = $2"
    " WHERE listener_id = $1 AND state = 1 AND due_at > $2 AND token IS NULL"
)


class Asked(NamedTuple):
    """A call of `lease`."""

    listener_id: int
    limit: int
    now: int
    leased_until: int
    token: int


async def lease_all(tx: Transaction, calls: Sequence[Asked]) -> Sequence[Sequence[Lease]]:
    """Lease what is due, the longest due first (port: `lease`)."""
    leases: list[Sequence[Lease]] = [[]] * len(calls)
    left = list(enumerate(calls))
    while left:
        # Of one listener one call at a time: a second would see the same as ready.
        now = {one.listener_id: (place, one) for place, one in reversed(left)}
        for (place, _), taken in zip(
            now.values(), await _lease(tx, [one for _, one in now.values()]), strict=True
        ):
            leases[place] = taken
        left = [(place, one) for place, one in left if now[one.listener_id][0] != place]
    return leases


async def _lease(tx: Transaction, calls: Sequence[Asked]) -> Sequence[Sequence[Lease]]:
    asked = [[one.listener_id, one.limit, one.now] for one in calls]
    ready = await tx.sql.fetch(_READY, *rows.columns(asked, 3))
    order: list[tuple[int, int]] = []
    for row in ready:
        number = row[0] - 1
        delivery_id = row[1] if row[2] is None else await _lapsed(tx, row, calls[number].now)
        if delivery_id is not None:
            order.append((number, delivery_id))
    if not order:
        return [[]] * len(calls)
    values = [
        (delivery_id, calls[number].token, calls[number].leased_until, calls[number].now)
        for number, delivery_id in order
    ]
    taken = {
        one.delivery_id: one
        for one in map(rows.lease, await tx.sql.fetch(_TAKE, tx.node, *rows.columns(values, 4)))
    }
    return [
        [
            taken[delivery_id]
            for number, delivery_id in order
            if number == n and delivery_id in taken
        ]
        for n in range(len(calls))
    ]


async def _lapsed(tx: Transaction, row: Row, now: int) -> int | None:
    """Give back a lease that ran out: an earlier event may have come in behind it.

    Returns the delivery that is due in its place. Nobody who leases waits for an envelope, for
    a delivery is held already (`locks`): None where another node is at it.
    """
    _, delivery_id, token, listener_id, envelope_number, is_ordered = row
    if is_ordered and not await tx.sql.fetch(_HOLD_IF_FREE, envelope_number):
        return None
    await tx.sql.fetch(_FREE, [delivery_id], [token], now)
    if not is_ordered:
        return int(delivery_id)
    return await lines.reseat(tx, listener_id, envelope_number, now) or int(delivery_id)


async def extend_all(
    tx: Transaction, calls: Sequence[tuple[Sequence[Lease], int]]
) -> Sequence[None]:
    """Make those leases longer that still hold."""
    values = [(one.delivery_id, one.token, until) for leases, until in calls for one in leases]
    await tx.sql.execute(_EXTEND, *rows.columns(values, 3))
    return [None] * len(calls)


async def release(tx: Transaction, leases: Sequence[Lease], now: int) -> None:
    """Give those leases back that still hold."""
    await locks.envelopes_of(tx, (one.delivery_id for one in leases))
    await _free(tx, [(one.delivery_id, one.token) for one in leases], now)


async def free_all(tx: Transaction, now: int) -> int:
    """Give back every lease of this node, and of nodes that are no longer there."""
    held = await tx.sql.fetch(_OF_NOBODY, tx.node, await _there(tx))
    return await _hold_and_free(tx, held, now)


async def free_gone(tx: Transaction, now: int) -> int:
    """Give back every lease that has not run out of nodes that are no longer there."""
    until = now + 2 * LEASE_SECONDS * SECOND  # another node's clock may be ahead of ours
    return await _hold_and_free(tx, await tx.sql.fetch(_OF_GONE, now, until, await _there(tx)), now)


async def free_under(tx: Transaction, tokens: Sequence[int], now: int) -> int:
    """Give back every lease of this node under these tokens."""
    until = now + 2 * LEASE_SECONDS * SECOND
    return await _hold_and_free(tx, await tx.sql.fetch(_UNDER, now, until, tx.node, tokens), now)


async def _there(tx: Transaction) -> list[int]:
    return [row[0] for row in await tx.sql.fetch(locks.NODES_THERE)]


async def _hold_and_free(tx: Transaction, found: Sequence[Row], now: int) -> int:
    held = [(row[0], row[1]) for row in found]
    await locks.envelopes_of(tx, (delivery_id for delivery_id, _ in held))
    return await _free(tx, held, now)


async def _free(tx: Transaction, held: Sequence[tuple[int, int]], now: int) -> int:
    freed = await tx.sql.fetch(_FREE, *rows.columns(held, 2), now)
    tx.due.update(row[0] for row in freed)
    await lines.reseat_all(tx, ((row[0], row[1]) for row in freed if row[2]), now)
    return len(freed)


async def hasten(tx: Transaction, listener_id: int, now: int) -> int:
    """Make a listener's deliveries due now that were to be due later; return how many."""
    hastened = rows.changed(await tx.sql.execute(_HASTEN, listener_id, now))
    if hastened:
        tx.due.add(listener_id)
    return hastened


async def next_due(connection: Sql, listener_ids: Sequence[int]) -> dict[int, int]:
    """Return when something is next due, for each listener that is owed something."""
    return {row[0]: row[1] for row in await connection.fetch(_NEXT, list(listener_ids))}
