"""Questions to the store, answered on a reading connection."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

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

MOST_OCCURRENCES = 16
MOST_REPEATS = 100
TRAFFIC_PAGE_BYTES = 4 * 1024 * 1024

_DIALECT = sqlite_dialect(paramstyle="qmark")

_STICKY = "SELECT first_fields FROM envelope WHERE envelope_id = ? AND account_id = ?"
_REPEATS = (
    "SELECT r.received_at, r.configuration_id, r.retry_count FROM repeat r"
    " JOIN notification n ON n.seq = r.notification_seq WHERE n.id = ?"
    " ORDER BY r.number LIMIT ?"
)
_ATTEMPTS = (
    "SELECT number, started_at, duration_us, status, failure, detail, response_headers,"
    " response_excerpt, verdict, verdict_reason, next_at FROM attempt WHERE delivery_id = ?"
    " ORDER BY number"
)
# Each of these reads one partial index from end to end and nothing else: the cost follows the
# backlog, not the size of the store.
_OPEN = (
    "SELECT listener_id, count(*), min(notification_seq) FROM delivery INDEXED BY delivery_open"
    " WHERE state IN (1, 2) GROUP BY listener_id"
)
_DUE = (
    "SELECT listener_id, count(*) FROM delivery INDEXED BY delivery_due"
    " WHERE state = 1 GROUP BY listener_id"
)
_UNDECIDED = (
    "SELECT listener_id, count(*) FILTER (WHERE state = 3), count(*) FILTER (WHERE state = 4)"
    " FROM delivery INDEXED BY delivery_undecided WHERE state IN (3, 4) GROUP BY listener_id"
)
_FAILED = (
    "SELECT listener_id, count(*) FROM delivery INDEXED BY delivery_failed"
    " WHERE state = 6 AND superseded_by IS NULL GROUP BY listener_id"
)


def ask(connection: sqlite3.Connection, statement: sa.Select[Any]) -> Sequence[tuple[Any, ...]]:
    """Run a SQLAlchemy statement on the driver's own connection."""
    return _rows(connection, statement).fetchall()


def _rows(connection: sqlite3.Connection, statement: sa.Select[Any]) -> sqlite3.Cursor:
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    values = [compiled.params[name] for name in compiled.positiontup or ()]
    return connection.execute(str(compiled), values)


def sticky_fields(
    connection: sqlite3.Connection, account_id: str, envelope_id: str
) -> bytes | None:
    """Return the fields remembered as the envelope's first."""
    row = connection.execute(_STICKY, (envelope_id, account_id)).fetchone()
    return None if row is None else row[0]


def occurrences(
    connection: sqlite3.Connection,
    account_id: str,
    envelope_id: str,
    event: str,
    recipient_id: str | None,
) -> Sequence[Notification]:
    """Return the notifications of one event of one envelope, newest first."""
    statement = queries.occurrences(account_id, envelope_id, event, recipient_id, MOST_OCCURRENCES)
    return [queries.stored_notification(row).notification for row in ask(connection, statement)]


def notifications(
    connection: sqlite3.Connection, query: NotificationQuery
) -> Sequence[StoredNotification]:
    """List notifications."""
    return [
        queries.stored_notification(row) for row in ask(connection, queries.notifications(query))
    ]


def traffic(
    connection: sqlite3.Connection, query: NotificationQuery
) -> Sequence[StoredNotification]:
    """List notifications with their bodies, as many as fit into a page."""
    page: list[StoredNotification] = []
    size = 0
    for row in _rows(connection, queries.traffic(query)):
        page.append(queries.stored_notification(row))
        size += len(page[-1].notification.body)
        if size >= TRAFFIC_PAGE_BYTES:
            break
    return page


def notification(connection: sqlite3.Connection, notification_id: str) -> StoredNotification | None:
    """Return one notification with its body."""
    rows = ask(connection, queries.one_notification(notification_id))
    return queries.stored_notification(rows[0]) if rows else None


def repeats(connection: sqlite3.Connection, notification_id: str) -> Sequence[Repeat]:
    """Return the repeats of a notification, oldest first."""
    rows = connection.execute(_REPEATS, (notification_id, MOST_REPEATS))
    return [Repeat(received_at=at, configuration_id=by, retry_count=n) for at, by, n in rows]


def deliveries(connection: sqlite3.Connection, query: DeliveryQuery) -> Sequence[StoredDelivery]:
    """List deliveries."""
    return [queries.stored_delivery(row) for row in ask(connection, queries.deliveries(query))]


def compared(connection: sqlite3.Connection, query: ComparisonQuery) -> Sequence[Compared]:
    """List notifications with what each listener was owed for them."""
    return [comparison.compared_row(row) for row in ask(connection, comparison.compared(query))]


def delivery(connection: sqlite3.Connection, delivery_id: int) -> StoredDelivery | None:
    """Return one delivery."""
    rows = ask(connection, queries.one_delivery(delivery_id))
    return queries.stored_delivery(rows[0]) if rows else None


def attempts(connection: sqlite3.Connection, delivery_id: int) -> Sequence[StoredAttempt]:
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
        for row in connection.execute(_ATTEMPTS, (delivery_id,))
    ]


def counts(connection: sqlite3.Connection) -> Counts:
    """Return the store in figures."""
    totals = connection.execute(
        "SELECT notifications, unclaimed, unreadable, delivered FROM tally"
    ).fetchone()
    backlog: defaultdict[int, dict[str, Any]] = defaultdict(
        lambda: {"due": 0, "waiting": 0, "held": 0, "crossed": 0, "given_up": 0}
    )
    oldest: dict[int, int] = {}
    for listener_id, count, seq in connection.execute(_OPEN).fetchall():
        backlog[listener_id]["waiting"] = count
        oldest[listener_id] = _received_at(connection, seq)
    for listener_id, count in connection.execute(_DUE):
        backlog[listener_id]["due"] = count
        backlog[listener_id]["waiting"] -= count
    for listener_id, held, crossed in connection.execute(_UNDECIDED):
        backlog[listener_id].update(held=held, crossed=crossed)
    for listener_id, count in connection.execute(_FAILED):
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


def revision(connection: sqlite3.Connection) -> int:
    """Return the registry's revision."""
    return int(connection.execute("SELECT registry_revision FROM tally").fetchone()[0])


def secrets_revision(connection: sqlite3.Connection) -> int:
    """Return the number that every change of a secret moves."""
    return int(connection.execute("SELECT secrets_revision FROM tally").fetchone()[0])


def states_revision(connection: sqlite3.Connection) -> int:
    """Return the number that every `set_paused` and `set_down` moves."""
    return int(connection.execute("SELECT states_revision FROM tally").fetchone()[0])


def _received_at(connection: sqlite3.Connection, seq: int) -> int:
    row = connection.execute("SELECT received_at FROM notification WHERE seq = ?", (seq,))
    return int(row.fetchone()[0])
