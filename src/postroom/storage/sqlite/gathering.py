"""Calls gather here into batches while the writer thread is busy, or rests for a moment.

Who puts a call wakes the thread only if it waits for just that: most calls find it at work, or
resting so that more of them share a commit, and need no wake-up.
"""

import time
from collections import deque
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar

WAIT_SECONDS = 0.002
"""How long a batch of settlements and leases stays open: nobody outside waits for them, and each
commit saved is a write to the disk saved. While the store is busy, every batch stays open so long.
"""
BUSY_CALLS = 4
"""It is busy while so many calls of a batch are such as somebody outside waits for. One commit
costs as much as writing several notifications, and when they come this fast, two milliseconds
make the batches many times larger."""
LARGEST_BATCH = 256


class Gathered(Protocol):
    """A call, as far as its place in a batch depends on it."""

    @property
    def may_wait(self) -> bool:
        """Whether nobody outside waits for it."""
        ...


C = TypeVar("C", bound=Gathered)


class Gathering(Generic[C]):
    """What the event loop puts in and the writer thread takes out, batch by batch.

    Plain attributes suffice between the two: each first writes its own and then reads the other's,
    so that one of them always sees the other.
    """

    def __init__(self) -> None:
        self._calls: deque[C] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._wakes_for_urgent = False
        self._wakes_for_any = False
        self._is_busy = False
        self._is_closed = False

    def put(self, call: C) -> None:
        """Add a call, and wake the thread if it waits for such a one."""
        self._calls.append(call)
        if self._wakes_for_any or (self._wakes_for_urgent and not call.may_wait):
            self._ring()

    def close(self) -> None:
        """Let `batches` end once everything is taken out."""
        self._is_closed = True
        self._ring()

    def batches(self) -> Iterator[list[C]]:
        """Wait for calls and yield them, batch by batch, until closed and empty."""
        while self._wait_for_one():
            if self._is_busy:
                time.sleep(WAIT_SECONDS)
            elif all(call.may_wait for call in tuple(self._calls)):
                self._rest(WAIT_SECONDS)
            batch = self._take()
            urgent = sum(1 for call in batch if not call.may_wait)
            self._is_busy = urgent >= BUSY_CALLS
            yield batch

    # --- on the thread ---

    def _wait_for_one(self) -> bool:
        """Wait for a call; return whether there is one."""
        while not self._calls:
            if self._is_closed:
                return False
            self._wakes_for_any = True
            if not self._calls and not self._is_closed:
                self._bell.get()
            self._wakes_for_any = False
        return True

    def _rest(self, seconds: float) -> None:
        """Wait a moment, or until there is a call that somebody outside waits for."""
        self._wakes_for_urgent = True
        try:
            if not self._is_closed:
                self._bell.get(timeout=seconds)
        except Empty:
            pass
        finally:
            self._wakes_for_urgent = False

    def _take(self) -> list[C]:
        calls = self._calls
        return [calls.popleft() for _ in range(min(len(calls), LARGEST_BATCH))]

    def _ring(self) -> None:
        # Once is enough; a ring too many would only cut a later rest short.
        self._wakes_for_any = self._wakes_for_urgent = False
        self._bell.put(None)
