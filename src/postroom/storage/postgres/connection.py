"""Connections to PostgreSQL, and what its errors mean to a person."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import asyncpg

from postroom.errors import InvalidInputError, UnavailableError
from postroom.storage.postgres import hosts

CONNECT_SECONDS = 5.0
"""How long one host may take to let us in."""
ROAD_SECONDS = 10.0
"""How long one statement of the road may take before the database counts as away."""
PLAN_SECONDS = 1
"""How long a plan is kept. One made while a table was all but empty may read all that a listener
was ever owed, for that was as cheap; the next sees how large the table has become, analysed or
not."""
PATIENT_SECONDS = 120.0
"""The same for what people ask for."""
PRESENCE_SECONDS = 5.0
"""The same for signs of life."""

Row = Sequence[Any]


class Sql(Protocol):
    """A connection, as far as the store uses one."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement, or several without arguments; return the tag of the last."""
        ...

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        """Run a statement; return its rows."""
        ...

    async def fetchrow(self, query: str, *args: Any) -> Row | None:
        """Run a statement; return its first row."""
        ...

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Run a statement; return the first value of its first row."""
        ...

    def transaction(self, **options: Any) -> Any:
        """Return a transaction as a context."""
        ...

    def cursor(self, query: str, *args: Any, prefetch: int) -> Any:
        """Return the rows of a statement as an asynchronous iterator, some at a time."""
        ...

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """Call back with every NOTIFY on a channel."""
        ...

    def add_log_listener(self, callback: Callable[..., None]) -> None:
        """Call back with every warning and notice of the server, before its answer is known."""
        ...

    def add_termination_listener(self, callback: Callable[..., None]) -> None:
        """Call back when the connection is gone."""
        ...

    def get_server_pid(self) -> int:
        """Return the number of the server's process for this connection."""
        ...

    def is_closed(self) -> bool:
        """Tell whether the connection is gone, as far as is known."""
        ...

    def terminate(self) -> None:
        """Let go of it at once."""
        ...

    async def close(self) -> None:
        """Take leave of the server."""
        ...


# --- connecting -------------------------------------------------------------------------------

_SESSION = {
    "application_name": "postroom",
    "jit": "off",
    # The server lets go of a client that is cut off, and of what it has locked: nobody else could
    # go on with those envelopes for hours.
    "client_connection_check_interval": "5s",
    "tcp_keepalives_idle": "10s",
    "tcp_keepalives_interval": "5s",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20s",
}
_WRITES = {
    # As above, where the network keeps the connection of a client that is gone.
    "idle_in_transaction_session_timeout": "20s",
    # Hot statements look rows up by keys, whatever the planner thinks of a table that is small,
    # or was when it was last analysed.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # A bitmap of all that a listener was ever owed is the shortest way to its line while that is
    # little, and not for long.
    "enable_bitmapscan": "off",
    "plan_cache_mode": "force_generic_plan",
}
_NEVER_SKIP_THE_DISK = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)


async def connect(dsn: str, *, seconds: float) -> Sql:
    """Open a connection with nothing special about it."""
    return await _connect(dsn, {}, seconds)


async def connect_writer(dsn: str, *, seconds: float) -> Sql:
    """Open a connection that writes: durable at every commit, at the least.

    Where the server is set to wait for standbys too, it does.
    """
    connection = await _connect(dsn, _WRITES, seconds)
    await connection.execute(_NEVER_SKIP_THE_DISK)
    return connection


async def connect_reader(dsn: str) -> Sql:
    """Open a connection for questions; it cannot write."""
    connection = await _connect(dsn, {}, PATIENT_SECONDS)
    # Not while connecting: `target_session_attrs=read-write` would pass the server over for it.
    await connection.execute("SET default_transaction_read_only = on")
    return connection


