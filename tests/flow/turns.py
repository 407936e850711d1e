"""How long work keeps the loop to itself, counted in functions called rather than by a watch."""

import asyncio
import sys
from collections.abc import Awaitable
from types import FrameType


async def most_calls_in_one_go(work: Awaitable[object]) -> int:
    """Do the work; return the most functions this thread called without letting others run."""
    calls = most = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    async def take_turns() -> None:
        nonlocal calls, most
        while True:
            calls = 0
            await asyncio.sleep(0)
            most = max(most, calls)

    others = asyncio.create_task(take_turns())
    sys.setprofile(count)  # of this thread alone
    try:
        await work
    finally:
        sys.setprofile(None)
        others.cancel()
    return max(most, calls)
