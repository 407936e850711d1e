"""Databases as wholes: moved to another, copied while they are served."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from postroom.app.database import driver, migrate, only_one, open_store, revision, vault_of
from postroom.clock import SystemClock
from postroom.errors import InvalidInputError, NotFoundError
from postroom.settings import Settings
from postroom.storage import copying, sqlite


async def copy(source: Settings, target: Settings, *, told: copying.Told) -> copying.Copied:
    """Move an installation to another database, or go on with that; see `storage.copying`.

    Raises `NotFoundError` where there is no source, `ConflictError` for a database that is served,
    has moved, or is not empty; `InvalidInputError` for tables of another release, and where the key
    of the target does not open the secrets of the source.
    """
    now = SystemClock().now()
    _is_there(source)
    async with _end(source) as here:
        if await revision(target) is None:
            await migrate(target, told=lambda _: None)
        async with _end(target) as there:
            stand = await copying.look(here, there)
            if sealed := await copying.secrets_of(here):
                key = vault_of(target, has_secrets=True)
                for one in sealed:
                    key.open(one)
            if stand == "new":
                await _free_leases(source, now)
            return await copying.copy(here, there, stand=stand, now=now, told=told)


async def undo_copy(source: Settings) -> copying.Relocation | None:
    """Let a database be served again that a copy has moved; return the copy, if there was any.

    Raises as `copy` does for its source.
    """
    _is_there(source)
    async with _end(source) as here:
        return await copying.undo(here)


async def backup(
    settings: Settings, file: Path, *, may_replace: bool, told: Callable[[int, int], None]
) -> sqlite.backup.Taken:
    """Copy the database file, checked, while it is served; see `storage.sqlite.backup`.

    `told` hears how many pages of how many are copied. Raises as `sqlite.backup.take`, and
    `InvalidInputError` for a database that is not in a file.
    """
    if not settings.is_embedded:
        raise InvalidInputError(
            "backup copies a database file; PostgreSQL has its own tools: pg_dump for one moment,"
            " pg_basebackup with archived logs for every moment"
        )
    return await asyncio.to_thread(
        sqlite.backup.take, settings.sqlite_path, file, may_replace=may_replace, told=told
    )


def _is_there(source: Settings) -> None:
    if source.is_embedded and not source.sqlite_path.exists():
        raise NotFoundError(f"there is no database {source.sqlite_path}; give another --from")


async def _free_leases(source: Settings, now: int) -> None:
    """Give back what nodes that are gone had leased, as a node does that starts."""
    store = await open_store(source)
    try:
        await store.free_leases(now)
    finally:
        await store.close()


@asynccontextmanager
async def _end(settings: Settings) -> AsyncIterator[copying.End]:
    """Open a database as one end of a copy, kept from servers; it has this release's tables."""
    if settings.is_embedded:
        with only_one(settings.sqlite_path):
            end = await sqlite.copying.open_end(settings.sqlite_path)
            try:
                await copying.must_have_these_tables(end)
                yield end
            finally:
                await end.close()
        return
    with driver():
        from postroom.storage.postgres import copying as postgres  # noqa: PLC0415  # as above
    end = await postgres.open_end(settings.database)
    try:
        await copying.must_have_these_tables(end)
        await end.hold()
        yield end
    finally:
        await end.close()
