"""A database as the settings name it: opened, brought up to date, kept by one server."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path

from postroom import vault
from postroom.clock import SECOND, Clock, SystemClock, VirtualClock
from postroom.errors import ConflictError, InvalidInputError
from postroom.esign.account import Accounts
from postroom.settings import Settings
from postroom.storage import sqlite
from postroom.storage.migrations import Step, Told
from postroom.storage.port import Store
from postroom.vault import Vault


class Desk:
    """What a command needs to work on the database without serving."""

    def __init__(self, *, store: Store, vault: Vault, clock: Clock, esign: Accounts) -> None:
        self.store = store
        self.vault = vault
        self.clock = clock
        self.esign = esign


@asynccontextmanager
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """Open the store and the vault of the settings, and close them after."""
    clock = _clock(settings)
    store = await open_store(settings)
    esign = Accounts(
        clock=clock,
        machine_clock=SystemClock(),
        allow_private_addresses=settings.allow_private_addresses or settings.offline,
        ca_file=str(settings.ca_file) if settings.ca_file else None,
    )
    try:
        sealing = vault_of(settings, has_secrets=bool(await store.secrets()))
        yield Desk(store=store, vault=sealing, clock=clock, esign=esign)
    finally:
        await esign.close()
        await store.close()


def key_file(settings: Settings) -> Path | None:
    """Return the file whose key seals a database file's secrets, unless another is given."""
    file = vault.file_beside(settings.sqlite_path)
    return file if settings.is_embedded and not settings.secret_key and file.exists() else None


def vault_of(settings: Settings, *, has_secrets: bool) -> Vault:
    """Return what seals and opens the secrets of a database; see `vault.load`."""
    given = settings.secret_key.get_secret_value() if settings.secret_key else None
    return vault.load(given, beside=settings.sqlite_path, has_secrets=has_secrets)


async def open_store(settings: Settings) -> Store:
    """Open the store that the settings name."""
    if settings.is_embedded:
        return await sqlite.open_store(settings.sqlite_path, may_migrate=settings.migrate)
    with driver():
        from postroom.storage import postgres  # noqa: PLC0415  # its driver is an extra
    return await postgres.open_store(settings.database, may_migrate=settings.migrate)


async def revision(settings: Settings) -> str | None:
    """Return the revision of the database's tables, None where there are none yet."""
    if settings.is_embedded:
        return await asyncio.to_thread(sqlite.connection.revision, settings.sqlite_path)
    with driver():
        from postroom.storage.postgres import tables  # noqa: PLC0415  # as above
    return await tables.revision(settings.database)


async def migrate(settings: Settings, *, told: Told) -> Sequence[Step]:
    """Bring the database's tables up to date; return the steps, none if another did it first."""
    if settings.is_embedded:
        return await asyncio.to_thread(sqlite.connection.prepare, settings.sqlite_path, told=told)
    with driver():
        from postroom.storage.postgres import tables  # noqa: PLC0415  # as above
    return await tables.prepare(settings.database, told=told)


@contextmanager
def driver() -> Iterator[None]:
    """Say what to install where PostgreSQL's driver is not there."""
    try:
        yield
    except ModuleNotFoundError:
        raise InvalidInputError(
            "database: PostgreSQL needs its driver; install postroom[server,postgresql]"
        ) from None


@contextmanager
def only_one(database: Path) -> Iterator[None]:
    """Hold the file lock that keeps a second server off an embedded database."""
    lock = os.open(f"{database}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                f"another Postroom serves {database}; stop it first, or give another --database"
            ) from None
        yield
    finally:
        os.close(lock)


def _clock(settings: Settings) -> Clock:
    if settings.virtual_clock is None:
        now = SystemClock().now()
        return VirtualClock(now, runs=True) if settings.offline else SystemClock()
    try:
        start = datetime.fromisoformat(settings.virtual_clock)
    except ValueError:
        raise InvalidInputError(
            f"virtual_clock: {settings.virtual_clock!r} is not an ISO 8601 moment"
        ) from None
    return VirtualClock(round(start.timestamp() * SECOND))
