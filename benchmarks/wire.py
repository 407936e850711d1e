"""Both ends of the wire, as lean as they can be: a load generator and a sink for deliveries."""

import asyncio
import time
from collections.abc import Sequence

ENVELOPE = b'"envelopeId":"'
GUID_BYTES = 36
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
AWAY = b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"


def now_us() -> int:
    """Return microseconds of the monotonic clock that both ends share."""
    return time.perf_counter_ns() // 1000


class Sink:
    """Every listener: answers at once, and notes when each envelope first arrived where."""

    def __init__(self) -> None:
        self.arrived: dict[tuple[bytes, bytes], int] = {}
        """(path, envelope id) to the moment of the first arrival."""
        self.requests = 0
        self.is_away = False
        self.port = 0
        self._wanted = 0
        self._reached: asyncio.Future[None] | None = None
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Arrivals(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def forget(self) -> None:
        """Start counting anew."""
        self.arrived.clear()
        self.requests = 0

    async def until(self, count: int, *, timeout_seconds: float) -> None:
        """Wait until so many different deliveries have arrived."""
        if len(self.arrived) >= count:
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
        start = body.find(ENVELOPE) + len(ENVELOPE)
        self.arrived.setdefault((path, body[start : start + GUID_BYTES]), now_us())
        if self._reached is not None and len(self.arrived) >= self._wanted:
            if not self._reached.done():
                self._reached.set_result(None)
            self._reached = None
        return OK


class _Arrivals(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._held = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held = held = self._held + data if self._held else data
        while (end := held.find(b"\r\n\r\n")) >= 0:
            head = held[:end].lower()
            at = head.index(b"content-length:") + 15
            length = int(head[at:].split(b"\r", 1)[0])
            if len(held) < end + 4 + length:
                break
            body = held[end + 4 : end + 4 + length]
            path = held[5 : held.index(b" ", 5)]
            assert self._transport is not None
            self._transport.write(self._sink.note(path, body))
            held = held[end + 4 + length :]
        self._held = held


class _Caller(asyncio.Protocol):
    """One keep-alive connection of the load generator."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, request: bytes) -> "asyncio.Future[int]":
        assert self.transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        held = self._held = self._held + data
        end = held.find(b"\r\n\r\n")
        if end < 0:
            return
        head = held[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r", 1)[0]) if at >= 0 else 0
        if len(held) < end + 4 + length:
            return
        self._held = b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(int(held[9:12]))


class Load:
    """Posts prepared requests over so many connections."""

    def __init__(self, port: int, connections: int) -> None:
        self._port = port
        self._count = connections
        self._callers: list[_Caller] = []

    async def open(self) -> None:
        """Connect."""
        loop = asyncio.get_running_loop()
        for _ in range(self._count):
            _, caller = await loop.create_connection(_Caller, "127.0.0.1", self._port)
            self._callers.append(caller)

    def close(self) -> None:
        """Disconnect."""
        for caller in self._callers:
            if caller.transport is not None:
                caller.transport.close()

    async def flat_out(self, requests: Sequence[bytes]) -> None:
        """Post all as fast as every connection can, one at a time on each."""
        left = iter(requests)

        async def call(caller: _Caller) -> None:
            for request in left:
                status = await caller.ask(request)
                assert status == 200, status

        await asyncio.gather(*(call(caller) for caller in self._callers))

    async def steady(self, requests: Sequence[bytes], per_second: float) -> list[tuple[int, int]]:
        """Post at a rate whatever the answers (open loop).

        Returns (intended start, answered) for each request, in microseconds: waiting for a free
        connection counts as latency.
        """
        free: asyncio.Queue[_Caller] = asyncio.Queue()
        for caller in self._callers:
            free.put_nowait(caller)
        times: list[tuple[int, int]] = [(0, 0)] * len(requests)
        begin = now_us() + 10_000

        async def call(number: int, request: bytes) -> None:
            intended = begin + round(number * 1e6 / per_second)
            await asyncio.sleep(max(0, intended - now_us()) / 1e6)
            caller = await free.get()
            started = max(intended, 0)
            status = await caller.ask(request)
            times[number] = (started, now_us())
            free.put_nowait(caller)
            assert status == 200, status

        await asyncio.gather(*(call(n, request) for n, request in enumerate(requests)))
        return times
