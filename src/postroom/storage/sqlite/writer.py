"""The one thread that writes: whatever has queued up shares one transaction and one fsync.

While one batch is being written to disk the next one gathers: an idle store commits a single
call at once, a busy one many together.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar, cast

from postroom.errors import UnavailableError
from postroom.storage.sqlite.connection import open_writer, primary_code, trouble
from postroom.storage.sqlite.gathering import Gathering
from postroom.storage.sqlite.tally import Tally

A = TypeVar("A")
R = TypeVar("R")


class Transaction:
    """One transaction under way: the connection, and the tally it will leave behind."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.sql = connection
        self.tally = Tally.load(connection)


Work = Callable[[Transaction], R]
Verb = Callable[[Transaction, Sequence[A]], Sequence[R]]
"""Performs many calls of one kind at once; returns a result for each, in order."""


def one_by_one(tx: Transaction, works: Sequence[Work[Any]]) -> Sequence[Any]:
    """Perform each piece of work: the verb of all that has no faster way for many."""
    return [work(tx) for work in works]


class _Call:
    """One call waiting for its turn."""

    __slots__ = ("argument", "error", "future", "may_wait", "result", "verb")

    def __init__(
        self,
        verb: Verb[Any, Any],
        argument: object,
        future: asyncio.Future[Any],
        *,
        may_wait: bool,
    ) -> None:
        self.verb = verb
        self.argument = argument
        self.future = future
        self.may_wait = may_wait
        self.result: Any = None
        self.error: BaseException | None = None


class Writer:
    """The writer thread and its queue."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._gathering: Gathering[_Call] = Gathering()
        self._connection: sqlite3.Connection | None = open_writer(path)
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="postroom-writer", daemon=True)
        self._thread.start()

    async def call(self, verb: Verb[A, R], argument: A, *, may_wait: bool = False) -> R:
        """Perform one call of a verb, together with others; return once it is durable.

        A batch of nothing but calls that `may_wait` is held open for a moment, so that more of
        them share its commit; any other call lets it go at once, unless many come in anyway.
        """
        if self._is_closed:
            raise UnavailableError("the store is closed; open it again")
        future: asyncio.Future[R] = self._loop.create_future()
        self._gathering.put(_Call(verb, argument, future, may_wait=may_wait))
        return await future

    async def do(self, work: Work[R], *, may_wait: bool = False) -> R:
        """Perform one piece of work; return once it is durable."""
        return cast("R", await self.call(one_by_one, work, may_wait=may_wait))

    async def close(self) -> None:
        """Finish what is queued, then let go of the file."""
        if not self._is_closed:
            self._is_closed = True
            self._gathering.close()
        await asyncio.to_thread(self._thread.join)

    # --- on the thread ---

    def _run(self) -> None:
        for gathered in self._gathering.batches():
            batch = _by_verb(gathered)
            self._perform(batch)
            self._loop.call_soon_threadsafe(_resolve, batch)
        self._drop_connection()

    def _perform(self, batch: Sequence[_Call]) -> None:
        try:
            self._commit(batch)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the callers must hear it
            if len(batch) > 1 and not _is_everybodys(error):
                # Only the culprit fails.
                for call in batch:
                    self._perform([call])
                return
            for call in batch:
                call.error = trouble(error)

    def _commit(self, batch: Sequence[_Call]) -> None:
        connection = self._connection
        try:
            if connection is None:
                connection = self._connection = open_writer(self._path)
            connection.execute("BEGIN IMMEDIATE")
            tx = Transaction(connection)
            _run_verbs(tx, batch)
            tx.tally.save(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            self._abandon(error)
            raise

    def _abandon(self, error: BaseException) -> None:
        """Leave nothing of the transaction; after a fault of the file, start from a new one."""
        connection = self._connection
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            # A connection that cannot even roll back is given up; closing it rolls back.
            self._drop_connection()
            return
        if isinstance(error, sqlite3.Error) and _is_everybodys(error):
            self._drop_connection()

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


_EVERYBODYS = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PROTOCOL,
)
"""Faults of the file, which no call of a batch is to blame for."""


def _is_everybodys(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and primary_code(error) in _EVERYBODYS


def _by_verb(batch: Sequence[_Call]) -> list[_Call]:
    """Put the calls of a verb together: concurrent calls may happen in any order.

    The callers hear in the order in which the calls happened. A settlement whose lease was taken
    over in the same batch must hear of it after the one who took it has the lease.
    """
    groups: dict[Verb[Any, Any], list[_Call]] = {}
    for call in batch:
        groups.setdefault(call.verb, []).append(call)
    return [call for calls in groups.values() for call in calls]


def _run_verbs(tx: Transaction, batch: Sequence[_Call]) -> None:
    for verb, group in groupby(batch, key=attrgetter("verb")):
        calls = list(group)
        results = verb(tx, [call.argument for call in calls])
        for call, result in zip(calls, results, strict=True):
            call.result = result


def _resolve(batch: Sequence[_Call]) -> None:
    for call in batch:
        if call.future.done():  # the caller was cancelled; what it asked for has happened
            continue
        if call.error is None:
            call.future.set_result(call.result)
        else:
            call.future.set_exception(call.error)