async def _connect(dsn: str, settings: dict[str, str], seconds: float) -> Sql:
    async def connect(host_dsn: str) -> Sql:
        opened = await asyncpg.connect(
            host_dsn,
            timeout=CONNECT_SECONDS,
            command_timeout=seconds,
            max_cached_statement_lifetime=PLAN_SECONDS,
            server_settings=_SESSION | settings,
        )
        return cast("Sql", opened)

    try:
        return await hosts.first(dsn, connect)
    except ValueError as error:
        # What the driver says of it may quote a part of the password.
        raise InvalidInputError(
            "the DSN of PostgreSQL cannot be read; write it as postgresql://USER:PASSWORD@HOST/"
            "DATABASE, with %-escapes for what is special in the password"
        ) from error


# --- nodes ------------------------------------------------------------------------------------

WHOLE_STORE = 0x706F7375
"""The class of advisory locks on what there is but one of: the tables (1), the registry (2)."""


async def new_node(dsn: str) -> int:
    """Return a number that no other node of the database has or had.

    Raises `UnavailableError` where the database cannot be asked.
    """
    try:
        connection = await _connect(dsn, {}, ROAD_SECONDS)
        try:
            return int(await connection.fetchval("SELECT nextval('node_number')"))
        finally:
            connection.terminate()
    except Exception as error:
        raise trouble(error) from error


# --- what goes wrong --------------------------------------------------------------------------

# Faults of the connection or the server, which no call of a batch is to blame for.
_EVERYBODYS = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.PostgresSystemError,
    asyncpg.PostgresIOError,
    asyncpg.TargetServerAttributeNotMatched,
    asyncpg.InterfaceError,  # the driver's own complaint: the connection is gone
    asyncpg.InternalClientError,
    OSError,  # what sockets raise, and `TimeoutError`
)
# Two nodes met; whoever is told so begins again.
_CONFLICTS = (
    asyncpg.TransactionRollbackError,
    asyncpg.UniqueViolationError,
    asyncpg.LockNotAvailableError,
)


class UnconfirmedError(asyncpg.InterfaceError):  # type: ignore[misc]  # the driver has no types
    """A commit that is on this server's disk, and not on the standby that it was to wait for."""


_REMEDIES: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.InvalidAuthorizationSpecificationError, "it refuses the user; check the DSN"),
    (asyncpg.InvalidCatalogNameError, "there is no such database; create it, or check the DSN"),
    (asyncpg.DiskFullError, "its disk is full; make room"),
    (asyncpg.TooManyConnectionsError, "it has no connection left; raise `max_connections`"),
    (asyncpg.InsufficientResourcesError, "it lacks memory or disk; look at its log"),
    (asyncpg.InvalidTransactionStateError, "it does not write; wait for the new primary"),
    (UnconfirmedError, "its standby does not confirm; see that one runs and follows"),
    (TimeoutError, "it does not answer in time; look at its load and the network"),
)


class OvertakenError(Exception):
    """Another node changed what a transaction had decided by: it begins again."""


def is_everybodys(error: BaseException) -> bool:
    """Tell whether a fault is the connection's or the server's, not of what was asked."""
    return isinstance(error, _EVERYBODYS)


def is_conflict(error: BaseException) -> bool:
    """Tell whether a transaction failed for another node's sake, so that it may begin again."""
    return isinstance(error, (OvertakenError, *_CONFLICTS))


def trouble(error: BaseException) -> BaseException:
    """Return what the callers of the store shall see instead of a driver's error."""
    if isinstance(error, asyncpg.DataError | UnicodeError | OverflowError):
        # The driver would quote the value, whatever and however long it is.
        return InvalidInputError(
            "it cannot be kept or found: a number is beyond 64 bits, or a text is not Unicode or"
            " has a NUL in it"
        )
    if isinstance(error, asyncpg.ProgramLimitExceededError):
        return InvalidInputError("it cannot be kept or found, for a part of it is too long")
    if is_everybodys(error):
        remedy = next(
            (text for kind, text in _REMEDIES if isinstance(error, kind)),
            "it cannot be reached; see that it runs and that the DSN names it",
        )
        said = str(error) or type(error).__name__
        return UnavailableError(f"PostgreSQL cannot be used now: {remedy} ({said})")
    if is_conflict(error):
        return UnavailableError(f"other nodes were always faster; try again ({error})")
    return error
