"""PostgreSQL as one end of a copy to another database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from postroom.errors import ConflictError, InvalidInputError
from postroom.storage import kept_queries
from postroom.storage.copying import End, Numbers, Relocation
from postroom.storage.copying.ends import Far
from postroom.storage.copying.parts import PARTS, Row
from postroom.storage.copying.relocation import metadata, of_row, refuse
from postroom.storage.postgres import connection, questions, tables
from postroom.storage.postgres.connection import WHOLE_STORE, Sql, trouble
from postroom.storage.postgres.locks import NODES
from postroom.storage.postgres.writer import FIRST_TOTALS

# For much at once, other plans than for the road's single rows.
_MUCH = "SET enable_seqscan = on; SET enable_hashjoin = on; SET plan_cache_mode = auto"
_HOLD = f"SELECT pg_try_advisory_lock({WHOLE_STORE}, 4)"
_SERVED = (
    "SELECT count(DISTINCT objid) FROM pg_locks WHERE locktype = 'advisory'"  # noqa: S608  # a constant
    f" AND classid::bigint = {NODES} AND objsubid = 2 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_RELOCATIONS = "SELECT copy_id, role, other, begun_at, ended_at FROM relocation"
_REMEMBER = (
    "INSERT INTO relocation (copy_id, role, other, begun_at, ended_at) VALUES ($1, $2, $3, $4, $5)"
)
_FAR = (
    "INSERT INTO relocation_progress (part, after, copied) VALUES ($1, $2, $3)"
    " ON CONFLICT (part) DO UPDATE SET after = excluded.after, copied = excluded.copied"
)
# A chunk may be lost by a crash together with what says that it is there. The last commit of a
# copy waits for the disk, and so for all that were before it.
_SWIFT = "SET LOCAL synchronous_commit = off"

_SEQUENCES = {
    "notification_seq": "notification_seq",
    "envelope_number": "envelope_number",
    "delivery_id": "delivery_id",
    "kept_number": "kept_number",
}
_REVISIONS = ("registry_revision", "secrets_revision", "states_revision")
_TOTALS = ("notifications", "unclaimed", "unreadable", "delivered")
_GIVEN_OUT = "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {}"


class _Bulk(Sql, Protocol):
    """A connection by which much can be loaded."""

    async def copy_records_to_table(
        self, table_name: str, *, records: Sequence[Row], columns: Sequence[str]
    ) -> str:
        """Add rows by COPY."""
        ...


async def refuse_what_has_moved(dsn: str) -> None:
    """Raise `ConflictError` for a database that a copy has moved away, or has not filled yet."""
    with _in_words():
        asked = await connection.connect_reader(dsn)
        try:
            refuse(_place(dsn), await _relocations(asked))
        finally:
            asked.terminate()


async def open_end(dsn: str) -> End:
    """Open a database, which has its tables, as one end of a copy."""
    with _in_words():
        opened = await connection.connect_writer(dsn, seconds=tables.MIGRATION_SECONDS)
        await opened.execute(_MUCH)
    return PostgresEnd(dsn, cast("_Bulk", opened))


class PostgresEnd:
    """What a copy asks of the database; see `copying.End`."""

    def __init__(self, dsn: str, opened: _Bulk) -> None:
        self.place = _place(dsn)
        self._dsn = dsn
        self._sql = opened

    async def hold(self) -> None:
        """Keep other copies off, until the connection ends; see that no node is there."""
        with _in_words():
            if not await self._sql.fetchval(_HOLD):
                raise ConflictError(f"another copy is at work on {self.place}; wait for it to end")
            served = await self._sql.fetchval(_SERVED)
            if served:
                raise ConflictError(
                    f"{self.place} is in use by {served} other process(es): stop every node, and"
                    " give the same command again"
                )
            # Whoever was killed has left its row: none of them is there.
            await self._sql.execute("DELETE FROM node")

    async def revision(self) -> str | None:
        """Return the revision of its tables."""
        return await tables.revision(self._dsn)

    async def ask(self, statement: sa.Select[Any]) -> Sequence[Row]:
        """Return the rows of a question."""
        with _in_words():
            return await questions.ask(self._sql, statement)

    async def relocations(self) -> Sequence[Relocation]:
        """Return the copies it remembers."""
        with _in_words():
            return await _relocations(self._sql)

    async def remember(self, known: Sequence[Relocation]) -> None:
        """Remember these copies and no others."""
        with _in_words():
            async with self._sql.transaction():
                await self._remember(known)

    async def progress(self) -> dict[str, Far]:
        """Return how far it is as a target."""
        with _in_words():
            found = await self._sql.fetch("SELECT part, after, copied FROM relocation_progress")
        return {
            part: Far(after=msgspec.json.decode(after), copied=copied)
            for part, after, copied in found
        }

    async def put(self, table: sa.Table, rows: Sequence[Row], part: str, far: Far) -> None:
        """Add rows, and remember how far it is then."""
        with _in_words():
            async with self._sql.transaction():
                await self._sql.execute(_SWIFT)
                await self._add(table, rows)
                after = msgspec.json.encode(far.after).decode()
                await self._sql.execute(_FAR, part, after, far.copied)

    async def numbers(self) -> Numbers:
        """Return the numbers given out, the revisions and the totals."""
        with _in_words():
            given_out = {
                name: await self._sql.fetchval(_GIVEN_OUT.format(sequence))
                for name, sequence in _SEQUENCES.items()
            }
            sums = ", ".join(f"sum({name})::bigint" for name in (*_REVISIONS, *_TOTALS))
            row = await self._sql.fetchrow(f"SELECT {sums} FROM tally")  # noqa: S608  # names of columns
        assert row is not None  # noqa: S101  # sums always are a row
        return Numbers(**given_out, **dict(zip((*_REVISIONS, *_TOTALS), row, strict=True)))

    async def finish(self, numbers: Numbers, known: Sequence[Relocation]) -> None:
        """Set the numbers, forget the progress and remember these copies; plan by what is there."""
        with _in_words():
            async with self._sql.transaction():
                await self._set_numbers(numbers)
                await self._remember(known)
                await self._sql.execute("DROP TABLE relocation_progress")
            await self._sql.execute("ANALYZE")

    def found_by(self, text: str) -> str:
        """Return the text, or the hash of one too long for an index."""
        return kept_queries.found_by(text)

    async def close(self) -> None:
        """Let go of the database."""
        self._sql.terminate()

    async def _add(self, table: sa.Table, rows: Sequence[Row]) -> None:
        try:
            await self._sql.copy_records_to_table(table.name, records=rows, columns=table.c.keys())
        except asyncpg.UniqueViolationError as error:
            raise InvalidInputError(
                f"two rows of {table.name} differ only by a NUL where PostgreSQL can hold none;"
                " remove one of them in the source"
            ) from error

    async def _set_numbers(self, numbers: Numbers) -> None:
        for name, sequence in _SEQUENCES.items():
            await self._set_sequence(sequence, getattr(numbers, name))
        for part in PARTS:
            counted = part.table.autoincrement_column
            if counted is not None:
                name = await self._sql.fetchval(
                    "SELECT pg_get_serial_sequence($1, $2)", part.name, counted.name
                )
                newest = f"SELECT coalesce(max({counted.name}), 0) FROM {part.name}"  # noqa: S608  # names of the schema
                await self._set_sequence(name, await self._sql.fetchval(newest))
        for names, row in ((_REVISIONS, 1), (_TOTALS, FIRST_TOTALS)):
            values = ", ".join(f"{name} = {int(getattr(numbers, name))}" for name in names)
            await self._sql.execute(f"UPDATE tally SET {values} WHERE id = {row}")  # noqa: S608  # numbers only

    async def _set_sequence(self, name: str, given_out: int) -> None:
        await self._sql.execute("SELECT setval($1::regclass, $2, false)", name, given_out + 1)

    async def _remember(self, known: Sequence[Relocation]) -> None:
        await self._sql.execute("SET LOCAL client_min_messages = warning")
        for table in metadata.sorted_tables:
            made = sa.schema.CreateTable(table, if_not_exists=True)
            await self._sql.execute(str(made.compile(dialect=postgresql.dialect())))  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
        await self._sql.execute("DELETE FROM relocation")
        for one in known:
            await self._sql.execute(_REMEMBER, *msgspec.structs.astuple(one))


async def _relocations(sql: Sql) -> list[Relocation]:
    if await sql.fetchval("SELECT to_regclass('relocation')") is None:
        return []
    return [of_row(row) for row in await sql.fetch(_RELOCATIONS)]


def _place(dsn: str) -> str:
    """Return a DSN without its password, and without options, which may hold one too."""
    parts = urlsplit(dsn)
    user, _, hosts = parts.netloc.rpartition("@")
    named = user.partition(":")[0]
    return f"postgresql://{f'{named}@' if named else ''}{hosts}{parts.path}"


@contextmanager
def _in_words() -> Iterator[None]:
    """Say of what goes wrong what it means to a person."""
    try:
        yield
    except Exception as error:
        seen = trouble(error)
        if seen is error:
            raise
        raise seen from error
