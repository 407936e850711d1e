"""What the embedded store costs: durable records, settles and leases at 64 in flight.

Run it with `python benchmarks/store.py [EVENTS]`. CPU is the whole process's, so it includes the
event loop and the futures that carry the calls. 6 KB bodies, three deliveries each, born leased,
four events an envelope.
"""

import asyncio
import resource
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

from postroom.model import Done, Lease, Match, Notification, Outcome, OwedState
from postroom.storage.port import Recording, Settlement, Store
from postroom.storage.sqlite import open_store

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


async def in_flight(items: Iterable[T], act: Callable[[T], Awaitable[None]]) -> None:
    """Perform `act` on every item, 64 at a time."""
    queue = iter(items)

    async def take() -> None:
        for item in queue:
            await act(item)

    await asyncio.gather(*(take() for _ in range(IN_FLIGHT)))


async def measure(name: str, items: list[T], act: Callable[[T], Awaitable[None]]) -> None:
    """Print rate, CPU and latency of `act` over the items."""
    waits: list[float] = []

    async def timed(item: T) -> None:
        start = time.perf_counter()
        await act(item)
        waits.append(time.perf_counter() - start)

    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await in_flight(items, timed)
    elapsed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    p99 = statistics.quantiles(waits, n=100)[98]
    print(
        f"{name:<34} {len(items) / elapsed:>9,.0f}/s   {cpu / len(items) * 1e6:6.1f} us CPU each"
        f"   p50 {statistics.median(waits) * 1e3:6.2f} ms   p99 {p99 * 1e3:6.2f} ms"
    )


async def road(store: Store, events: int) -> None:
    """Record with every delivery born leased, then settle every delivery."""
    leases: list[Lease] = []

    async def record(recording: Recording) -> None:
        leases.extend((await store.record(recording)).leases)

    work = recordings(events, lease_for=frozenset(LISTENERS))
    await measure("record, 3 deliveries born leased", work, record)

    async def settle(lease: Lease) -> None:
        now = START + 2 * MINUTE
        settled = await store.settle(
            Settlement(
                lease=lease,
                outcome=Outcome(status=200, started_at=now, duration_us=900),
                verdict=Done(),
                settled_at=now,
                wants_next=True,
                next_token=7,
                next_leased_until=now + MINUTE,
            )
        )
        assert settled.was_ours
        if settled.next is not None:
            following.append(settled.next)

    following: list[Lease] = []
    count = len(leases)
    await measure(f"settle ({count:,} heads of lines)", leases, settle)
    while following:
        leases, following = following, []
        await measure(f"settle ({len(leases):,} led on by it)", leases, settle)


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


async def main(events: int) -> None:
    """Measure on a fresh file."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = await open_store(Path(folder) / "bench.db")
        await road(store, events)
        await backlog(store, events // 2)
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
