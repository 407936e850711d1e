"""Questions to the store, answered on a reading connection."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.sql import operators, visitors

from postroom.model import Notification
from postroom.storage import comparison, queries
from postroom.storage.port import (
    Backlog,
    Compared,
    ComparisonQuery,
    Counts,
    DeliveryQuery,
    NotificationQuery,
    Repeat,
    StoredAttempt,
    StoredDelivery,
    StoredNotification,
)
from postroom.storage.postgres.connection import Row, Sql

MOST_OCCURRENCES = 16
MOST_REPEATS = 100
TRAFFIC_PAGE_BYTES = 4 * 1024 * 1024
TRAFFIC_ROWS = 8
"""So many are under way at once: with bodies of 25 MB each that is bounded, with 6 KB quick."""

_DIALECT = asyncpg_dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped

_STICKY = "SELECT first_fields FROM envelope WHERE envelope_id = $1 AND account_id = $2"
_REPEATS = (
    "SELECT r.received_at, r.configuration_id, r.retry_count FROM repeat r"
    " JOIN notification n ON n.seq = r.notification_seq WHERE n.id = $1"
    " ORDER BY r.number LIMIT $2"
)
_ATTEMPTS = (
    "SELECT number, started_at, duration_us, status, failure, detail, response_headers,"
    " response_excerpt, verdict, verdict_reason, next_at FROM attempt WHERE delivery_id = $1"
    " ORDER BY number"
)
_TOTALS = (
    "SELECT sum(notifications)::bigint, sum(unclaimed)::bigint, sum(unreadable)::bigint,"
    " sum(delivered)::bigint FROM tally"
)
# Each of these can be answered from one partial index: the cost follows the backlog, not the
# size of the store.
_OPEN = (
    "SELECT o.listener_id, o.count, n.received_at FROM (SELECT listener_id, count(*) AS count,"
    " min(notification_seq) AS seq FROM delivery WHERE state IN (1, 2) GROUP BY listener_id) o"
    " JOIN notification n ON n.seq = o.seq"
)
_DUE = "SELECT listener_id, count(*) FROM delivery WHERE state = 1 GROUP BY listener_id"
_UNDECIDED = (
    "SELECT listener_id, count(*) FILTER (WHERE state = 3), count(*) FILTER (WHERE state = 4)"
    " FROM delivery WHERE state IN (3, 4) GROUP BY listener_id"
)
_FAILED = (
    "SELECT listener_id, count(*) FROM delivery"
    " WHERE state = 6 AND superseded_by IS NULL GROUP BY listener_id"
)


async def ask(connection: Sql, statement: sa.Select[Any]) -> Sequence[Row]:
    """Run a SQLAlchemy statement on the driver's own connection."""
    text, values = _compiled(statement)
    return await connection.fetch(text, *values)


def _compiled(statement: sa.Select[Any]) -> tuple[str, list[Any]]:
    asked = cast("sa.Select[Any]", visitors.replacement_traverse(statement, {}, _as_array))
    compiled = asked.compile(dialect=_DIALECT)
    return str(compiled), [compiled.params[name] for name in compiled.positiontup or ()]


def _as_array(element: Any, **_: object) -> sa.ColumnElement[bool] | None:
    """Ask for one of many values by an array: a parameter each would take minutes to write down.

    The protocol ends at 32,767 of them besides.
    """
    if not isinstance(element, sa.BinaryExpression) or element.operator is not operators.in_op:
        return None
    values = element.right
    if not isinstance(values, sa.BindParameter) or values.value is None:
        return None
    array = sa.bindparam(None, list(values.value), type_=postgresql.ARRAY(element.left.type))
    return element.left == sa.any_(array)


async def sticky_fields(connection: Sql, account_id: str, envelope_id: str) -> bytes | None:
    """Return the fields remembered as the envelope's first."""
    row = await connection.fetchrow(_STICKY, envelope_id, account_id)
    return None if row is None else row[0]


async def occurrences(
    connection: Sql, account_id: str, envelope_id: str, event: str, recipient_id: str | None
) -> Sequence[Notification]:
    """Return the notifications of one event of one envelope, newest first."""
    statement = queries.occurrences(account_id, envelope_id, event, recipient_id, MOST_OCCURRENCES)
    found = await ask(connection, statement)
    return [queries.stored_notification(row).notification for row in found]


