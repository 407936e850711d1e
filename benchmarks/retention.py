"""What retention leaves behind: sizes after many days of filling and forgetting, and who waits.

Run it with `python -m benchmarks.retention [sqlite] [postgres] [--events N] [--days N] [--save]`.
Every simulated day `N` everyday messages of 6 KB come in, four to an envelope, each owed to three
listeners and delivered; one delivery in 500 is given up and replayed on the next day. Bodies are
kept for ten days, rows for twenty, and upkeep's work is done at the end of each day: from the
twentieth day on the store should not grow. A day takes seconds here: what PostgreSQL vacuums by
itself within a day is vacuumed at its end. Then a partition of `--megabytes` is forgotten while 200
messages a second arrive.
"""

import argparse
import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import msgspec
from benchmarks import machine, messages
from benchmarks.retention_report import (
    BODY_DAYS,
    PARTS,
    ROW_DAYS,
    Sizes,
    Waits,
    introduced,
    megabytes,
    told,
)
from benchmarks.store import in_flight
from tests.contract import postgres
from tests.contract.store_cast import AUDIT, put

from postroom.clock import SECOND
from postroom.model import (
    DeliveryState,
    Done,
    GiveUp,
    Lease,
    Match,
    Notification,
    Outcome,
    OwedState,
    Replay,
)
from postroom.storage.port import DeliveryQuery, Ordered, Recording, Settlement, Store
from postroom.storage.postgres import open_store as open_postgres
from postroom.storage.sqlite import open_store as open_sqlite
from postroom.workers.retention import BATCH, DAY, retain

RESULTS = Path(__file__).parent / "results"
START = 1_770_000_000 * SECOND
LISTENERS = (1, 2, 3)
MATCHES = tuple(Match(listener_id=one, state=OwedState.DUE) for one in LISTENERS)
SELDOM = 500
"""One delivery in so many is given up."""
ANSWER = Outcome(
    status=200,
    started_at=START,
    duration_us=3_000,
    response_headers=(("content-type", "text/plain"), ("server", "nginx"), ("content-length", "2")),
    response_body=b"ok",
)


class Place(Protocol):
    """A database to be looked at from beside the store."""

    store: Store

    async def sizes(self) -> tuple[dict[str, int], dict[str, int], int]:
        """Return bytes and rows by table, and the bytes of the whole database."""
        ...

    async def end_the_day(self) -> None:
        """Let the database do what it would have done by itself."""
        ...


