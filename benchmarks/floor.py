"""The floor: the least an honest program can do for the same promise of durability.

Receive, verify, one durable batch insert (the notification and its three deliveries), answer 200,
POST to three listeners, mark them done in batches. No rules, no order, no retries, no log.
Run as `python floor.py DATABASE PORT KEY URL URL URL`.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import queue
import socket
import sqlite3
import sys
import threading
import time
from typing import Any

import uvicorn
import uvloop

from postroom.clock import SystemClock
from postroom.delivery.curl import CurlSender
from postroom.model import Request

SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE notification (id INTEGER PRIMARY KEY, received_at INTEGER, body BLOB);
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY, notification_id INTEGER, listener INTEGER, done_at INTEGER, status INTEGER
);
"""


class Writer:
    """One thread, one connection: everything queued goes into one transaction."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        self._path = path
        self._loop = loop
        self._queue: queue.SimpleQueue[tuple[str, tuple[Any, ...], asyncio.Future[None]]] = (
            queue.SimpleQueue()
        )
        threading.Thread(target=self._run, daemon=True).start()

    async def write(self, kind: str, *row: Any) -> None:
        """Write a row of a kind; returns once it is on disk."""
        written = self._loop.create_future()
        self._queue.put((kind, row, written))
        await written

    def _run(self) -> None:
        database = sqlite3.connect(self._path, isolation_level=None)
        database.executescript(SCHEMA)
        number = 0
        while True:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            database.execute("BEGIN IMMEDIATE")
            for kind, row, _ in batch:
                if kind == "done":
                    database.execute("UPDATE delivery SET done_at=?, status=? WHERE id=?", row)
                    continue
                number += 1
                database.execute("INSERT INTO notification VALUES (?,?,?)", (number, *row))
                database.executemany(
                    "INSERT INTO delivery (id, notification_id, listener) VALUES (?,?,?)",
                    [(number * 3 + listener, number, listener) for listener in range(3)],
                )
            database.execute("COMMIT")
            self._loop.call_soon_threadsafe(self._tell, [written for _, _, written in batch])

    @staticmethod
    def _tell(futures: list["asyncio.Future[None]"]) -> None:
        for future in futures:
            future.set_result(None)


class Floor:
    """The ASGI application."""

    def __init__(self, writer: Writer, key: str, urls: list[str]) -> None:
        self._writer = writer
        self._key = key.encode()
        self._urls = urls
        self._sender = CurlSender(allow_private_addresses=True, clock=SystemClock())
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()

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
        signed = base64.b64encode(hmac.digest(self._key, body, hashlib.sha256))
        if not hmac.compare_digest(given, signed) or "data" not in json.loads(body):
            await self._answer(send, 401)
            return
        self._number += 1
        number = self._number
        await self._writer.write("record", time.time_ns() // 1000, body)
        await self._answer(send, 200)
        for listener, url in enumerate(self._urls):
            task = asyncio.create_task(self._deliver(number * 3 + listener, url, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: int, url: str, body: bytes) -> None:
        signed = base64.b64encode(hmac.digest(self._key, body, hashlib.sha256)).decode()
        outcome = await self._sender.send(
            Request(
                url=url,
                headers=(
                    ("Content-Type", "application/json"),
                    ("X-Authorization-Digest", "HMACSHA256"),
                    ("X-DocuSign-Signature-1", signed),
                ),
                body=body,
                timeout_seconds=100,
                connect_timeout_seconds=10,
            )
        )
        await self._writer.write("done", time.time_ns() // 1000, outcome.status, delivery)

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
    """Serve until ended."""
    path, port, key, *urls = sys.argv[1:]
    writer = Writer(path, asyncio.get_running_loop())
    config = uvicorn.Config(
        Floor(writer, key, urls),
        host="127.0.0.1",
        port=int(port),
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        backlog=2048,
    )
    listening = socket.create_server(("127.0.0.1", int(port)), backlog=2048)
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    uvloop.run(main())
