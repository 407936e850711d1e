"""Reads, on connections of their own that cannot write, a few at a time."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from postroom.errors import UnavailableError
from postroom.storage.sqlite.connection import open_reader, trouble

READERS = 3

R = TypeVar("R")


class Reader:
    """A small pool of reading threads and idle connections."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="postroom-reader")
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._is_closed = False

    async def read(self, question: Callable[[sqlite3.Connection], R]) -> R:
        """Answer a question from one consistent view of what is committed."""
        if self._is_closed:
            raise UnavailableError("the store is closed; open it again")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, question)

    async def close(self) -> None:
        """Finish the reads under way, then let go of the file."""
        self._is_closed = True
        await asyncio.to_thread(self._pool.shutdown)
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def _read(self, question: Callable[[sqlite3.Connection], R]) -> R:
        try:
            connection = self._take()
            try:
                connection.execute("BEGIN")
                answer = question(connection)
                connection.execute("COMMIT")
            except BaseException:
                connection.close()
                raise
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            # The latter two: nothing asked for beyond 64 bits or outside Unicode can be there.
            raise trouble(error) from error
        self._idle.put(connection)
        return answer

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.get_nowait()
        except Empty:
            return open_reader(self._path)
