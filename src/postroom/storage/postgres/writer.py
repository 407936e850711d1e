"""Group commit: whatever has queued up on a lane shares its transactions and their fsyncs.

While one batch is on its way to the disk the next one gathers, so there is no delay to choose:
an idle store commits a single call at once, a busy one many together. A store has a few lanes,
each with a connection and a task of its own, so that arrivals, attempts and what people do wait
for each other only where they touch the same rows.

A transaction holds the calls of one verb only: each verb locks in one order (`locks`), two verbs
after one another in one transaction would not.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar, cast

import asyncpg
import msgspec

from postroom.errors import UnavailableError
from postroom.storage.port import Life, Recording
from postroom.storage.postgres.connection import (
    Sql,
    UnconfirmedError,
    is_conflict,
    is_everybodys,
    trouble,
)
from postroom.storage.postgres.wakes import told

WAIT_SECONDS = 0.002
"""How long a batch of settlements and leases stays open: nobody outside waits for them, and each
commit saved is a write to the disk saved."""
LARGEST_BATCH = 256
LARGEST_BATCH_BYTES = 32 * 1024 * 1024
"""Of what callers bring to be kept; a call that brings more has a transaction of its own. A batch
that took longer than a statement may take would fail all that are in it."""
LEAVE_SECONDS = 2.0
EASE_SECONDS = 1.0
"""How long after a commit without an answer it is looked at what became of it: by then the server
has ended what it was at."""
BEGINNINGS = 20
"""How often a transaction begins before other nodes are said to be always faster."""
FIRST_TOTALS, TOTALS = 2, 64
"""The rows of `tally` that hold totals alone: see migration 0003."""

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"

A = TypeVar("A")
R = TypeVar("R")


class Transaction:
    """One transaction under way: its connection, and by how much it moves the totals.

    READ COMMITTED is enough: whatever a verb decides by is read after the locks that keep it so
    (`locks`), or written back on condition that it is still so.
    """

    __slots__ = (
        "delivered",
        "due",
        "moved",
        "node",
        "notifications",
        "sql",
        "unclaimed",
        "unreadable",
    )

    def __init__(self, connection: Sql, node: int) -> None:
        self.sql = connection
        self.node = node
        self.notifications = 0
        self.unclaimed = 0
        self.unreadable = 0
        self.delivered = 0
        self.due: set[int] = set()
        """Listeners of which something is left due that nobody has leased."""
        self.moved: set[str] = set()
        """The revisions that are moved."""

    def ending(self) -> str:
        """Return the statements that end it.

        Last of all, so that the row of totals, which others may share, is locked for the
        commit only and no lock is waited for behind it.
        """
        moved = (self.notifications, self.unclaimed, self.unreadable, self.delivered)
        if not any(moved):
            return "COMMIT"
        row = FIRST_TOTALS + self.sql.get_server_pid() % TOTALS
        return (
            "UPDATE tally SET notifications = notifications + (%d), unclaimed = unclaimed + (%d),"  # noqa: S608, UP031  # numbers only
            " unreadable = unreadable + (%d), delivered = delivered + (%d) WHERE id = %d; COMMIT"
            % (*moved, row)
        )


Work = Callable[[Transaction], Awaitable[R]]
Verb = Callable[[Transaction, Sequence[A]], Awaitable[Sequence[R]]]
"""Performs many calls of one kind at once; returns a result for each, in order."""


class _Call:
    """One call waiting for its turn."""

    __slots__ = ("argument", "future", "may_wait", "verb")

    def __init__(
        self,
        verb: Verb[Any, Any],
        argument: Any,
        future: asyncio.Future[Any],
        *,
        may_wait: bool,
    ) -> None:
        self.verb = verb
        self.argument = argument
        self.future = future
        self.may_wait = may_wait


class Doubt(Protocol):
    """Remembers calls of which it is not known whether they were done, and undoes what matters."""

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        ...

    def lost(self, arguments: Iterable[object]) -> None:
        """Note calls of which it is not known whether they were done."""
        ...

    def heard(self, arguments: Iterable[object]) -> None:
        """Note calls that were done."""
        ...

    async def ease(self, tx: Transaction, _: Sequence[None]) -> Sequence[tuple[int, ...]]:
        """Undo of them what nobody else will; return what was doubted."""
        ...

    def eased(self, tokens: Iterable[int]) -> None:
        """Doubt these no more."""
        ...


class Lane:
    """A connection that writes, the task that uses it, and the calls that wait for it."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Sql]],
        node: int,
        *,
        opening: str = BEGIN,
        doubt: Doubt | None = None,
    ) -> None:
        self._connect = connect
        self._node = node
        self._opening = opening
        """What begins each transaction: BEGIN, and what every verb of the lane locks first."""
        self._queue: deque[_Call] = deque()
        self._has_calls = asyncio.Event()
        self._is_closed = False
        self.connection: Sql | None = None
        self._news: str | None = None
        self._doubt = doubt
        self._easing: asyncio.Task[None] | None = None
        self._is_warned = False
        self._task = asyncio.create_task(self._run())

    async def call(self, verb: Verb[A, R], argument: A, *, may_wait: bool = False) -> R:
        """Perform one call of a verb, together with others; return once it is durable.

        A batch of nothing but calls that `may_wait` is held open for a moment, so that more of
        them share its commit; any other call lets it go at once.
        """
        if self._is_closed:
            raise UnavailableError("the store is closed; open it again")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append(_Call(verb, argument, future, may_wait=may_wait))
        self._has_calls.set()
        return await future

    async def do(self, work: Work[R]) -> R:
        """Perform one piece of work in a transaction of its own; return once it is durable."""

        async def alone(tx: Transaction, _: Sequence[None]) -> Sequence[R]:
            return [await work(tx)]

        return cast("R", await self.call(alone, None))

    async def close(self) -> None:
        """Finish what is queued, then let go of the connection."""
        self._is_closed = True
        self._has_calls.set()
        if self._easing is not None:
            self._easing.cancel()
        await self._task

    # --- the task ---

    async def _run(self) -> None:
        while batch := await self._gather():
            for calls in _by_verb(batch):
                await self._perform(calls)
        if self.connection is not None:
            await _take_leave(self.connection)

    async def _gather(self) -> list[_Call]:
        """Take what has queued up; nothing once the lane is closed."""
        while not self._queue:
            if self._is_closed:
                return []
            self._has_calls.clear()
            await self._has_calls.wait()
        if all(call.may_wait for call in self._queue) and not self._is_closed:
            self._has_calls.clear()
            await asyncio.sleep(WAIT_SECONDS)
        batch = [self._queue.popleft()]
        room = LARGEST_BATCH_BYTES - _size_bytes(batch[0].argument)
        while self._queue and len(batch) < LARGEST_BATCH:
            room -= _size_bytes(self._queue[0].argument)
            if room < 0:
                break
            batch.append(self._queue.popleft())
        return batch

    async def _perform(self, calls: Sequence[_Call]) -> None:
        try:
            results = await self._commit(calls[0].verb, [call.argument for call in calls])
        except Exception as error:  # noqa: BLE001  # whatever it is, the callers must hear it
            if len(calls) > 1 and not is_everybodys(error):
                # Only the culprit fails.
                for call in calls:
                    await self._perform([call])
                return
            if isinstance(error, asyncpg.CharacterNotInRepertoireError) and _mend(calls[0]):
                await self._perform(calls)
                return
            for call in calls:
                if not call.future.done():
                    call.future.set_exception(trouble(error))
            return
        for call, result in zip(calls, results, strict=True):
            if not call.future.done():  # else cancelled; what it asked for has happened
                call.future.set_result(result)
        await self._tell()

    async def _commit(self, verb: Verb[Any, Any], arguments: Sequence[Any]) -> Sequence[Any]:
        for _ in range(BEGINNINGS - 1):
            try:
                return await self._try(verb, arguments)
            except Exception as error:
                if not is_conflict(error):
                    raise
        return await self._try(verb, arguments)

    async def _try(self, verb: Verb[Any, Any], arguments: Sequence[Any]) -> Sequence[Any]:
        connection = await self._begin()
        try:
            tx = Transaction(connection, self._node)
            results = await verb(tx, arguments)
            await self._end(connection, tx.ending(), arguments)
        except BaseException as error:
            await self._abandon(connection, error)
            raise
        self._news = told(self._node, tx.due, tx.moved)
        return results

    async def _end(self, connection: Sql, ending: str, arguments: Sequence[Any]) -> None:
        """Commit; a commit of which nothing is heard may have been one."""
        try:
            await self._commit_as_told(connection, ending)
        except BaseException as error:
            if self._doubt is not None and is_everybodys(error):
                self._doubt.lost(arguments)
                if self._doubt and (self._easing is None or self._easing.done()):
                    self._easing = asyncio.create_task(self._ease(self._doubt))
            raise
        if self._doubt:
            self._doubt.heard(arguments)

    async def _commit_as_told(self, connection: Sql, ending: str) -> None:
        """Commit, and believe no commit that comes with a warning.

        Told to wait for its standby no longer, the server warns, and says COMMIT all the same.
        """
        self._is_warned = False
        await connection.execute(ending)
        if self._is_warned:
            raise UnconfirmedError("the server warned of it")

    async def _ease(self, doubt: Doubt) -> None:
        """Undo what nobody heard of, as soon as the database answers."""
        while doubt and not self._is_closed:
            await asyncio.sleep(EASE_SECONDS)
            try:
                doubt.eased(await self.call(doubt.ease, None))
            except UnavailableError:
                continue  # it is still away

    async def _tell(self) -> None:
        """Tell the other nodes what is new to them; one that does not hear of it polls."""
        news, self._news = self._news, None
        if news is None or self.connection is None:
            return
        try:
            await self.connection.execute(news)
        except Exception:  # noqa: BLE001  # nothing was lost but a wake-up
            self._drop(self.connection)

    async def _begin(self) -> Sql:
        """Begin a transaction: on a new connection, where the one there is has been lost."""
        if self.connection is not None and not self.connection.is_closed():
            try:
                await self.connection.execute(self._opening)
            except BaseException as error:
                self._drop(self.connection)
                if not is_everybodys(error):
                    raise
            else:
                return self.connection
        self.connection = connection = await self._connect()
        connection.add_log_listener(self._hear)
        try:
            await connection.execute(self._opening)
        except BaseException:
            self._drop(connection)
            raise
        return connection

    def _hear(self, _connection: Any, message: asyncpg.PostgresLogMessage) -> None:
        self._is_warned = self._is_warned or message.severity_en == "WARNING"

    async def _abandon(self, connection: Sql, error: BaseException) -> None:
        """Leave nothing of the transaction; after a fault of the connection, start from a new one.

        One that cannot even roll back is given up: the server rolls back what its client left.
        """
        if is_everybodys(error) or connection.is_closed():
            self._drop(connection)
            return
        try:
            await connection.execute("ROLLBACK")
        except Exception:  # noqa: BLE001  # the first error is the one to tell
            self._drop(connection)

    def _drop(self, connection: Sql) -> None:
        connection.terminate()
        self.connection = None


