"""The sink: one server that plays all listeners, well, away or hanging."""

import asyncio
from collections.abc import Callable

from benchmarks.alarm import now_us
from benchmarks.messages import number_of
from benchmarks.wire import Reader, Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
AWAY = b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"
HANGS_SECONDS = 10.0


class Sink:
    """Every listener: notes when each message first arrived where, and answers at once.

    While `is_away` every answer is 503; a path in `hanging` is answered only after a while.
    """

    def __init__(self) -> None:
        self.arrived: dict[bytes, dict[int, int]] = {}
        """Path, without the slash, to the envelope's number to the moment of first arrival."""
        self.requests = 0
        self.refused = 0
        """Of the requests, those answered while away."""
        self.distinct = 0
        self.is_away = False
        self.hanging: set[bytes] = set()
        self.port = 0
        self._held: dict[asyncio.TimerHandle, Callable[[], None]] = {}
        self._wanted = 0
        self._reached: asyncio.Future[None] | None = None
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        """Listen on a free port of the loopback."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Arrivals(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._server.close()

    def forget(self) -> None:
        """Start counting anew."""
        self.arrived.clear()
        self.requests = self.refused = self.distinct = 0

    @property
    def duplicates(self) -> int:
        """How many requests were taken that had been taken before."""
        return self.requests - self.refused - self.distinct

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
            self.refused += 1
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

    def answer_late(self, wire: Wire, answer: bytes) -> None:
        """Let a caller hang before it is answered."""

        def write() -> None:
            self._held.pop(timer, None)
            wire.write(answer)

        timer = asyncio.get_running_loop().call_later(HANGS_SECONDS, write)
        self._held[timer] = write

    def release(self) -> None:
        """Hang no longer: answer all who wait for it."""
        self.hanging.clear()
        for timer, write in list(self._held.items()):
            timer.cancel()
            write()


class _Arrivals(Reader):
    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def message_received(self, head: bytes, body: bytes) -> None:
        path = head[len(b"POST /") : head.index(b" ", len(b"POST /"))]
        answer = self._sink.note(path, body)
        if path in self._sink.hanging:
            self._sink.answer_late(self.wire, answer)
        else:
            self.wire.write(answer)
