"""A TCP proxy of the tests' own, through which nodes reach a server: it delays, hangs and cuts."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

HOST = "127.0.0.1"


class Proxy:
    """Forwards connections to one server. What it does to them may change at any moment."""

    def __init__(self, server: int | Path) -> None:
        self.port = 0
        self._to = server
        """The server's port on the loopback, or its socket."""
        self._is_open = asyncio.Event()
        """Cleared: every byte of both directions waits, as behind a network that drops packets."""
        self._is_open.set()
        self._delay_seconds = 0.0
        self._is_refusing = False
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen on a free port of the loopback."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no more, and cut what is there."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """Reset every connection there is; new ones are taken."""
        for pair in self._pairs:
            pair.cancel()

    def hang(self) -> None:
        """Let no byte through until `heal`: nobody is told, connections stay as they are."""
        self._is_open.clear()

    def delay(self, seconds: float) -> None:
        """Hold every byte back for a while."""
        self._delay_seconds = seconds

    def refuse(self) -> None:
        """Take new connections and end them at once, as a proxy with nobody behind it does."""
        self._is_refusing = True

    def heal(self) -> None:
        """Forward as at first, also what has been held back."""
        self._delay_seconds = 0.0
        self._is_refusing = False
        self._is_open.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs.add(task)
        try:
            await self._join(reader, writer)
        except asyncio.CancelledError:
            pass  # cut: the task ends with it
        finally:
            self._pairs.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._is_open.wait()
        if self._is_refusing:
            return
        try:
            if isinstance(self._to, int):
                there, back = await asyncio.open_connection(HOST, self._to)
            else:
                there, back = await asyncio.open_unix_connection(self._to)
        except OSError:
            return  # nobody is behind it
        ways = [
            asyncio.create_task(self._forward(reader, back.write, back.drain)),
            asyncio.create_task(self._forward(there, writer.write, writer.drain)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            back.transport.abort()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        write: Callable[[bytes], None],
        drain: Callable[[], Awaitable[None]],
    ) -> None:
        try:
            while part := await reader.read(65536):
                if self._delay_seconds:
                    await asyncio.sleep(self._delay_seconds)
                await self._is_open.wait()
                write(part)
                await drain()
        except OSError:
            return  # one end was lost
