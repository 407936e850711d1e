"""Time, as a value that is passed in: microseconds since the Unix epoch, UTC."""

import asyncio
import heapq
import time
from typing import Protocol

SECOND = 1_000_000
"""One second in microseconds, the unit of every `..._at` in the project."""


class Clock(Protocol):
    """Where the time comes from, and the only way to wait for a moment."""

    def now(self) -> int:
        """Return the moment it is, in microseconds since the epoch."""
        ...

    async def sleep_until(self, moment: int) -> None:
        """Return once `now()` has reached `moment`."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Return the machine's time in microseconds since the epoch."""
        return time.time_ns() // 1000

    async def sleep_until(self, moment: int) -> None:
        """Sleep on the event loop; a machine that sleeps longer wakes late, never early."""
        while (remaining := moment - self.now()) > 0:  # noqa: ASYNC110  # time is not an event
            await asyncio.sleep(remaining / SECOND)


class VirtualClock:
    """A clock that is moved by hand: outages of hours, and lives of months, in seconds.

    It stands still between the moves unless it `runs`; then it goes as the machine's does.
    """

    def __init__(self, start: int, *, runs: bool = False) -> None:
        self._now = start
        self._runs = runs
        self._set_at = time.monotonic_ns()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> int:
        """Return the moment the clock was last moved to, and what has passed since if it runs."""
        if not self._runs:
            return self._now
        return self._now + (time.monotonic_ns() - self._set_at) // 1000

    def advance_to(self, moment: int) -> None:
        """Move forward to `moment` and wake every sleeper that is due; never moves back."""
        self._now = max(self.now(), moment)
        self._set_at = time.monotonic_ns()
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, sleeper = heapq.heappop(self._sleepers)
            if not sleeper.done():
                sleeper.set_result(None)

    async def sleep_until(self, moment: int) -> None:
        """Wait until the clock has come to `moment`, by itself or by being moved."""
        remaining = moment - self.now()
        if remaining <= 0:
            await asyncio.sleep(0)
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (moment, self._count, sleeper))
        if not self._runs:
            await sleeper
            return
        while not sleeper.done() and (remaining := moment - self.now()) > 0:
            await asyncio.wait([sleeper], timeout=remaining / SECOND)
        if not sleeper.done():
            sleeper.set_result(None)  # what is left of it in the heap is passed over
