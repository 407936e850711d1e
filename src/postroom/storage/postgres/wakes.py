"""Wake-ups between nodes: who leaves something due, or moves a revision, says so to the others.

By LISTEN and NOTIFY, once a transaction at most and after its commit, in one that waits for no
disk: a NOTIFY in the transaction itself would make those of all nodes commit one after another.
A wake-up may be lost with a connection or a node; polling is the floor.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from postroom.errors import UnavailableError
from postroom.storage.port import Heard
from postroom.storage.postgres.connection import Sql, trouble

CHANNEL = "postroom"
MOST_LISTENERS = 500
"""So many fit into a payload of 8,000 bytes; more than these are told as all."""


def told(node: int, due: set[int], moved: set[str]) -> str | None:
    """Return the statements that tell the other nodes; None where there is nothing to tell."""
    if not due and not moved:
        return None
    ids = "*" if len(due) > MOST_LISTENERS else ",".join(map(str, sorted(due)))
    payload = f"{node} {ids} {','.join(sorted(moved))}"
    return (
        "BEGIN; SET LOCAL synchronous_commit = off;"
        f" SELECT pg_notify('{CHANNEL}', '{payload}'); COMMIT"  # numbers and words of ours
    )


class Ear:
    """A connection that listens, opened when it is first used, and anew after it was lost."""

    def __init__(self, connect: Callable[[], Awaitable[Sql]], node: int) -> None:
        self._connect = connect
        self._node = node
        self._connection: Sql | None = None
        self._opening = asyncio.Lock()
        self._has_heard = asyncio.Event()
        self._due: set[int] = set()
        self._moved: set[str] = set()
        self._is_all = False
        self._is_closed = False

    async def heard(self) -> Heard:
        """Wait until other nodes have said something; return all that they said.

        At once, and with `is_all`, when it begins to listen, first or anew.
        """
        await self.connection()
        await self._has_heard.wait()
        self._has_heard.clear()
        heard = Heard(due=frozenset(self._due), moved=frozenset(self._moved), is_all=self._is_all)
        self._due, self._moved, self._is_all = set(), set(), False
        return heard

    async def connection(self) -> Sql:
        """Return the connection, which listens; raise `UnavailableError` where there can be none.

        Between notifications it may be used for a statement, by one task at a time.
        """
        async with self._opening:
            if self._is_closed:
                raise UnavailableError("the store is closed; open it again")
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._listen()
                self._hear_all()
            return self._connection

    def drop(self) -> None:
        """Let go of the connection, which may be in the middle of something."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    def close(self) -> None:
        """Let go of the connection for good; whoever waits is woken."""
        self._is_closed = True
        self.drop()
        self._hear_all()

    async def _listen(self) -> Sql:
        try:
            connection = await self._connect()
            connection.add_termination_listener(self._lost)
            await connection.add_listener(CHANNEL, self._hear)
        except Exception as error:
            raise trouble(error) from error
        return connection

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        node, ids, moved = payload.split(" ")
        if int(node) == self._node:
            return
        self._is_all = self._is_all or ids == "*"
        self._due.update(int(one) for one in ids.split(",") if one.isdigit())
        self._moved.update(one for one in moved.split(",") if one)
        self._has_heard.set()

    def _lost(self, _connection: Any) -> None:
        """Wake whoever waits: `heard` then listens anew."""
        self._hear_all()

    def _hear_all(self) -> None:
        self._is_all = True
        self._has_heard.set()
