"""Reads, on connections of their own that cannot write, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from postroom.errors import UnavailableError
from postroom.storage.postgres import connection
from postroom.storage.postgres.connection import Sql, is_everybodys, trouble

READERS = 3

R = TypeVar("R")


class Reader:
    """A few idle connections, and places for those who use one."""

    def __init__(self, connect: Callable[[], Awaitable[Sql]]) -> None:
        self._connect = connect
        self._places = asyncio.Semaphore(READERS)
        self._long = asyncio.Semaphore(READERS - 1)
        self.idle: list[Sql] = []
        self._is_closed = False

    async def glance(self, question: Callable[[Sql], Awaitable[R]]) -> R:
        """Answer a question as `read` does, one of those that are answered at once, if at all."""
        async with self._places:
            return await self._answer(question, connection.ROAD_SECONDS)

    async def read(self, question: Callable[[Sql], Awaitable[R]]) -> R:
        """Answer a question of one statement: from one consistent view of what is committed.

        It may take long. One place is never taken by those that do.
        """
        async with self._long, self._places:
            return await self._answer(question, connection.PATIENT_SECONDS)

    async def read_as_one(self, question: Callable[[Sql], Awaitable[R]]) -> R:
        """Answer a question of several statements, all from the same view."""

        async def ask(connection: Sql) -> R:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await question(connection)

        return await self.read(ask)

    async def close(self) -> None:
        """Finish the reads under way, then let go of the database."""
        self._is_closed = True
        for _ in range(READERS):
            await self._places.acquire()
        for _ in range(READERS):
            self._places.release()
        self._let_go()

    def _let_go(self) -> None:
        while self.idle:
            self.idle.pop().terminate()

    async def _answer(self, question: Callable[[Sql], Awaitable[R]], seconds: float) -> R:
        if self._is_closed:
            raise UnavailableError("the store is closed; open it again")
        try:
            async with asyncio.timeout(seconds):
                return await self._read(question)
        except Exception as error:
            if isinstance(error, TimeoutError):
                self._let_go()  # whoever lay idle meanwhile hears no more than this one
            raise trouble(error) from error

    async def _read(self, question: Callable[[Sql], Awaitable[R]]) -> R:
        while self.idle:
            connection = self.idle.pop()
            if connection.is_closed():
                continue
            try:
                return await self._on(connection, question)
            except Exception as error:
                # Lost while it lay idle, perhaps: a question may be asked again.
                if not is_everybodys(error) or isinstance(error, TimeoutError):
                    raise
        return await self._on(await self._connect(), question)

    async def _on(self, connection: Sql, question: Callable[[Sql], Awaitable[R]]) -> R:
        try:
            answer = await question(connection)
        except BaseException:
            # Whatever it was in the middle of, the next one shall not be.
            connection.terminate()
            raise
        self.idle.append(connection)
        return answer
