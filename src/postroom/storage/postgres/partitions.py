"""Partitions of `content`: what arrived in one span of time, to be forgotten as one.

Partition k takes the numbers of notifications from k times `WIDTH` on, far more than arrive in any
span. When a span is over, the next partition is made and the sequence of numbers jumps to its
beginning: no bounds are foreseen and none are changed. `content_rest` takes what no other does,
so that no message is ever refused for want of a partition.

When all of a partition is past, it is emptied but for what is still owed, and what is left of it
moves to `content_rest`. Neither waits long for a lock, for whoever comes next waits behind: with a
reader in the way it is tried again later.

- Emptying locks that partition alone. Those who record write to another; those who lease or
  decide look into each, so they wait. They lock before they take their snapshot, and thus see what
  was put back.
- Moving locks the table, for everybody, while a few bodies are copied.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import asyncpg

from postroom.storage.postgres.connection import WHOLE_STORE, Sql
from postroom.storage.postgres.reader import Reader
from postroom.storage.postgres.writer import Lane, Transaction

WIDTH = 2**36
FEW_BYTES = 8 * 1024 * 1024
"""How much may move to `content_rest` while everybody waits."""
NEWEST_ROWS = 10_000
"""Among so many of the newest of a partition is the newest moment: nodes' clocks and the order of
their commits differ by less than that."""

_ALONE = f"SELECT pg_advisory_xact_lock({WHOLE_STORE}, 1)"
_LAST = "SELECT last_value FROM notification_seq"
_IS_THERE = "SELECT to_regclass($1) IS NOT NULL"
_JUMP = "SELECT setval('notification_seq', $1, false) FROM notification_seq WHERE last_value < $1"
_BEGAN = "SELECT received_at FROM notification WHERE seq >= $1 ORDER BY seq LIMIT 1"
_PAST = (
    "SELECT p.number FROM (SELECT substring(relname FROM '^content_([0-9]+)$')::bigint AS number"  # noqa: S608  # constants only
    " FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid"
    " WHERE inhparent = 'content'::regclass) AS p"
    f" WHERE p.number < (SELECT last_value / {WIDTH} FROM notification_seq)"
    " AND coalesce((SELECT max(received_at) < $1 FROM (SELECT received_at FROM notification"
    f" WHERE seq >= p.number * {WIDTH} AND seq < (p.number + 1) * {WIDTH}"
    f" ORDER BY seq DESC LIMIT {NEWEST_ROWS}) AS newest), true) ORDER BY p.number"
)
# By the partial indexes of what is open, however long a partition is: adding 0 keeps the planner
# off the index of everything.
_THERE = "AND notification_seq + 0 >= $1 AND notification_seq + 0 < $2"
_OWED = (
    f"SELECT notification_seq FROM delivery WHERE state IN (1, 2) {_THERE}"  # noqa: S608  # constants only
    f" UNION SELECT notification_seq FROM delivery WHERE state IN (3, 4) {_THERE}"
    " UNION SELECT notification_seq FROM delivery"
    f" WHERE state = 6 AND superseded_by IS NULL {_THERE}"
)


# --- a new one --------------------------------------------------------------------------------


async def begin(reader: Reader, lane: Lane, now: int, span_us: int) -> bool:
    """Begin a partition if the present one began that long ago; return whether that was so."""
    number = await reader.read(partial(_due, now=now, span_us=span_us))
    if number is None:
        return False
    # The numbers jump once the partition is there for all to see, and not before.
    if await lane.do(partial(_make, number=number)):
        await lane.do(partial(_move_to, number=number))
        return True
    return False


async def _due(connection: Sql, *, now: int, span_us: int) -> int | None:
    present = int(await connection.fetchval(_LAST)) // WIDTH
    began = await connection.fetchval(_BEGAN, present * WIDTH)
    return None if began is None or now - began < span_us else present + 1


async def _make(tx: Transaction, *, number: int) -> bool:
    """Make a partition unless it is there; return whether it is."""
    await tx.sql.execute(_ALONE)
    if await tx.sql.fetchval(_IS_THERE, f"content_{number}"):
        return True
    first, end = _range(number)

    async def make() -> None:
        # To attach one keeps nobody waiting who records; it looks through `content_rest`, though.
        await tx.sql.execute(
            "LOCK TABLE content_rest IN ACCESS EXCLUSIVE MODE;"
            f" CREATE TABLE content_{number} (LIKE content INCLUDING ALL);"
            f" ALTER TABLE content ATTACH PARTITION content_{number}"
            f" FOR VALUES FROM ({first}) TO ({end})"
        )

    return await _if_free(tx, make)


async def _move_to(tx: Transaction, *, number: int) -> None:
    await tx.sql.execute(_ALONE)
    await tx.sql.execute(_JUMP, number * WIDTH)


# --- an old one -------------------------------------------------------------------------------


async def forget(reader: Reader, lane: Lane, before: int) -> int:
    """Drop what one partition holds that is all past and owes nothing; return how many bodies."""
    for number in await reader.read(partial(_past, before=before)):
        count, owed = await reader.read(partial(_size, number=number))
        # Where most of it is owed, what is not goes row by row; of one in which nothing is left
        # the room is given back, for files keep their holes.
        if owed * 2 <= count and not await lane.do(partial(_empty, number=number)):
            return 0
        await lane.do(partial(_remove, number=number))
        if owed * 2 < count:  # else there may be more to do row by row
            return count - owed
    return 0


async def _past(connection: Sql, *, before: int) -> Sequence[int]:
    """Return the partitions of which everything is older than a moment, the oldest first."""
    return [row[0] for row in await connection.fetch(_PAST, before)]


async def _size(connection: Sql, *, number: int) -> tuple[int, int]:
    """Return how many bodies a partition has, and of how many something is owed."""
    count = await connection.fetchval(f"SELECT count(*) FROM content_{number}")  # noqa: S608  # a number
    return count, len(await connection.fetch(_OWED, *_range(number)))


async def _empty(tx: Transaction, *, number: int) -> bool:
    """Drop all that a partition holds but what is owed; return whether that could be done now."""

    async def empty() -> None:
        await tx.sql.execute(f"LOCK TABLE content_{number} IN ACCESS EXCLUSIVE MODE")
        owed = [row[0] for row in await tx.sql.fetch(_OWED, *_range(number))]
        if not owed:
            await tx.sql.execute(f"TRUNCATE content_{number}")
            return
        await tx.sql.execute(f"CREATE TABLE content_owed (LIKE content_{number})")
        await tx.sql.execute(
            f"INSERT INTO content_owed SELECT * FROM content_{number}"  # noqa: S608  # a number
            " WHERE notification_seq = ANY($1::bigint[])",
            owed,
        )
        await tx.sql.execute(
            f"TRUNCATE content_{number};"  # noqa: S608  # a number
            f" INSERT INTO content_{number} SELECT * FROM content_owed; DROP TABLE content_owed"
        )

    return await _if_free(tx, empty)


async def _remove(tx: Transaction, *, number: int) -> bool:
    """Take away a partition in which little is left; return whether that could be done now."""
    size_bytes = await tx.sql.fetchval(f"SELECT pg_total_relation_size('content_{number}')")
    if size_bytes > FEW_BYTES:
        return False

    async def remove() -> None:
        await tx.sql.execute(
            "LOCK TABLE ONLY content IN ACCESS EXCLUSIVE MODE;"  # noqa: S608  # a number
            f" ALTER TABLE content DETACH PARTITION content_{number};"
            f" INSERT INTO content SELECT * FROM content_{number}; DROP TABLE content_{number}"
        )

    return await _if_free(tx, remove)


async def _if_free(tx: Transaction, work: Callable[[], Awaitable[None]]) -> bool:
    """Do some work if it need not wait long for its locks; return whether it was done.

    Vacuuming may be in the way too: of a table, or of what it keeps beside itself.
    """
    await tx.sql.execute("SAVEPOINT unlocked; SET LOCAL lock_timeout = '500ms'")
    try:
        await work()
    except asyncpg.LockNotAvailableError:
        await tx.sql.execute("ROLLBACK TO SAVEPOINT unlocked")
        return False
    return True


def _range(number: int) -> tuple[int, int]:
    return number * WIDTH, (number + 1) * WIDTH
