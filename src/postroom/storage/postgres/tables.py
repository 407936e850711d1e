"""The tables on PostgreSQL: made, brought up to date while nodes serve, told apart from others'."""

import asyncio

import asyncpg

from postroom.errors import InvalidInputError
from postroom.storage import migrations
from postroom.storage.migrations import Step, Told
from postroom.storage.postgres.connection import ROAD_SECONDS, WHOLE_STORE, Sql, connect, trouble

_UPGRADING = f"SELECT pg_advisory_xact_lock({WHOLE_STORE}, 1)"
_TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"

MIGRATION_SECONDS = 24 * 3600.0
"""A migration, or the wait for another node's, takes as long as the tables are large."""
TABLE_SECONDS = 2
"""How long a migration waits for a table that others read: they would queue up behind it."""
MIGRATION_TRIES = 60


async def prepare(
    dsn: str, *, may_migrate: bool = True, told: Told = lambda _: None
) -> tuple[Step, ...]:
    """Make the tables if there are none, bring them up to date, and return by what steps.

    Nodes go on serving meanwhile: where they have a table for too long, it begins again later.
    Raises `InvalidInputError` for a DSN that cannot be read, a database that is not ours or
    whose tables are of a later generation, `ConflictError` for older tables if not `may_migrate`,
    `UnavailableError` where it cannot be opened or is never free.
    """
    try:
        connection = await connect(dsn, seconds=MIGRATION_SECONDS)
        try:
            for _ in range(MIGRATION_TRIES - 1):
                try:
                    return await _prepare(connection, may_migrate=may_migrate, told=told)
                except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                    await asyncio.sleep(TABLE_SECONDS)
            return await _prepare(connection, may_migrate=may_migrate, told=told)
        finally:
            connection.terminate()
    except Exception as error:
        raise trouble(error) from error


async def _prepare(connection: Sql, *, may_migrate: bool, told: Told) -> tuple[Step, ...]:
    if may_migrate:
        await _go_ahead(connection)
    async with connection.transaction():
        # Nodes that open a new database at once do not get in each other's way.
        await connection.execute(_UPGRADING)
        present = await _revision(connection)
        if not migrations.is_wanted(present, may_migrate=may_migrate):
            return ()
        await connection.execute(f"SET LOCAL lock_timeout = '{TABLE_SECONDS}s'")
        made, is_new = migrations.steps(present), present is None
        for step in made:
            migrations.announce(step, told, is_new=is_new)
            await connection.execute(migrations.script("postgresql", present, step.revision))
            present = step.revision
        return made


async def _go_ahead(connection: Sql) -> None:
    """Do what takes long before everybody must wait for the rest."""
    present = await _revision(connection)
    for statement in migrations.ahead(present):
        async with connection.transaction():
            await connection.execute(_UPGRADING)
            if await _revision(connection) != present:
                return  # another node was faster
            await connection.execute(f"SET LOCAL lock_timeout = '{TABLE_SECONDS}s'")
            await connection.execute(statement)


async def revision(dsn: str) -> str | None:
    """Return the revision of a database's tables, None where there are none yet.

    Raises `InvalidInputError` for a DSN that cannot be read and a database that is not ours,
    `UnavailableError` where it cannot be asked.
    """
    try:
        connection = await connect(dsn, seconds=ROAD_SECONDS)
        try:
            return await _revision(connection)
        finally:
            connection.terminate()
    except Exception as error:
        raise trouble(error) from error


async def _revision(connection: Sql) -> str | None:
    """Return the revision of our tables, None where there are none; refuse others' databases."""
    tables = {row[0] for row in await connection.fetch(_TABLES)}
    if not tables:
        return None
    if not {"alembic_version", "tally"} <= tables:
        raise InvalidInputError(
            "the database holds another program's tables; give Postroom a database of its own"
        )
    revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    return None if revision is None else str(revision)
