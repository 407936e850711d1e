"""The floor on PostgreSQL: one connection; what has queued up is one statement and one commit."""

import asyncio
from typing import Any, Self

import asyncpg

SCHEMA = """
CREATE TABLE notification (id bigint PRIMARY KEY, received_at bigint, body bytea);
CREATE TABLE delivery (
  id bigint PRIMARY KEY, notification_id bigint, listener int, done_at bigint, status int
);
"""
BATCH = """
WITH kept AS (
  INSERT INTO notification SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
), owed AS (
  INSERT INTO delivery (id, notification_id, listener)
  SELECT number * $4::bigint + listener, number, listener
  FROM unnest($1::bigint[]) AS number, generate_series(0, $4::bigint - 1) AS listener
)
UPDATE delivery SET done_at = done.moment, status = done.status
FROM unnest($5::bigint[], $6::int[], $7::bigint[]) AS done (moment, status, id)
WHERE delivery.id = done.id
"""
"""What is done was owed in an earlier commit."""
PLANS = {
    # What is done is found by its key, however young the table.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "synchronous_commit": "on",
}

Kept = tuple[int, int, bytes]
Done = tuple[int, int | None, int]


class PostgresWriter:
    """One connection: everything queued goes into one statement, which is its own transaction."""

    def __init__(self, connection: Any, statement: Any, listeners: int) -> None:
        self._connection = connection
        self._statement = statement
        self._listeners = listeners
        self._kept: list[Kept] = []
        self._done: list[Done] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._something = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    @classmethod
    async def open(cls, dsn: str, listeners: int) -> Self:
        """Connect, and make the tables."""
        connection = await asyncpg.connect(dsn, server_settings=PLANS)
        await connection.execute(SCHEMA)
        return cls(connection, await connection.prepare(BATCH), listeners)

    async def keep(self, number: int, moment: int, body: bytes) -> None:
        """Write a notification and its deliveries; return once they are on disk."""
        written = asyncio.get_running_loop().create_future()
        self._kept.append((number, moment, body))
        self._waiting.append(written)
        self._something.set()
        await written

    def mark(self, moment: int, status: int | None, delivery: int) -> None:
        """Write, with whatever is committed next, that a delivery is done."""
        self._done.append((moment, status, delivery))
        self._something.set()

    async def _run(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            kept, done, waiting = self._kept, self._done, self._waiting
            self._kept, self._done, self._waiting = [], [], []
            await self._statement.fetch(
                *(list(column) for column in _columns(kept)),
                self._listeners,
                *(list(column) for column in _columns(done)),
            )
            for written in waiting:
                if not written.done():
                    written.set_result(None)


def _columns(rows: list[Any]) -> Any:
    """Return three columns, empty where there is no row."""
    return zip(*rows, strict=True) if rows else ((), (), ())
