"""Retention: what is old and owes nothing is forgotten, a little at a time."""

from collections.abc import Awaitable, Callable
from functools import partial

from postroom.clock import SECOND
from postroom.storage.port import Store

BATCH = 100
"""So few that whoever records meanwhile hardly waits."""
PARTITIONS = 10
"""Over how many the bodies are spread that are kept, where the store keeps them in partitions: so
much longer than asked they may stay, and so many are looked into for one of them."""
SHORTEST_PARTITION = 3600 * SECOND
DAY = 24 * 3600 * SECOND


async def retain(store: Store, now: int, *, body_days: float, row_days: float) -> None:
    """Forget the bodies and the notifications that are older than so many days; 0 keeps them."""
    if body_days:
        kept_us = round(body_days * DAY)
        span_us = max(kept_us // PARTITIONS, SHORTEST_PARTITION)
        await store.begin_partition(now, span_us)
        # By then at the latest a partition is past that was begun in time and ended in time.
        await _until_done(partial(store.forget_bodies, grace_us=2 * span_us), now - kept_us)
    if row_days:
        await _until_done(store.forget, now - round(row_days * DAY))


async def _until_done(forget: Callable[[int, int], Awaitable[int]], before: int) -> None:
    """Forget in small transactions, so that accepts go in between."""
    while await forget(before, BATCH):
        pass
