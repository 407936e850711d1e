"""The wire, as lean as it can be: what reads it, and the load that posts on it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Protocol

from benchmarks.alarm import Alarm, now_us

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


class Wire(Protocol):
    """What we use of a transport; uvloop's are no `asyncio.Transport`."""

    def write(self, part: bytes) -> None:
        """Send."""

    def close(self) -> None:
        """Disconnect."""


class Reader(asyncio.Protocol):
    """Cuts what arrives on one keep-alive connection into messages with a declared length."""

    wire: Wire

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held = 0
        self._wanted = 0
        """The length of the message that has begun, 0 while its head is not all here."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written on."""
        self.wire = transport  # type: ignore[assignment]  # see `Wire`

    def data_received(self, data: bytes) -> None:
        """Put messages together."""
        self._parts.append(data)
        self._held += len(data)
        if self._held < self._wanted:  # a large message is put together once, not part by part
            return
        held = b"".join(self._parts) if len(self._parts) > 1 else data
        self._wanted = 0
        while (end := held.find(END_OF_HEAD)) >= 0:
            head = held[:end]
            at = head.lower().index(LENGTH) + len(LENGTH)
            whole = end + len(END_OF_HEAD) + int(head[at:].split(b"\r", 1)[0])
            if len(held) < whole:
                self._wanted = whole
                break
            message, held = held[:whole], held[whole:]
            self.message_received(head, message[end + len(END_OF_HEAD) :])
        self._parts, self._held = ([held], len(held)) if held else ([], 0)

    def message_received(self, head: bytes, body: bytes) -> None:
        """Take one whole message."""
        raise NotImplementedError


class _Caller(Reader):
    """One connection of the load; `answered` is told of every answer, 0 for a lost connection."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: Callable[[_Caller, int], None] = lambda _caller, _status: None

    def message_received(self, head: bytes, body: bytes) -> None:  # noqa: ARG002  # only the status counts
        self.answered(self, int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # lost is lost
        self.answered(self, 0)


class Load:
    """Posts prepared requests over so many connections."""

    def __init__(self) -> None:
        self._callers: list[_Caller] = []

    async def open(self, connections: int, *ports: int) -> None:
        """Connect; to several ports in turn."""
        loop = asyncio.get_running_loop()
        for number in range(connections):
            port = ports[number % len(ports)]
            _, caller = await loop.create_connection(_Caller, "127.0.0.1", port)
            self._callers.append(caller)

    def close(self) -> None:
        """Disconnect."""
        for caller in self._callers:
            caller.answered = lambda _caller, _status: None
            caller.wire.close()

    async def flat_out(
        self, requests: Sequence[bytes], *, timeout_seconds: float = 300
    ) -> list[tuple[int, int]]:
        """Post all as fast as they are answered, one at a time on each connection.

        Returns (posted, answered) of each request in microseconds.
        """
        left = iter(range(len(requests)))
        asked: dict[_Caller, int] = {}
        times = [(0, 0)] * len(requests)
        run = _Run(len(requests))

        def post(caller: _Caller) -> None:
            number = next(left, None)
            if number is not None:
                asked[caller] = number
                times[number] = (now_us(), 0)
                caller.wire.write(requests[number])

        def answered(caller: _Caller, status: int) -> None:
            number = asked.pop(caller, None)
            if number is not None:
                times[number] = (times[number][0], now_us())
            run.count(status)
            post(caller)

        for caller in self._callers:
            caller.answered = answered
            post(caller)
        await run.end(timeout_seconds=timeout_seconds)
        return times

    async def steady(
        self, requests: Sequence[bytes], per_second: float, *, timeout_seconds: float = 60
    ) -> list[tuple[int, int]]:
        """Post at a rate whatever the answers (open loop).

        Returns (intended, answered) of each request in microseconds: coming late, for want of
        a free connection or of time, counts as latency.
        """
        free = deque(self._callers)
        waiting: deque[int] = deque()
        asked: dict[_Caller, int] = {}
        begin = now_us() + 10_000
        times = [(begin + round(n * 1e6 / per_second), 0) for n in range(len(requests))]
        run = _Run(len(requests))

        def post() -> None:
            while free and waiting:
                caller = free.popleft()
                asked[caller] = number = waiting.popleft()
                caller.wire.write(requests[number])

        def answered(caller: _Caller, status: int) -> None:
            number = asked.pop(caller, None)
            if number is not None:
                times[number] = (times[number][0], now_us())
            run.count(status)
            free.append(caller)
            post()

        for caller in self._callers:
            caller.answered = answered
        with closing(Alarm()) as alarm:
            for number in range(len(requests)):
                await alarm.wait_until(times[number][0])
                waiting.append(number)
                post()
        await run.end(timeout_seconds=timeout_seconds)
        return times


class _Run:
    """Counts answers down to the last, or to the first that is not a 200."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def count(self, status: int) -> None:
        """Count one answer."""
        self._left -= 1
        if self._ended.done():
            return
        if status != 200:
            what = f"answered {status}" if status else "closed a connection"
            self._ended.set_exception(RuntimeError(f"the program under test {what}"))
        elif self._left == 0:
            self._ended.set_result(None)

    async def end(self, *, timeout_seconds: float) -> None:
        """Wait for the last answer. Raises RuntimeError for one that is no 200."""
        async with asyncio.timeout(timeout_seconds):
            await self._ended
