"""The floor: the least an honest program can do for the same promise of durability.

Receive, verify, one durable batch insert (the notification and a delivery for each listener),
answer 200, POST to every listener, mark them done in batches. No rules, no order, no retries, no
log.
Its sender is Postroom's own, so that the comparison is about the road and not about HTTP clients.

Run as `python -m benchmarks.floor DATABASE KEY URL ...`; DATABASE is a file of SQLite's, or where a
PostgreSQL is (`floor_postgres.py`).
"""

import asyncio
import base64
import hashlib
import hmac
import queue
import sqlite3
import sys
import threading
import time
from typing import Any, Protocol

import uvicorn
import uvloop

from postroom.clock import SystemClock
from postroom.delivery.curl import CurlSender
from postroom.model import Request

CALLS_IN_FLIGHT = 48
"""Three listeners times Postroom's default concurrency of 16."""
SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE notification (id INTEGER PRIMARY KEY, received_at INTEGER, body BLOB);
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY, notification_id INTEGER, listener INTEGER, done_at INTEGER, status INTEGER
);
"""

Row = tuple[Any, ...]


class Writer(Protocol):
    """Where the floor keeps things: what has queued up is one commit."""

    async def keep(self, number: int, moment: int, body: bytes) -> None:
        """Write a notification and its deliveries; return once they are on disk."""

    def mark(self, moment: int, status: int | None, delivery: int) -> None:
        """Write, with whatever is committed next, that a delivery is done."""


class SqliteWriter:
    """One thread, one connection: everything queued goes into one transaction."""

    def __init__(self, path: str, listeners: int) -> None:
        self._path = path
        self._listeners = listeners
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[tuple[Row, asyncio.Future[None] | None]] = (
            queue.SimpleQueue()
        )
        threading.Thread(target=self._run, daemon=True).start()

    async def keep(self, number: int, moment: int, body: bytes) -> None:
        """Write a notification and its deliveries; return once they are on disk."""
        written = self._loop.create_future()
        self._queue.put(((number, moment, body), written))
        await written

    def mark(self, moment: int, status: int | None, delivery: int) -> None:
        """Write, with whatever is committed next, that a delivery is done."""
        self._queue.put(((moment, status, delivery), None))

    def _run(self) -> None:
        database = sqlite3.connect(self._path, isolation_level=None)
        database.executescript(SCHEMA)
        while True:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            kept = [row for row, _ in batch if isinstance(row[2], bytes)]
            done = [row for row, _ in batch if not isinstance(row[2], bytes)]
            owed = [
                (row[0] * self._listeners + n, row[0], n)
                for row in kept
                for n in range(self._listeners)
            ]
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO notification VALUES (?, ?, ?)", kept)
            database.executemany(
                "INSERT INTO delivery (id, notification_id, listener) VALUES (?, ?, ?)", owed
            )
            database.executemany("UPDATE delivery SET done_at = ?, status = ? WHERE id = ?", done)
            database.execute("COMMIT")
            if waiting := [written for _, written in batch if written is not None]:
                self._loop.call_soon_threadsafe(self._tell, waiting)

    @staticmethod
    def _tell(futures: list["asyncio.Future[None]"]) -> None:
        for future in futures:
            if not future.done():
                future.set_result(None)


class Floor:
    """The ASGI application, and the calls it owes."""

    def __init__(self, writer: Writer, key: str, urls: list[str]) -> None:
        self._writer = writer
        self._key = key.encode()
        self._urls = urls
        self._sender = CurlSender(allow_private_addresses=True, clock=SystemClock())
        self._number = 0
        self._owed: asyncio.Queue[tuple[int, str, bytes]] = asyncio.Queue()
        self._workers = [asyncio.create_task(self._work()) for _ in range(CALLS_IN_FLIGHT)]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take one message."""
        parts = []
        more = True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"".join(parts)
        given = dict(scope["headers"]).get(b"x-docusign-signature-1", b"")
        if not hmac.compare_digest(given, self._signature(body)):
            await self._answer(send, 401)
            return
        self._number = number = self._number + 1
        await self._writer.keep(number, time.time_ns() // 1000, body)
        await self._answer(send, 200)
        for listener, url in enumerate(self._urls):
            self._owed.put_nowait((number * len(self._urls) + listener, url, body))

    async def _work(self) -> None:
        while True:
            delivery, url, body = await self._owed.get()
            outcome = await self._sender.send(
                Request(
                    url=url,
                    headers=(
                        ("Content-Type", "application/json"),
                        ("X-Authorization-Digest", "HMACSHA256"),
                        ("X-DocuSign-Signature-1", self._signature(body).decode()),
                    ),
                    body=body,
                    timeout_seconds=100,
                    connect_timeout_seconds=10,
                )
            )
            if outcome.status != 200:
                sys.stderr.write(f"not delivered: {outcome.status} {outcome.detail}\n")
            self._writer.mark(time.time_ns() // 1000, outcome.status, delivery)

    def _signature(self, body: bytes) -> bytes:
        return base64.b64encode(hmac.digest(self._key, body, hashlib.sha256))

    @staticmethod
    async def _answer(send: Any, status: int) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-length", b"0")],
            }
        )
        await send({"type": "http.response.body", "body": b""})


async def main() -> None:
    """Serve until killed."""
    database, key, *urls = sys.argv[1:]
    config = uvicorn.Config(
        Floor(await _writer(database, len(urls)), key, urls),
        host="127.0.0.1",
        port=0,
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        backlog=2048,
    )
    listening = config.bind_socket()
    listening.listen(config.backlog)
    print(f"The floor listens on http://127.0.0.1:{listening.getsockname()[1]}")
    await uvicorn.Server(config).serve(sockets=[listening])


async def _writer(database: str, listeners: int) -> Writer:
    if not database.startswith("postgresql://"):
        return SqliteWriter(database, listeners)
    from benchmarks.floor_postgres import PostgresWriter  # noqa: PLC0415  # its driver is an extra

    return await PostgresWriter.open(database, listeners)


if __name__ == "__main__":
    uvloop.run(main())
