"""The file as one end of a copy to another database."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from postroom.storage.copying import End, Numbers, Relocation
from postroom.storage.copying.ends import Far
from postroom.storage.copying.parts import Row
from postroom.storage.copying.relocation import metadata, of_row, refuse
from postroom.storage.sqlite import connection, questions

R = TypeVar("R")

_RELOCATIONS = "SELECT copy_id, role, other, begun_at, ended_at FROM relocation"
_REMEMBER = (
    "INSERT INTO relocation (copy_id, role, other, begun_at, ended_at) VALUES (?, ?, ?, ?, ?)"
)
_FAR = (
    "INSERT INTO relocation_progress (part, after, copied) VALUES (?, ?, ?)"
    " ON CONFLICT (part) DO UPDATE SET after = excluded.after, copied = excluded.copied"
)
_TALLIED = [name for name in Numbers.__struct_fields__ if name != "kept_number"]
_NUMBERS = (
    f"SELECT {', '.join(_TALLIED)}, (SELECT coalesce(max(number), 0) FROM kept_envelope)"  # noqa: S608  # names of columns
    " FROM tally WHERE id = 1"
)
_SET_NUMBERS = f"UPDATE tally SET {', '.join(f'{name} = :{name}' for name in _TALLIED)}"  # noqa: S608  # as above


def refuse_what_has_moved(path: Path) -> None:
    """Raise `ConflictError` for a file that a copy has moved away, or has not filled yet."""
    with connection.about(path):
        reader = connection.open_reader(path)
        try:
            refuse(_place(path), _relocations(reader))
        finally:
            reader.close()


async def open_end(path: Path) -> End:
    """Open a file, which is there and has its tables, as one end of a copy."""
    return await asyncio.to_thread(SqliteEnd, path)


class SqliteEnd:
    """What a copy asks of the file; see `copying.End`. Whoever opens it holds the file's lock."""

    def __init__(self, path: Path) -> None:
        self.place = _place(path)
        self._path = path
        with connection.about(path):
            self._connection = connection.open_writer(path)

    async def hold(self) -> None:
        """Do nothing: the file's lock keeps servers and other copies off."""

    async def revision(self) -> str | None:
        """Return the revision of its tables."""
        return await asyncio.to_thread(connection.revision, self._path)

    async def ask(self, statement: sa.Select[Any]) -> Sequence[Row]:
        """Return the rows of a question."""
        return await self._do(lambda sql: questions.ask(sql, statement))

    async def relocations(self) -> Sequence[Relocation]:
        """Return the copies it remembers."""
        return await self._do(_relocations)

    async def remember(self, known: Sequence[Relocation]) -> None:
        """Remember these copies and no others."""
        await self._do(lambda sql: _in_one(sql, lambda: _remember(sql, known)))

    async def progress(self) -> dict[str, Far]:
        """Return how far it is as a target."""
        return await self._do(_progress)

    async def put(self, table: sa.Table, rows: Sequence[Row], part: str, far: Far) -> None:
        """Add rows, and remember how far it is then."""
        names = table.c.keys()
        marks = ", ".join("?" for _ in names)
        insert = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608  # names of the schema

        def work(sql: sqlite3.Connection) -> None:
            sql.executemany(insert, rows)
            sql.execute(_FAR, (part, msgspec.json.encode(far.after).decode(), far.copied))

        await self._do(lambda sql: _in_one(sql, lambda: work(sql)))

    async def numbers(self) -> Numbers:
        """Return the numbers given out, the revisions and the totals."""
        row = await self._do(lambda sql: sql.execute(_NUMBERS).fetchone())
        return Numbers(**dict(zip((*_TALLIED, "kept_number"), row, strict=True)))

    async def finish(self, numbers: Numbers, known: Sequence[Relocation]) -> None:
        """Set the numbers, forget the progress and remember these copies."""

        def work(sql: sqlite3.Connection) -> None:
            sql.execute(_SET_NUMBERS, {name: getattr(numbers, name) for name in _TALLIED})
            _remember(sql, known)
            sql.execute("DROP TABLE relocation_progress")

        await self._do(lambda sql: _in_one(sql, lambda: work(sql)))
        await self._do(lambda sql: sql.execute("PRAGMA optimize"))

    def found_by(self, text: str) -> str:
        """Return the text itself: indexes hold any length here."""
        return text

    async def close(self) -> None:
        """Let go of the file."""
        await asyncio.to_thread(self._connection.close)

    async def _do(self, work: Callable[[sqlite3.Connection], R]) -> R:
        return await asyncio.to_thread(self._told, work)

    def _told(self, work: Callable[[sqlite3.Connection], R]) -> R:
        with connection.about(self._path):
            return work(self._connection)


def _place(path: Path) -> str:
    return f"sqlite:///{path}"


def _in_one(sql: sqlite3.Connection, work: Callable[[], None]) -> None:
    with _transaction(sql):
        work()


@contextmanager
def _transaction(sql: sqlite3.Connection) -> Iterator[None]:
    sql.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        sql.execute("ROLLBACK")
        raise
    sql.execute("COMMIT")


def _has(sql: sqlite3.Connection, table: str) -> bool:
    found = sql.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,))
    return found.fetchone() is not None


def _relocations(sql: sqlite3.Connection) -> list[Relocation]:
    if not _has(sql, "relocation"):
        return []
    return [of_row(row) for row in sql.execute(_RELOCATIONS)]


def _remember(sql: sqlite3.Connection, known: Sequence[Relocation]) -> None:
    for table in metadata.sorted_tables:
        made = sa.schema.CreateTable(table, if_not_exists=True)
        sql.execute(str(made.compile(dialect=sqlite_dialect())))
    sql.execute("DELETE FROM relocation")
    sql.executemany(_REMEMBER, [msgspec.structs.astuple(one) for one in known])


def _progress(sql: sqlite3.Connection) -> dict[str, Far]:
    found = sql.execute("SELECT part, after, copied FROM relocation_progress")
    return {
        part: Far(after=msgspec.json.decode(after), copied=copied) for part, after, copied in found
    }
