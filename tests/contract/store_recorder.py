"""A process that records without end and prints each id once it is kept, until it is killed."""

import asyncio
import itertools
import sys

from tests.contract.store_cast import envelope, notification, recording

from postroom.storage import postgres, sqlite


async def main(kind: str, place: str, first: int) -> None:
    """Record from eight tasks at once, so that the kill meets shared commits."""
    store = await (sqlite.open_store(place) if kind == "sqlite" else postgres.open_store(place))
    numbers = itertools.count(first)

    async def record() -> None:
        for number in numbers:
            kept = notification(number, envelope_id=envelope(number % 7), body=b"b" * 3000)
            await store.record(recording(kept, 1, 2, leased=[1]))
            sys.stdout.write(f"{kept.id}\n")
            sys.stdout.flush()

    await asyncio.gather(*(record() for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
