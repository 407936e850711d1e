"""Connections to the SQLite file, and what its errors mean to a person."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from postroom.errors import InvalidInputError, PostroomError, UnavailableError
from postroom.storage import migrations
from postroom.storage.migrations import Step, Told

BUSY_SECONDS = 5.0
"""How long a writer waits for another process, such as a command beside a running server."""
OLDEST_SQLITE = (3, 40, 0)
CHECKPOINT_PAGES = 4000
"""Write-ahead log of 16 MB between checkpoints: 5 % less CPU than SQLite's 4 MB."""

_REMEDIES = {
    sqlite3.SQLITE_FULL: "the disk is full, or the database has reached its greatest size;"
    " make room",
    sqlite3.SQLITE_IOERR: "the disk does not read or write; look at the system's log",
    sqlite3.SQLITE_BUSY: "another program keeps the database locked; wait for it to end",
    sqlite3.SQLITE_LOCKED: "another program keeps the database locked; wait for it to end",
    sqlite3.SQLITE_PROTOCOL: "another program keeps the database locked; wait for it to end",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened; check that its folder exists"
    " and may be written to",
    sqlite3.SQLITE_READONLY: "the database file may not be written to; check its permissions",
    sqlite3.SQLITE_PERM: "the database file may not be written to; check its permissions",
    sqlite3.SQLITE_NOMEM: "there is no memory left; free some",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged; restore a copy of it",
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database; restore a copy of it",
}
_UNKEEPABLE = (sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH)


def trouble(error: BaseException) -> BaseException:
    """Return what the callers of the store shall see instead of a driver's error."""
    if isinstance(error, OverflowError | UnicodeEncodeError):
        return InvalidInputError(
            "it cannot be kept or found: a number is beyond 64 bits or a text is not Unicode"
            f" ({error})"
        )
    if not isinstance(error, sqlite3.Error):
        return error
    code = primary_code(error)
    if code in _UNKEEPABLE:
        return InvalidInputError(f"it cannot be kept, for it is too large ({error})")
    remedy = _REMEDIES.get(code)
    if remedy is None:
        return error
    return UnavailableError(f"the store cannot be used now: {remedy} ({error})")


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's result code without its details, 0 where the driver itself complains."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def prepare(
    path: Path, *, may_migrate: bool = True, told: Told = lambda _: None
) -> tuple[Step, ...]:
    """Create the file if there is none, bring its tables up to date, and return by what steps.

    Raises `InvalidInputError` for a file that is not ours or whose tables are of a later
    generation, `ConflictError` for older tables if not `may_migrate`, `UnavailableError` where it
    cannot be opened.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise InvalidInputError(
            f"this Python carries SQLite {sqlite3.sqlite_version}, Postroom needs 3.40 or newer;"
            " use a newer Python"
        )
    with about(path):
        # The file holds customers' messages: for its owner only. Its log takes over the mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(_connect(path, "rw")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            present = _revision(connection, path)
        if not migrations.is_wanted(present, may_migrate=may_migrate):
            return ()
        return migrations.upgrade(sa.URL.create("sqlite", database=str(path)), told=told)


def revision(path: Path) -> str | None:
    """Return the revision of the tables in a file, None where there are none yet.

    Raises `InvalidInputError` for a file that is not ours, `UnavailableError` where it cannot be
    opened.
    """
    if not path.exists():
        return None
    with about(path), closing(open_reader(path)) as connection:
        return _revision(connection, path)


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Say of what goes wrong in which file it did."""
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            f"the database {path} cannot be opened: {error.strerror};"
            " check that its folder exists and may be written to"
        ) from error
    except sqlite3.Error as error:
        raise _named(path, error) from error
    except sa.exc.DBAPIError as error:
        raise _named(path, error.orig or error) from error


def _named(path: Path, error: BaseException) -> BaseException:
    seen = trouble(error)
    return type(seen)(f"{path}: {seen}") if isinstance(seen, PostroomError) else seen


def _revision(connection: sqlite3.Connection, path: Path) -> str | None:
    """Return the revision of our tables, None in a new file; refuse what others have made."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        return None
    if "alembic_version" not in tables or "tally" not in tables:
        raise InvalidInputError(
            f"{path} is another program's database; give a file of Postroom's own, or a new one"
        )
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the connection that writes: durable at every commit."""
    connection = _connect(path, "rw")
    connection.execute("PRAGMA synchronous = FULL")
    # 8 MB. Four times that costs 10 % more CPU: a larger cache takes fresh pages from the system
    # where a smaller one uses its own again.
    connection.execute("PRAGMA cache_size = -8000")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    # After a burst the log shrinks back to this.
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write."""
    return _connect(path, "ro")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # Never `rwc`: a file that was taken away must not come back empty and unnoticed.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