async def notifications(connection: Sql, query: NotificationQuery) -> Sequence[StoredNotification]:
    """List notifications."""
    found = await ask(connection, queries.notifications(query))
    return [queries.stored_notification(row) for row in found]


async def traffic(connection: Sql, query: NotificationQuery) -> Sequence[StoredNotification]:
    """List notifications with their bodies, as many as fit into a page.

    In a transaction: the rows come a few at a time.
    """
    page: list[StoredNotification] = []
    size = 0
    text, values = _compiled(queries.traffic(query))
    async for row in connection.cursor(text, *values, prefetch=TRAFFIC_ROWS):
        page.append(queries.stored_notification(row))
        size += len(page[-1].notification.body)
        if size >= TRAFFIC_PAGE_BYTES:
            break
    return page


async def notification(connection: Sql, notification_id: str) -> StoredNotification | None:
    """Return one notification with its body."""
    found = await ask(connection, queries.one_notification(notification_id))
    return queries.stored_notification(found[0]) if found else None


async def repeats(connection: Sql, notification_id: str) -> Sequence[Repeat]:
    """Return the repeats of a notification, oldest first."""
    found = await connection.fetch(_REPEATS, notification_id, MOST_REPEATS)
    return [Repeat(received_at=at, configuration_id=by, retry_count=n) for at, by, n in found]


async def deliveries(connection: Sql, query: DeliveryQuery) -> Sequence[StoredDelivery]:
    """List deliveries."""
    found = await ask(connection, queries.deliveries(query))
    return [queries.stored_delivery(row) for row in found]


async def compared(connection: Sql, query: ComparisonQuery) -> Sequence[Compared]:
    """List notifications with what each listener was owed for them."""
    found = await ask(connection, comparison.compared(query))
    return [comparison.compared_row(row) for row in found]


async def delivery(connection: Sql, delivery_id: int) -> StoredDelivery | None:
    """Return one delivery."""
    found = await ask(connection, queries.one_delivery(delivery_id))
    return queries.stored_delivery(found[0]) if found else None


async def attempts(connection: Sql, delivery_id: int) -> Sequence[StoredAttempt]:
    """Return the attempts of a delivery in order."""
    return [
        StoredAttempt(
            number=row[0],
            started_at=row[1],
            duration_us=row[2],
            status=row[3],
            failure=row[4],
            detail=row[5],
            response_headers=msgspec.json.decode(row[6], type=tuple[tuple[str, str], ...]),
            response_excerpt=row[7],
            verdict=row[8],
            verdict_reason=row[9],
            next_at=row[10],
        )
        for row in await connection.fetch(_ATTEMPTS, delivery_id)
    ]


async def counts(connection: Sql) -> Counts:
    """Return the store in figures."""
    totals = await connection.fetchrow(_TOTALS)
    assert totals is not None  # noqa: S101  # a sum is always one row
    backlog: defaultdict[int, dict[str, Any]] = defaultdict(
        lambda: {"due": 0, "waiting": 0, "held": 0, "crossed": 0, "given_up": 0}
    )
    oldest: dict[int, int] = {}
    for listener_id, count, received_at in await connection.fetch(_OPEN):
        backlog[listener_id]["waiting"] = count
        oldest[listener_id] = received_at
    for listener_id, count in await connection.fetch(_DUE):
        backlog[listener_id]["due"] = count
        backlog[listener_id]["waiting"] -= count
    for listener_id, held, crossed in await connection.fetch(_UNDECIDED):
        backlog[listener_id].update(held=held, crossed=crossed)
    for listener_id, count in await connection.fetch(_FAILED):
        backlog[listener_id]["given_up"] = count
    return Counts(
        notifications=totals[0],
        unclaimed=totals[1],
        unreadable=totals[2],
        delivered=totals[3],
        backlog=tuple(
            Backlog(listener_id=key, oldest_received_at=oldest.get(key), **backlog[key])
            for key in sorted(backlog)
        ),
    )


async def secrets_revision(connection: Sql) -> int:
    """Return the number that every change of a secret moves."""
    return int(await connection.fetchval("SELECT secrets_revision FROM tally WHERE id = 1"))


async def states_revision(connection: Sql) -> int:
    """Return the number that every `set_paused` and `set_down` moves."""
    return int(await connection.fetchval("SELECT states_revision FROM tally WHERE id = 1"))
