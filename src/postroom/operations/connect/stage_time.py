"""The time of a story: it passes by moving a virtual clock, by really waiting, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from postroom.clock import Clock, VirtualClock

AWAKE_EVERY_SECONDS = 15.0
"""How often a long wait is told of, so that who reads the progress knows that we are there."""
PATIENCE_SECONDS = 1.0
"""How long, by the machine, a move of the clock waits for deliveries under way."""
LOOK_SECONDS = 0.002


class Time:
    """The time that all envelopes of one trigger share.

    Deliveries under way would time out if a virtual clock were moved past them: it is moved while
    nothing is being done and, if that comes soon, nothing is being delivered.
    """

    def __init__(
        self, clock: Clock, *, is_busy: Callable[[], Awaitable[bool]], is_real: bool
    ) -> None:
        self._clock = clock
        self._is_busy = is_busy
        self._is_real = is_real
        self._stands = asyncio.Event()
        self._stands.set()
        self._moving = asyncio.Lock()
        self._doing = 0

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[None]:
        """Do something that the clock is not moved during."""
        await self._stands.wait()
        self._doing += 1
        try:
            yield
        finally:
            self._doing -= 1

    async def pass_until(self, due: int, *, awake: Callable[[], None]) -> None:
        """Let it become `due`; `awake` is called now and then during a real wait."""
        if self._is_real:
            await self._wait(due, awake)
        elif isinstance(self._clock, VirtualClock):
            await self._move(self._clock, due)

    async def _wait(self, due: int, awake: Callable[[], None]) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep_until(due))
        try:
            while not (await asyncio.wait({sleeping}, timeout=AWAKE_EVERY_SECONDS))[0]:
                awake()
        finally:
            sleeping.cancel()

    async def _move(self, clock: VirtualClock, due: int) -> None:
        async with self._moving:
            if clock.now() >= due:
                return
            self._stands.clear()
            try:
                await self._quiet()
                clock.advance_to(due)
            finally:
                self._stands.set()

    async def _quiet(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_SECONDS
        while self._doing or (loop.time() < until and await self._is_busy()):  # noqa: ASYNC110  # what is owed is asked of the store
            await asyncio.sleep(LOOK_SECONDS)