class SqlitePlace:
    """A file."""

    def __init__(self, store: Store, path: Path) -> None:
        self.store, self._path = store, path

    async def sizes(self) -> tuple[dict[str, int], dict[str, int], int]:
        """Read each page's owner."""
        with closing(sqlite3.connect(self._path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            bytes_of = dict(
                connection.execute(
                    "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema s USING (name)"
                    " GROUP BY tbl_name"
                )
            )
            rows = {
                one: connection.execute(f"SELECT count(*) FROM {one}").fetchone()[0]  # noqa: S608  # tables of ours
                for one in PARTS
            }
        return bytes_of, rows, self._path.stat().st_size

    async def end_the_day(self) -> None:
        """Do nothing: the file has no work of its own."""


class PostgresPlace:
    """A database of a server."""

    def __init__(self, store: Store, dsn: str) -> None:
        self.store, self._dsn = store, dsn

    async def sizes(self) -> tuple[dict[str, int], dict[str, int], int]:
        """Ask the server; partitions count as the table they are of."""
        connection = await asyncpg.connect(self._dsn)
        bytes_of = dict(
            await connection.fetch(
                "SELECT regexp_replace(relname, '_[0-9a-z]+$', ''),"
                " sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r'"
                " AND relnamespace = 'public'::regnamespace GROUP BY 1"
            )
        )
        rows = {one: await connection.fetchval(f"SELECT count(*) FROM {one}") for one in PARTS}  # noqa: S608  # tables of ours
        total = await connection.fetchval("SELECT pg_database_size(current_database())")
        await connection.close()
        return bytes_of, rows, total

    async def end_the_day(self) -> None:
        """Vacuum as the server does by itself once 2 % are gone; each day 10 % are."""
        connection = await asyncpg.connect(self._dsn)
        await connection.execute("VACUUM")
        await connection.close()


@asynccontextmanager
async def fresh(kind: str) -> AsyncIterator[Place]:
    """Open a store in which nothing was ever written."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            path = Path(folder) / "bench.db"
            store: Store = await open_sqlite(path)
            yield SqlitePlace(store, path)
            await store.close()
        return
    server = postgres.server(shared_buffers="512MB", max_wal_size="4GB", autovacuum_naptime="10s")
    try:
        dsn = await server.bare_database()
        store = await open_postgres(dsn)
        yield PostgresPlace(store, dsn)
        await store.close()
    finally:
        postgres.stop_server()


# --- days -------------------------------------------------------------------------------------


def recording(number: int, received_at: int, body: bytes) -> Recording:
    """Return a message that is owed to everybody and born leased."""
    return Recording(
        notification=Notification(
            id=f"evt_{number:032x}",
            account_id=messages.ACCOUNT,
            envelope_id=f"{messages.PREFIX}{number // 4:012d}",
            event="envelope-completed",
            recipient_id=None,
            sender_id=messages.SENDER,
            occurred_at=received_at,
            received_at=received_at,
            configuration_id="12345",
            body=body,
        ),
        matches=MATCHES,
        is_unclaimed=False,
        registry_revision=1,
        lease_for=frozenset(LISTENERS),
        token=number + 1,
        leased_until=received_at + 60 * SECOND,
    )


async def settle(store: Store, lease: Lease, at: int) -> None:
    """Settle a delivery and all that it leads on to."""
    left: Lease | None = lease
    while left is not None:
        is_given_up = left.delivery_id % SELDOM == 0 and left.replay is None
        settled = await store.settle(
            Settlement(
                lease=left,
                outcome=ANSWER,
                verdict=GiveUp(reason="the listener answered 400") if is_given_up else Done(),
                settled_at=at,
                wants_next=True,
                next_token=left.token,
                next_leased_until=at + 60 * SECOND,
            )
        )
        left = settled.next


async def fill(store: Store, day: int, events: int) -> None:
    """Let a day's messages come in and be delivered."""
    step = DAY // events
    numbers = range(day * events, (day + 1) * events)
    bodies = messages.bodies(numbers[0], events)
    # Later than whatever it leads on to, so that nothing is left due.
    evening = START + (day + 1) * DAY

    async def one(number: int) -> None:
        at = START + day * DAY + (number - numbers[0]) * step
        recorded = await store.record(recording(number, at, bodies[number - numbers[0]]))
        await asyncio.gather(*(settle(store, lease, evening) for lease in recorded.leases))

    await in_flight(64, list(numbers), one)


async def again(store: Store, now: int) -> None:
    """Replay what was given up and deliver it."""
    query = DeliveryQuery(states=(DeliveryState.GIVEN_UP,), not_superseded=True, limit=10_000)
    orders = [Ordered(delivery_id=one.id, due_at=now) for one in await store.deliveries(query)]
    await store.replay(orders, Replay(id="rpl_1", reason="mended"), now=now, audit=None)
    for listener_id in LISTENERS:
        while leases := await store.lease(
            listener_id, limit=64, now=now, leased_until=now + 60 * SECOND, token=1
        ):
            await asyncio.gather(*(settle(store, lease, now) for lease in leases))


async def until_done(forget: Callable[[int, int], Awaitable[int]], before: int) -> None:
    """Forget until nothing is left to forget."""
    while await forget(before, BATCH):
        pass


async def days(place: Place, count: int, events: int) -> list[Sizes]:
    """Live through some days; return the sizes at the end of each."""
    await place.store.change([put("erp"), put("crm"), put("archive")], AUDIT)
    found = []
    for day in range(count):
        now = START + (day + 1) * DAY
        await again(place.store, now - DAY)
        await fill(place.store, day, events)
        await retain(place.store, now, body_days=BODY_DAYS, row_days=ROW_DAYS)
        await place.end_the_day()
        bytes_of, rows, total = await place.sizes()
        parts = dict.fromkeys(PARTS.values(), 0)
        for table, part in PARTS.items():
            parts[part] += bytes_of[table]
        sizes = Sizes(
            day + 1, rows["content"], rows["notification"], rows["delivery"], parts, total
        )
        print(
            f"day {sizes.day:>3}: {sizes.bodies:>7,} bodies, {sizes.notifications:>7,}"
            f" notifications; {megabytes(parts['bodies']):>7} +"
            f" {megabytes(parts['notifications']):>6} + {megabytes(parts['deliveries']):>6} MB,"
            f" {megabytes(total):>7} MB in all",
            flush=True,
        )
        found.append(sizes)
    return found


# --- who waits --------------------------------------------------------------------------------


async def steady(store: Store, first: int, done: asyncio.Event, name: str) -> Waits:
    """Record 200 messages a second and settle them, until told to end."""
    loop = asyncio.get_running_loop()
    waits = Waits(name, [], [])
    began = loop.time()

    async def one(number: int) -> None:
        at = START + 1000 * DAY + number
        asked = time.perf_counter()
        recorded = await store.record(recording(number, at, messages.bodies(number, 1)[0]))
        kept = time.perf_counter()
        await asyncio.gather(*(settle(store, lease, at) for lease in recorded.leases))
        waits.record.append((kept - asked) * 1000)
        if recorded.leases:
            waits.settle.append((time.perf_counter() - kept) * 1000)

    async with asyncio.TaskGroup() as tasks:
        number = 0
        while not done.is_set():
            await asyncio.sleep(began + number / 200 - loop.time())
            tasks.create_task(one(first + number))
            number += 1
    return waits


async def drop(place: Place, megabytes_wanted: int) -> tuple[list[Waits], int, float]:
    """Forget very much at once under load; return who waited, how much it was, and how long."""
    store = place.store
    events = megabytes_wanted * 1_000_000 // 6_000
    await fill_at_random(store, events)
    await place.end_the_day()
    bytes_of, _, _ = await place.sizes()
    now = START + 1000 * DAY
    await store.begin_partition(now, DAY)
    waits: list[Waits] = []
    took = 0.0
    for name in ("nothing is forgotten", "bodies are forgotten"):
        done = asyncio.Event()
        first = 10**9 + len(waits) * 10**6 * 4
        load = asyncio.create_task(steady(store, first, done, name))
        await asyncio.sleep(1)
        began = time.perf_counter()
        if waits:
            await until_done(store.forget_bodies, now - DAY)
        else:
            await asyncio.sleep(4)
        took = time.perf_counter() - began
        await asyncio.sleep(1)
        done.set()
        waits.append(await load)
    return waits, bytes_of["content"], took


async def fill_at_random(store: Store, events: int) -> None:
    """Keep messages that cannot be compressed, owed to nobody."""
    first = 5 * 10**8

    async def one(number: int) -> None:
        kept = recording(number, START + number - first, os.urandom(6_000))
        kept = msgspec.structs.replace(kept, matches=(), is_unclaimed=True)
        await store.record(kept)

    await in_flight(256, list(range(first, first + events)), one)


async def main(kinds: list[str], arguments: argparse.Namespace) -> None:
    """Measure, print, and keep where asked."""
    lines = [
        "# Retention, measured",
        "",
        introduced(arguments),
        "",
    ]
    for kind in kinds:
        async with fresh(kind) as place:
            found = await days(place, arguments.days, arguments.events)
        async with fresh(kind) as place:
            dropped = await drop(place, arguments.megabytes)
        lines += told({"sqlite": "SQLite", "postgres": "PostgreSQL"}[kind], found, dropped)
    described: dict[str, Any] = machine.describe(Path.cwd())
    lines += ["| machine | |", "|---|---|", *(f"| {a} | {b} |" for a, b in described.items())]
    print("\n".join(lines))
    if arguments.save:
        (RESULTS / "retention.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kinds", nargs="*", choices=["sqlite", "postgres", []], default=[])
    parser.add_argument("--events", type=int, default=1_000, help="messages a day")
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--megabytes", type=int, default=200, help="bodies forgotten at once")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/retention.md")
    asked = parser.parse_args()
    asyncio.run(main(asked.kinds or ["sqlite", "postgres"], asked))