async def _take_leave(connection: Sql) -> None:
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            await connection.close()
    except Exception:  # noqa: BLE001  # the server may be away; nothing is left to lose
        connection.terminate()


def _size_bytes(argument: object) -> int:
    """Return how many bytes of any length a call brings to be kept."""
    if isinstance(argument, Recording):
        notification = argument.notification
        return len(notification.body) + len(notification.enrichment or b"")
    if isinstance(argument, Life):
        documents = sum(len(content) for _, content in argument.documents)
        return documents + sum(_size_bytes(one) for one in argument.recordings)
    return 0


def _by_verb(batch: Sequence[_Call]) -> list[list[_Call]]:
    """Put the calls of a verb together: concurrent calls may happen in any order.

    Each verb's callers hear before the next verb begins. A settlement whose lease was taken
    over in the same batch must hear of it after the one who took it has the lease.
    """
    groups: dict[Any, list[_Call]] = {}
    for call in batch:
        groups.setdefault(call.verb, []).append(call)
    return list(groups.values())


def _mend(call: _Call) -> bool:
    """Replace the NULs in what is to be kept by their symbol: PostgreSQL's texts hold none.

    Returns whether there was one. Bodies are bytes and stay as they are.
    """
    argument = call.argument
    call.argument = _mended(argument)
    return bool(call.argument != argument)


def _mended(value: Any) -> Any:
    if isinstance(value, str) and "\x00" in value:
        return value.replace("\x00", "\N{SYMBOL FOR NULL}")
    if isinstance(value, tuple):
        return tuple(_mended(one) for one in value)
    if isinstance(value, msgspec.Struct):
        fields = {name: _mended(getattr(value, name)) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    return value
