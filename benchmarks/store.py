"""What a store costs: durable records, settles and leases at 64 in flight.

Run it with `python -m benchmarks.store [sqlite|postgres] [EVENTS]`. The CPU is that of the whole
process, so it includes the event loop and the futures that carry the calls; that of PostgreSQL's
processes, which are started from the wheel, is told apart. 6 KB bodies, three deliveries each,
born leased, four events an envelope.
"""

import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from tests.contract import postgres

from postroom.model import Done, Lease, Match, Notification, Outcome, OwedState
from postroom.storage.port import Recording, Settlement, Store
from postroom.storage.postgres import open_store as open_postgres
from postroom.storage.sqlite import open_store as open_sqlite

IN_FLIGHT = 64
LISTENERS = (1, 2, 3)
START = 1_770_000_000_000_000
MINUTE = 60_000_000
BODY = b'{"event":"envelope-completed","padding":"' + b"x" * 6000 + b'"}'
MATCHES = tuple(Match(listener_id=one, state=OwedState.DUE) for one in LISTENERS)

T = TypeVar("T")


def recordings(count: int, *, lease_for: frozenset[int]) -> list[Recording]:
    """Return the workload: `count` events, four to an envelope."""
    made = []
    envelope_ids = [str(uuid.uuid4()) for _ in range(count // 4 + 1)]
    for number in range(count):
        notification = Notification(
            id=f"evt_{uuid.uuid4().hex}",
            account_id="a1000000-0000-4000-8000-000000000001",
            envelope_id=envelope_ids[number // 4],
            event="envelope-completed",
            recipient_id=None,
            sender_id="5f0c1f3e-0000-4000-8000-000000000567",
            occurred_at=START + number,
            received_at=START + number,
            configuration_id="12345",
            body=BODY,
        )
        made.append(
            Recording(
                notification=notification,
                matches=MATCHES,
                is_unclaimed=False,
                registry_revision=0,
                lease_for=lease_for,
                token=number + 1,
                leased_until=START + MINUTE,
            )
        )
    return made


async def in_flight(count: int, items: Iterable[T], act: Callable[[T], Awaitable[None]]) -> None:
    """Perform `act` on every item, `count` at a time."""
    queue = iter(items)

    async def take() -> None:
        for item in queue:
            await act(item)

    await asyncio.gather(*(take() for _ in range(count)))


async def measure(
    name: str, items: list[T], act: Callable[[T], Awaitable[None]], at_once: int = IN_FLIGHT
) -> None:
    """Print rate, CPU and latency of `act` over the items."""
    waits: list[float] = []

    async def timed(item: T) -> None:
        start = time.perf_counter()
        await act(item)
        waits.append(time.perf_counter() - start)

    meter, start = Meter(), time.perf_counter()
    await in_flight(at_once, items, timed)
    report(name, waits, meter, elapsed=time.perf_counter() - start)


class Meter:
    """The CPU time that this process, and the server, use from now on."""

    server_pid: int | None = None
    """The first process of PostgreSQL, where there is one."""

    def __init__(self) -> None:
        self._process, self._server = self._cpu_seconds()

    def seconds(self) -> tuple[float, float]:
        """Return what was used so far, by this process and by the server."""
        process, server = self._cpu_seconds()
        return process - self._process, server - self._server

    def _cpu_seconds(self) -> tuple[float, float]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        server = 0 if self.server_pid is None else server_ticks(self.server_pid)
        return used.ru_utime + used.ru_stime, server / os.sysconf("SC_CLK_TCK")


def server_ticks(pid: int) -> int:
    """Return the CPU time of a server's first process and its children, ended ones included."""
    first = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(map(int, first[11:15]))
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        ticks += sum(
            map(int, Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13])
        )
    return ticks


def report(name: str, waits: list[float], meter: Meter, *, elapsed: float) -> None:
    """Print one line."""
    process, server = meter.seconds()
    p99 = statistics.quantiles(waits, n=100)[98]
    of_server = f" + {server / len(waits) * 1e6:6.1f} server" if meter.server_pid else ""
    print(
        f"{name:<34} {len(waits) / elapsed:>7,.0f}/s  {process / len(waits) * 1e6:6.1f}{of_server}"
        f" us CPU each  p50 {statistics.median(waits) * 1e3:6.2f}  p99 {p99 * 1e3:6.2f} ms"
    )


def done(lease: Lease) -> Settlement:
    """Return the settlement of a lease that went well, asking for the next in line."""
    now = START + 2 * MINUTE
    return Settlement(
        lease=lease,
        outcome=Outcome(status=200, started_at=now, duration_us=900),
        verdict=Done(),
        settled_at=now,
        wants_next=True,
        next_token=7,
        next_leased_until=now + MINUTE,
    )


async def road(store: Store, events: int) -> None:
    """Record with every delivery born leased, then settle every delivery."""
    leases: list[Lease] = []

    async def record(recording: Recording) -> None:
        leases.extend((await store.record(recording)).leases)

    work = recordings(events, lease_for=frozenset(LISTENERS))
    await measure("record, 3 deliveries born leased", work, record)
    alone = recordings(events // 10, lease_for=frozenset(LISTENERS))
    await measure("the same, one in flight", alone, record, at_once=1)

    async def settle(lease: Lease) -> None:
        settled = await store.settle(done(lease))
        assert settled.was_ours
        if settled.next is not None:
            following.append(settled.next)

    following: list[Lease] = []
    count = len(leases)
    await measure(f"settle ({count:,} heads of lines)", leases, settle)
    while following:
        leases, following = following, []
        await measure(f"settle ({len(leases):,} led on by it)", leases, settle)


async def paced(store: Store) -> None:
    """Record 200 events a second, each settled at once three times: what a quiet day feels like."""
    loop = asyncio.get_running_loop()
    waits: list[float] = []

    async def one(recording: Recording) -> None:
        start = time.perf_counter()
        recorded = await store.record(recording)
        waits.append(time.perf_counter() - start)
        await asyncio.gather(*(store.settle(done(lease)) for lease in recorded.leases))

    meter = Meter()
    async with asyncio.TaskGroup() as tasks:
        begun = loop.time()
        for number, recording in enumerate(recordings(600, lease_for=frozenset(LISTENERS))):
            await asyncio.sleep(begun + number / 200 - loop.time())
            tasks.create_task(one(recording))
    report("record at 200 a second, settled", waits, meter, elapsed=3.0)


async def backlog(store: Store, events: int) -> None:
    """Record without leases, then lease the backlog by 16."""
    work = recordings(events, lease_for=frozenset())

    async def record(recording: Recording) -> None:
        await store.record(recording)

    await measure("record, 3 deliveries left due", work, record)
    taken = 0

    async def lease(token: int) -> None:
        nonlocal taken
        leases = await store.lease(
            token % 3 + 1,
            limit=16,
            now=START + 3 * MINUTE,
            leased_until=START + 4 * MINUTE,
            token=token,
        )
        taken += len(leases)

    await measure("lease, 16 at a time (each call)", list(range(events * 3 // 4 // 16)), lease)
    start = time.perf_counter()
    counts = await store.counts()
    open_now = sum(one.due + one.waiting for one in counts.backlog)
    print(
        f"leased {taken:,}; counts() over {open_now:,} open in {time.perf_counter() - start:.3f} s"
    )


@asynccontextmanager
async def fresh(kind: str) -> AsyncIterator[Store]:
    """Open a store in which nothing was ever written."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            store: Store = await open_sqlite(Path(folder) / "bench.db")
            yield store
            await store.close()
        return
    # As one sets a server up that has a machine to itself.
    server = postgres.server(shared_buffers="512MB", max_wal_size="4GB", autovacuum_naptime="10s")
    Meter.server_pid = server.pid
    try:
        store = await open_postgres(await server.bare_database())
        yield store
        await store.close()
    finally:
        postgres.stop_server()


async def main(kind: str, events: int) -> None:
    """Measure on a fresh store."""
    async with fresh(kind) as store:
        await road(store, events)
        await paced(store)
        await backlog(store, events // 2)


if __name__ == "__main__":
    kinds = [one for one in sys.argv[1:] if not one.isdigit()]
    counts = [int(one) for one in sys.argv[1:] if one.isdigit()]
    asyncio.run(main(kinds[0] if kinds else "sqlite", counts[0] if counts else 20_000))
