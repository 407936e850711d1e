"""What an event and a delivery write in PostgreSQL's log, and so to every standby and archive.

Run it with `python -m benchmarks.store_log [EVENTS]`. Everyday messages of 6 KB, each of an
envelope of its own; one, three and ten deliveries of each, kept and settled at the first attempt.
The figures do not depend on the machine or on what else it does. Between two checkpoints: after
each, PostgreSQL logs every page that changes once as a whole.
"""

import asyncio
import sys

import asyncpg
import msgspec
from benchmarks import messages, store
from tests.contract import postgres

from postroom.model import Lease, Match, OwedState
from postroom.storage.port import Recording
from postroom.storage.postgres import open_store

_LOG = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"


def recordings(events: int, deliveries: int) -> list[Recording]:
    """Return everyday messages, owed to so many listeners each and leased at once."""
    listeners = range(1, deliveries + 1)
    matches = tuple(Match(listener_id=one, state=OwedState.DUE) for one in listeners)
    made = store.recordings(events, lease_for=frozenset(listeners))
    return [
        msgspec.structs.replace(
            one,
            matches=matches,
            notification=msgspec.structs.replace(
                one.notification, body=body, envelope_id=f"envelope-{number}"
            ),
        )
        for number, (one, body) in enumerate(zip(made, messages.bodies(1, events), strict=True))
    ]


async def measure(events: int, deliveries: int) -> None:
    """Print what one event with its deliveries leaves in the log."""
    server = postgres.server(max_wal_size="16GB", checkpoint_timeout="1h", shared_buffers="256MB")
    dsn = await server.bare_database()
    kept = await open_store(dsn)
    asking = await asyncpg.connect(dsn)
    await asking.execute("CHECKPOINT")
    before = await asking.fetchval(_LOG)
    leases: list[Lease] = []

    async def record(one: Recording) -> None:
        leases.extend((await kept.record(one)).leases)

    async def settle(lease: Lease) -> None:
        assert (await kept.settle(store.done(lease))).was_ours

    await store.in_flight(store.IN_FLIGHT, recordings(events, deliveries), record)
    await store.in_flight(store.IN_FLIGHT, leases, settle)
    assert len(leases) == events * deliveries
    log = await asking.fetchval(_LOG) - before
    print(f"{deliveries:>2} deliveries: {log / events / 1e3:6.2f} KB an event")
    await asking.close()
    await kept.close()


async def main(events: int) -> None:
    """Measure one, three and ten deliveries: what a line through them begins at is the event."""
    try:
        for deliveries in (1, 3, 10):
            await measure(events, deliveries)
    finally:
        postgres.stop_server()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000))
