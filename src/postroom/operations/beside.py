"""Long reckoning beside the loop that serves, in two threads and no more.

Every further thread that reckons makes the loop wait its turn for longer, and the front door with
it: with six, a message waited half a second. Deliveries have threads of their own.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_SHORT = ThreadPoolExecutor(1, thread_name_prefix="postroom-reckoning")
_LONG = ThreadPoolExecutor(1, thread_name_prefix="postroom-proving")


async def reckon(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do a piece of work of at most some tenths of a second, such as a page of traffic."""
    return await _done(_SHORT, work, *args, **kwargs)


async def prove(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do work of seconds; nothing short waits behind it."""
    return await _done(_LONG, work, *args, **kwargs)


async def _done(
    pool: ThreadPoolExecutor, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: work(*args, **kwargs))
