"""What nodes that write at once hold, and in which order, so that none waits for another in a ring.

1. The registry, by an advisory lock: shared by whoever enters deliveries, alone by whoever changes
   it. A delivery can then not be entered for a listener while that is being removed, unseen by the
   removal. In memory only; a share costs no write.
2. Envelopes of the Connect server (`kept_envelope`), in the order of their ids.
3. Envelopes in messages (`envelope`), in the order of their ids: whoever adds to an envelope's
   lines, takes from them or lets them move on holds its row, and reads the lines after that.
4. Notifications, in the order of their numbers: where people decide or retention forgets.
5. Deliveries. Nobody who holds one waits for anything above. Leasing passes over what others hold
   (SKIP LOCKED); the other writes are on condition and look at the count of rows.
6. A row of totals, with the commit itself.

The rows of `node` are written alone, each in a transaction of its own; who joins holds an advisory
lock meanwhile.

Where two meet all the same (a delivery without an envelope settled twice at once), PostgreSQL
finds the ring and one of them begins again.
"""

from collections.abc import Iterable, Sequence

from postroom.storage.postgres.connection import WHOLE_STORE
from postroom.storage.postgres.writer import BEGIN, Transaction

SHARE_REGISTRY = f"SELECT pg_advisory_xact_lock_shared({WHOLE_STORE}, 2)"
KEEP_REGISTRY = f"SELECT pg_advisory_xact_lock({WHOLE_STORE}, 2)"
ENTERING = f"{BEGIN}; {SHARE_REGISTRY}"
"""How transactions begin that enter deliveries."""

NODES = 0x706F7374
"""The class of advisory locks by which nodes are known to be there: (`NODES`, node number)."""
BE_THERE = "SELECT pg_advisory_lock_shared($1, $2)"
"""Held for as long as the connection lasts; shared, for a node has several connections."""
NODES_THERE = (
    "SELECT number FROM node UNION"  # noqa: S608  # a constant
    " SELECT objid::bigint::int FROM pg_locks WHERE locktype = 'advisory'"
    f" AND classid::bigint = {NODES} AND objsubid = 2 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""A node that attends is there until it has left or was taken out, connected or not (`nodes`)."""

ENVELOPE_ORDER = "envelope_id, account_id"
"""Both sort by their bytes."""

_OF_DELIVERIES = (
    "SELECT number FROM envelope WHERE number IN"  # noqa: S608  # constants only
    " (SELECT envelope_number FROM delivery WHERE id = ANY($1::bigint[]))"
    f" ORDER BY {ENVELOPE_ORDER} FOR NO KEY UPDATE"
)
_OF_NOTIFICATIONS = (
    "SELECT number FROM envelope WHERE number IN"  # noqa: S608  # constants only
    " (SELECT envelope_number FROM notification WHERE seq = ANY($1::bigint[]))"
    f" ORDER BY {ENVELOPE_ORDER} FOR NO KEY UPDATE"
)
_NOTIFICATIONS = (
    "SELECT seq FROM notification WHERE seq = ANY($1::bigint[]) ORDER BY seq FOR NO KEY UPDATE"
)


async def envelopes_of(tx: Transaction, delivery_ids: Iterable[int]) -> None:
    """Hold the envelopes of deliveries."""
    await tx.sql.fetch(_OF_DELIVERIES, list(delivery_ids))


async def notifications_of(tx: Transaction, delivery_ids: Iterable[int]) -> None:
    """Hold the envelopes of deliveries and their notifications."""
    rows = await tx.sql.fetch(
        "SELECT DISTINCT notification_seq FROM delivery WHERE id = ANY($1::bigint[])",
        list(delivery_ids),
    )
    await notifications(tx, [row[0] for row in rows])


async def notifications(tx: Transaction, seqs: Sequence[int]) -> None:
    """Hold notifications and their envelopes."""
    await tx.sql.fetch(_OF_NOTIFICATIONS, seqs)
    await tx.sql.fetch(_NOTIFICATIONS, seqs)
