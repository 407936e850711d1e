"""The process that serves: its socket, its signals, and the time it has to leave."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import uvicorn

from postroom import observe

LEAST_SECONDS = 1.0
"""So long a server has to leave at the least: what it has leased must be given back."""
HANDOVER_SECONDS = 2.0
"""Of the time to leave, what is kept for giving back, and a quarter at the most."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Leaving:
    """The time a server has to leave, from the moment that it is told to."""

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, LEAST_SECONDS)
        self._over_at: float | None = None
        self.begun = asyncio.Event()

    def begin(self) -> None:
        """Let the time run; told again, it goes on running."""
        if self._over_at is None:
            self._over_at = time.monotonic() + self._seconds
            self.begun.set()

    @property
    def left(self) -> float:
        """The seconds until it is over."""
        if self._over_at is None:
            return self._seconds
        return max(0.0, self._over_at - time.monotonic())

    @property
    def left_for_work(self) -> float:
        """The seconds that what is in flight may still take."""
        return max(0.0, self.left - min(HANDOVER_SECONDS, self._seconds / 4))

    def begin_on_signals(self) -> None:
        """Begin at the first SIGTERM or SIGINT; the second one ends the process at once."""
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._told)

    def _told(self) -> None:
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        threading.Thread(target=self._end, name="postroom-leaving", daemon=True).start()
        self.begin()

    def _end(self) -> None:
        """End the process when the time is over: a database or a disk that hangs, hangs us too.

        What was acknowledged is on the disk, and what was leased is given back or runs out.
        """
        time.sleep(self._seconds)
        observe.log.warning("left in the middle of something that hangs", after=self._seconds)
        os._exit(0)


class Server(uvicorn.Server):
    """uvicorn, leaving the signals to us: it would raise them again before we have drained."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        with nullcontext():
            yield

    def listen(self) -> socket.socket:
        """Listen where the settings say: from here on callers queue, and what we tell is true.

        Raises `SystemExit` where the address cannot be had.
        """
        listening = self.config.bind_socket()
        listening.listen(self.config.backlog)
        return listening

    async def leave(self, leaving: Leaving, *, notice_seconds: float) -> None:
        """Let `serve` return: no more requests after the notice, those in progress may end."""
        await asyncio.sleep(min(notice_seconds, leaving.left_for_work))
        self.config.timeout_graceful_shutdown = int(leaving.left_for_work)
        self.should_exit = True
