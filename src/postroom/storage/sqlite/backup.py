"""A copy of the file as it was at one moment, taken while it is written to."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from postroom.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from postroom.model import Noun
from postroom.storage.sqlite import connection

PAGES = 4_096
"""How many are read at a time, 16 MB, between two signs of progress."""


class Taken(Noun, frozen=True, kw_only=True):
    """A backup that is whole."""

    file: str
    size_bytes: int
    notifications: int


Told = Callable[[int, int], None]
"""Hears how many pages are copied, and how many there are."""


def take(path: Path, file: Path, *, may_replace: bool, told: Told) -> Taken:
    """Write a copy of a database to a file of its own, check it, and give it its name.

    Servers go on meanwhile: the copy is of the moment at which it began. Until it is whole it is
    in `FILE.partial`. Raises `NotFoundError` where there is no database, `ConflictError` for a file
    that is there unless it `may_replace` it, `UnavailableError` where the copy cannot be written.
    """
    if not path.exists():
        raise NotFoundError(f"there is no database {path}; give --database")
    if file.exists():
        if file.samefile(path):
            raise InvalidInputError(f"{file} is the database itself; give the backup another name")
        if not may_replace:
            raise ConflictError(f"{file} is there already; give another name, or --force")
    draft = file.with_name(f"{file.name}.partial")
    try:
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with connection.about(path), closing(connection.open_reader(path)) as source:
            taken = _taken(source, draft, file, told)
        _name(draft, file)
    except OSError as problem:
        raise UnavailableError(
            f"{file} cannot be written: {problem.strerror}; check its folder and the disk"
        ) from problem
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return taken


def _taken(source: sqlite3.Connection, draft: Path, file: Path, told: Told) -> Taken:
    """Copy and check; return what the copy holds."""
    with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
        # One read transaction all along: whoever writes meanwhile would make it begin again.
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM tally").fetchone()
        source.backup(
            copy, pages=PAGES, sleep=0, progress=lambda _, left, total: told(total - left, total)
        )
        source.execute("COMMIT")
        # By itself: a backup is one file, without a log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
        found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise UnavailableError(f"the copy is damaged ({found}); look at the disk and try again")
        notifications = copy.execute("SELECT notifications FROM tally WHERE id = 1").fetchone()[0]
    return Taken(file=str(file), size_bytes=draft.stat().st_size, notifications=int(notifications))


def _name(draft: Path, file: Path) -> None:
    """Give a whole copy its name, for good."""
    _sync(draft)
    draft.replace(file)
    _sync(file.parent)


def _sync(place: Path) -> None:
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
