"""Leases: taken, made longer, given back; and when something is due."""

import sqlite3
from collections.abc import Sequence

from postroom.model import Lease
from postroom.storage.sqlite import lines
from postroom.storage.sqlite.rows import array, leased
from postroom.storage.sqlite.writer import Transaction

_READY = (
    "SELECT id, token FROM delivery"
    " WHERE listener_id = ? AND state = 1 AND due_at <= ? ORDER BY due_at, id LIMIT ?"
)
_TAKE = (
    "UPDATE delivery SET token = ?, due_at = ?"
    " WHERE id = ? AND state = 1 AND token IS NULL AND due_at <= ?"
)
_TAKE_ALL = (
    "UPDATE delivery SET token = ?, due_at = ?"
    " WHERE id IN (SELECT value FROM json_each(?)) AND state = 1 AND token IS NULL"
)
_FREE = (
    "UPDATE delivery SET token = NULL, due_at = min(due_at, ?)"
    " WHERE id = ? AND token = ? AND state = 1"
    " RETURNING listener_id, envelope_number, is_ordered"
)
_EXTEND = "UPDATE delivery SET due_at = ? WHERE id = ? AND token = ? AND state = 1"
_LEASED = (
    "SELECT id, token FROM delivery INDEXED BY delivery_due WHERE state = 1 AND token IS NOT NULL"
)
_NEXT = "SELECT min(due_at) FROM delivery WHERE listener_id = ? AND state = 1"
_HASTEN = (
    "UPDATE delivery SET due_at = ?"
    " WHERE listener_id = ? AND state = 1 AND due_at > ? AND token IS NULL"
)


def lease(
    tx: Transaction, listener_id: int, *, limit: int, now: int, leased_until: int, token: int
) -> Sequence[Lease]:
    """Lease what is due, the longest due first (port: `lease`)."""
    ready = tx.sql.execute(_READY, (listener_id, now, limit)).fetchall()
    fresh = [ready_id for ready_id, old_token in ready if old_token is None]
    tx.sql.execute(_TAKE_ALL, (token, leased_until, array(fresh)))
    taken: list[int] = []
    for ready_id, old_token in ready:
        if old_token is None:
            taken.append(ready_id)
            continue
        # A lease that ran out is given back first: an earlier event may have come in behind it.
        delivery_id = _free(tx, ready_id, old_token, now)
        if tx.sql.execute(_TAKE, (token, leased_until, delivery_id, now)).rowcount == 1:
            taken.append(delivery_id)
    return leased(tx.sql, taken)


def extend(tx: Transaction, leases: Sequence[Lease], leased_until: int) -> None:
    """Make those leases longer that still hold."""
    tx.sql.executemany(_EXTEND, [(leased_until, one.delivery_id, one.token) for one in leases])


def release(tx: Transaction, leases: Sequence[Lease], now: int) -> None:
    """Give those leases back that still hold."""
    for one in leases:
        _free(tx, one.delivery_id, one.token, now)


def free_all(tx: Transaction, now: int) -> int:
    """Give every lease back; return how many there were."""
    held = tx.sql.execute(_LEASED).fetchall()
    for delivery_id, token in held:
        _free(tx, delivery_id, token, now)
    return len(held)


def hasten(tx: Transaction, listener_id: int, now: int) -> int:
    """Make a listener's deliveries due now that were to be due later; return how many."""
    return tx.sql.execute(_HASTEN, (now, listener_id, now)).rowcount


def next_due(connection: sqlite3.Connection, listener_ids: Sequence[int]) -> dict[int, int]:
    """Return when something is next due, for each listener that is owed something."""
    due = {
        listener_id: connection.execute(_NEXT, (listener_id,)).fetchone()[0]
        for listener_id in listener_ids
    }
    return {listener_id: at for listener_id, at in due.items() if at is not None}


def _free(tx: Transaction, delivery_id: int, token: int, now: int) -> int:
    """Give one lease back if it still holds; return the delivery that is due in its place."""
    rows = tx.sql.execute(_FREE, (now, delivery_id, token)).fetchall()
    for listener_id, envelope_number, is_ordered in rows:
        if is_ordered:
            return lines.reseat(tx, listener_id, envelope_number, now) or delivery_id
    return delivery_id
