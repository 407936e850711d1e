"""Reckoning beside the loop: how much of it there is at once, and what waits for what."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from postroom.operations import beside


async def test_what_is_short_does_not_wait_behind_what_is_long() -> None:
    may_end = threading.Event()
    long = asyncio.create_task(beside.prove(may_end.wait, 20))
    async with asyncio.timeout(10):
        assert await beside.reckon(lambda: "done") == "done"
    assert not long.done()
    may_end.set()
    assert await long


@pytest.mark.parametrize("kind", [beside.reckon, beside.prove])
async def test_however_many_ask_one_piece_is_done_at_a_time(
    kind: Callable[[Callable[[], int]], Awaitable[int]],
) -> None:
    threads = await asyncio.gather(*(kind(threading.get_ident) for _ in range(8)))
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_what_fails_there_is_raised_here() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await beside.reckon(int, "x")
