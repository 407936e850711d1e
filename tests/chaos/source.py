"""The source: sends as Docusign does, the same bytes to any node until one answers 200."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

from tests.chaos import letters
from tests.chaos.letters import EVENTS, Letter
from tests.chaos.proxy import HOST

SENDERS = 24
ANSWER_SECONDS = 40.0
"""Docusign waits 100 seconds; what is sent twice meanwhile is the same event."""
AGAIN_SECONDS = 0.2

_MARK = b'{"notification":"'


class Source:
    """Sends so many events, spread over a time; an envelope's next once the one before is kept."""

    def __init__(
        self, *, ports: Callable[[], Sequence[int]], envelopes: int, seconds: float, seed: int
    ) -> None:
        self.acknowledged: dict[Letter, str] = {}
        """The id that each event was acknowledged under."""
        self.begun: set[Letter] = set()
        """What has been sent at least once."""
        self.refused = 0
        """Answers of 503."""
        self.lost = 0
        """Connections that ended, or were given up, without an answer."""
        self.strange: list[str] = []
        """Answers that should not be."""
        self._ports = ports
        self._envelopes = envelopes
        self._seconds = seconds
        self._random = random.Random(seed)  # noqa: S311  # repeatable, not secret
        self._next = 0

    @property
    def total(self) -> int:
        """How many events there are to send."""
        return self._envelopes * len(EVENTS)

    async def run(self) -> None:
        """Send everything; return once all of it is acknowledged."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send_envelopes(began))

    async def _send_envelopes(self, began: float) -> None:
        caller = _Caller()
        try:
            while self._next < self._envelopes:
                number = self._next
                self._next += 1
                due = began + number * self._seconds / self._envelopes
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                for place in range(len(EVENTS)):
                    await self._send(caller, (number, place))
        finally:
            caller.drop()

    async def _send(self, caller: "_Caller", letter: Letter) -> None:
        request = letters.request(letter)
        self.begun.add(letter)
        while True:
            status, content = await caller.post(self._random.choice(self._ports()), request)
            if status == 200 and content.startswith(_MARK):
                self.acknowledged[letter] = content[len(_MARK) : -2].decode()
                return
            if status == 503:
                self.refused += 1
            elif status == 0:
                self.lost += 1
            else:
                self.strange.append(f"{status} {content[:200]!r}")
            await asyncio.sleep(AGAIN_SECONDS * (0.5 + self._random.random()))


class _Caller:
    """One connection at a time, kept for as long as the same node is called."""

    def __init__(self) -> None:
        self._port = 0
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, port: int, request: bytes) -> tuple[int, bytes]:
        """Return the status and the body of the answer, status 0 where there was none."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._post(port, request)
        except (OSError, EOFError, TimeoutError):
            self.drop()
            return 0, b""

    async def _post(self, port: int, request: bytes) -> tuple[int, bytes]:
        if port != self._port or self._writer is None:
            self.drop()
            self._reader, self._writer = await asyncio.open_connection(HOST, port)
            self._port = port
        assert self._reader is not None
        self._writer.write(request)
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r")[0])
        return int(head[9:12]), await self._reader.readexactly(length)

    def drop(self) -> None:
        """Let go of the connection."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.transport.abort()
        self._reader = self._writer = None
