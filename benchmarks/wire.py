"""The wire, as lean as it can be: what reads it, and the load that posts on it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Protocol

from benchmarks.alarm import Alarm, now_us

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


IDLE_US = 3_000_000
"""Servers close what is idle for five seconds; a request must not meet that moment."""

Then = Callable[[int], None]


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
    """One connection of the load, with one request at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.used_at = now_us()
        self.is_open = True
        self._then: Then | None = None

    def ask(self, request: bytes, then: Then) -> None:
        """Post; `then` is called with the status, 0 if the connection is lost instead."""
        self._then = then
        self.wire.write(request)

    def message_received(self, head: bytes, body: bytes) -> None:  # noqa: ARG002  # only the status counts
        """Hand the answer on."""
        self.used_at = now_us()
        self._answer(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # lost is lost
        """Tell who waits for an answer that there will be none."""
        self.is_open = False
        self._answer(0)

    def _answer(self, status: int) -> None:
        then, self._then = self._then, None
        if then is not None:
            then(status)


class _Place:
    """One port, and our connections to it: the last used is used first, as pools of clients do."""

    def __init__(self, port: int, most: int) -> None:
        self._port = port
        self._most = most
        self._open = 0
        self._idle: list[_Caller] = []
        self._opening: set[asyncio.Task[None]] = set()
        self.waiting: deque[int] = deque()
        """Numbers of requests for which there was no connection yet."""

    def take(self) -> _Caller | None:
        """Return a connection, or None; one that may be closed any moment for idleness is not."""
        while self._idle:
            caller = self._idle.pop()
            if caller.is_open and now_us() - caller.used_at < IDLE_US:
                return caller
            caller.wire.close()
            self._open -= 1
        return None

    def give_back(self, caller: _Caller) -> None:
        """Have a connection again."""
        self._idle.append(caller)

    def open_another(self, then: Callable[[_Caller], None]) -> None:
        """Open one more, if there may be one, and then call that."""
        if self._open < self._most:
            self._open += 1
            opening = asyncio.create_task(self._connect(then))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def all(self) -> list[_Caller]:
        """Return as many connections as there may be."""
        taken = []
        while (caller := self.take()) is not None:
            taken.append(caller)
        while self._open < self._most:
            self.open_another(taken.append)
        await asyncio.gather(*self._opening)
        return taken

    def close(self) -> None:
        """Disconnect."""
        for caller in self._idle:
            caller.wire.close()
        self._idle.clear()

    async def _connect(self, then: Callable[[_Caller], None]) -> None:
        loop = asyncio.get_running_loop()
        _, caller = await loop.create_connection(_Caller, "127.0.0.1", self._port)
        then(caller)


class Load:
    """Posts prepared requests over so many connections."""

    def __init__(self) -> None:
        self._places: list[_Place] = []

    async def open(self, connections: int, *ports: int) -> None:
        """Connect; to several ports with as many each."""
        self._places = [_Place(port, connections // len(ports)) for port in ports]
        for place in self._places:
            for caller in await place.all():
                place.give_back(caller)

    def close(self) -> None:
        """Disconnect."""
        for place in self._places:
            place.close()

    async def flat_out(
        self, requests: Sequence[bytes], *, timeout_seconds: float = 300
    ) -> list[tuple[int, int]]:
        """Post all as fast as they are answered, one at a time on each connection.

        Returns (posted, answered) of each request in microseconds.
        """
        left = iter(range(len(requests)))
        times = [(0, 0)] * len(requests)
        run = _Run(len(requests))

        def post(place: _Place, caller: _Caller) -> None:
            number = next(left, None)
            if number is None:
                place.give_back(caller)
                return
            times[number] = (now_us(), 0)
            caller.ask(requests[number], partial(answered, place, caller, number))

        def answered(place: _Place, caller: _Caller, number: int, status: int) -> None:
            times[number] = (times[number][0], now_us())
            run.count(status)
            post(place, caller)

        ready = [(place, caller) for place in self._places for caller in await place.all()]
        for place, caller in ready:
            post(place, caller)
        await run.end(timeout_seconds=timeout_seconds)
        return times

    async def steady(
        self, requests: Sequence[bytes], per_second: float, *, timeout_seconds: float = 60
    ) -> list[tuple[int, int]]:
        """Post at a rate whatever the answers (open loop).

        Returns (intended, answered) of each request in microseconds: coming late, for want of
        a free connection or of time, counts as latency.
        """
        begin = now_us() + 10_000
        times = [(begin + round(n * 1e6 / per_second), 0) for n in range(len(requests))]
        run = _Run(len(requests))

        def post(place: _Place) -> None:
            while place.waiting:
                caller = place.take()
                if caller is None:
                    place.open_another(partial(go_on, place))
                    return
                number = place.waiting.popleft()
                caller.ask(requests[number], partial(answered, place, caller, number))

        def answered(place: _Place, caller: _Caller, number: int, status: int) -> None:
            times[number] = (times[number][0], now_us())
            run.count(status)
            go_on(place, caller)

        def go_on(place: _Place, caller: _Caller) -> None:
            place.give_back(caller)
            post(place)

        with closing(Alarm()) as alarm:
            for number in range(len(requests)):
                await alarm.wait_until(times[number][0])
                place = self._places[number % len(self._places)]
                place.waiting.append(number)
                post(place)
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
