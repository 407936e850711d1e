"""Both ends of the wire, as lean as they can be: the sink that listens, and the load."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from benchmarks.messages import number_of

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
AWAY = b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"
SPIN_US = 1500
"""The event loop's timers are a millisecond coarse: the last of a wait is spun."""


def now_us() -> int:
    """Return microseconds of the monotonic clock that both ends share."""
    return time.perf_counter_ns() // 1000


class Wire(Protocol):
    """What we use of a transport; uvloop's are no `asyncio.Transport`."""

    def write(self, part: bytes) -> None:
        """Send."""

    def close(self) -> None:
        """Disconnect."""


class _Reader(asyncio.Protocol):
    """Cuts what arrives on one keep-alive connection into messages with a declared length."""

    wire: Wire

    def __init__(self) -> None:
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = transport  # type: ignore[assignment]  # see `Wire`

    def data_received(self, data: bytes) -> None:
        held = self._held + data if self._held else data
        while (end := held.find(END_OF_HEAD)) >= 0:
            head = held[:end]
            at = head.lower().index(LENGTH) + len(LENGTH)
            whole = end + len(END_OF_HEAD) + int(head[at:].split(b"\r", 1)[0])
            if len(held) < whole:
                break
            message, held = held[:whole], held[whole:]
            self.message_received(head, message[end + len(END_OF_HEAD) :])
        self._held = held

    def message_received(self, head: bytes, body: bytes) -> None:
        raise NotImplementedError


class Sink:
    """Every listener: answers at once, and notes when each message first arrived where."""

    def __init__(self) -> None:
        self.arrived: dict[bytes, dict[int, int]] = {}
        """Path, without the slash, to the envelope's number to the moment of first arrival."""
        self.requests = 0
        self.distinct = 0
        self.is_away = False
        self.port = 0
        self._wanted = 0
        self._reached: asyncio.Future[None] | None = None
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        """Listen on a free port of the loopback."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Arrivals(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def forget(self) -> None:
        """Start counting anew."""
        self.arrived.clear()
        self.requests = self.distinct = 0

    async def until(self, count: int, *, timeout_seconds: float) -> None:
        """Wait until so many different deliveries have arrived. Raises TimeoutError."""
        if self.distinct >= count:
            return
        self._wanted = count
        self._reached = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(timeout_seconds):
            await self._reached

    def note(self, path: bytes, body: bytes) -> bytes:
        """Note one request; return its answer."""
        self.requests += 1
        if self.is_away:
            return AWAY
        here = self.arrived.setdefault(path, {})
        number = number_of(body)
        if number not in here:
            here[number] = now_us()
            self.distinct += 1
            self.reached()
        return OK

    def reached(self) -> None:
        """Wake who waits, if as many as wanted are here."""
        if self.distinct == self._wanted and self._reached and not self._reached.done():
            self._reached.set_result(None)


class _Arrivals(_Reader):
    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def message_received(self, head: bytes, body: bytes) -> None:
        path = head[len(b"POST /") : head.index(b" ", len(b"POST /"))]
        self.wire.write(self._sink.note(path, body))


class _Caller(_Reader):
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

    async def open(self, port: int, connections: int) -> None:
        """Connect."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, caller = await loop.create_connection(_Caller, "127.0.0.1", port)
            self._callers.append(caller)

    def close(self) -> None:
        """Disconnect."""
        for caller in self._callers:
            caller.answered = lambda _caller, _status: None
            caller.wire.close()

    async def flat_out(self, requests: Sequence[bytes]) -> None:
        """Post all as fast as they are answered, one at a time on each connection."""
        left = iter(requests)
        run = _Run(len(requests))

        def go_on(caller: _Caller, status: int) -> None:
            run.count(status)
            _post_next(caller, left)

        for caller in self._callers:
            caller.answered = go_on
            _post_next(caller, left)
        await run.end(timeout_seconds=300)

    async def steady(self, requests: Sequence[bytes], per_second: float) -> list[tuple[int, int]]:
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
        for number in range(len(requests)):
            await _until(times[number][0])
            waiting.append(number)
            post()
        await run.end(timeout_seconds=60)
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


def _post_next(caller: _Caller, left: Iterator[bytes]) -> None:
    request = next(left, None)
    if request is not None:
        caller.wire.write(request)


async def _until(moment_us: int) -> None:
    await asyncio.sleep(max(0, moment_us - now_us() - SPIN_US) / 1e6)
    while now_us() < moment_us:  # noqa: ASYNC110  # time is not an event
        await asyncio.sleep(0)
