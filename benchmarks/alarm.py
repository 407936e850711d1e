"""Waking at a moment, to a tenth of a millisecond and without spinning: Linux's timerfd.

An event loop's own timers are a millisecond coarse, and spinning would take from a core that
the program under test may need.
"""

import asyncio
import ctypes
import os
import struct
import time
from contextlib import suppress

CLOCK_MONOTONIC = 1
TIMER_ABSTIME = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def now_us() -> int:
    """Return microseconds of the monotonic clock."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


class Alarm:
    """Rings at one moment after the other."""

    def __init__(self) -> None:
        self._timer = _LIBC.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._timer < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._loop = asyncio.get_running_loop()
        self._rung: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._timer, self._ring)

    async def wait_until(self, moment_us: int) -> None:
        """Return at that moment, at once if it is past."""
        if moment_us <= now_us():
            return
        self._rung = self._loop.create_future()
        seconds, rest = divmod(moment_us, 1_000_000)
        when = struct.pack("4q", 0, 0, seconds, rest * 1000)
        if _LIBC.timerfd_settime(self._timer, TIMER_ABSTIME, when, None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        await self._rung

    def close(self) -> None:
        """Give the timer back."""
        self._loop.remove_reader(self._timer)
        os.close(self._timer)

    def _ring(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._timer, 8)
        if not self._rung.done():
            self._rung.set_result(None)
