"""The stores that the contract is held against: one more backend is one more parameter."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest
from tests.contract import postgres
from tests.contract.store_cast import AUDIT, put

from postroom.storage.port import Store
from postroom.storage.postgres import open_store as open_postgres
from postroom.storage.sqlite import open_store


class Backend(Protocol):
    """Opens stores on one database; whatever is open at the end is closed."""

    kind: str

    @property
    def place(self) -> str:
        """Where the database is, once it has been opened, as a process is told."""
        ...

    async def open(self) -> Store:
        """Open the database, as a starting process does."""
        ...

    async def crash(self) -> Store:
        """Open the database as a killed process would leave it at this moment."""
        ...


class SqliteBackend:
    """A file in the test's own folder."""

    kind = "sqlite"

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._path = folder / "postroom.db"
        self._stack = stack
        self._lives = 0

    @property
    def place(self) -> str:
        return str(self._path)

    async def open(self) -> Store:
        store = await open_store(self._path)
        self._stack.push_async_callback(store.close)
        return store

    async def crash(self) -> Store:
        """Go on with a copy of the files: no close, no checkpoint, as after `kill -9`."""
        self._lives += 1
        left = self._path.with_name(f"life-{self._lives}.db")
        for suffix in ("", "-wal"):
            if (found := Path(f"{self._path}{suffix}")).exists():
                shutil.copy(found, f"{left}{suffix}")
        self._path = left
        return await self.open()


class PostgresBackend:
    """A database of the test's own on the server that this process has started."""

    kind = "postgres"

    def __init__(self, _folder: Path, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._dsn: str | None = None

    @property
    def place(self) -> str:
        assert self._dsn is not None
        return self._dsn

    async def open(self) -> Store:
        if self._dsn is None:
            self._dsn = await postgres.server().new_database()
            self._stack.push_async_callback(postgres.server().give_back, self._dsn)
        store = await open_postgres(self._dsn)
        self._stack.push_async_callback(store.close)
        return store

    async def crash(self) -> Store:
        """Cut the connections of all that is open: what was in them is lost, as after `kill -9`.

        A crash of the server itself is a test of its own.
        """
        await postgres.server().cut_off(self.place)
        return await self.open()


BACKENDS: dict[str, Callable[[Path, AsyncExitStack], Backend]] = {
    "sqlite": SqliteBackend,
    "postgres": PostgresBackend,
}
"""Every backend, by its name: what makes one from a folder of the test and what closes after."""


@pytest.fixture(params=BACKENDS)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    async with AsyncExitStack() as stack:
        yield BACKENDS[request.param](tmp_path, stack)


@pytest.fixture
async def empty(backend: Backend) -> Store:
    """Return a store in which nothing was ever written."""
    return await backend.open()


@pytest.fixture
async def store(backend: Backend) -> Store:
    """Return a store at revision 1, with the listeners `erp` and `crm`."""
    store = await backend.open()
    await store.change([put("erp"), put("crm")], AUDIT)
    return store


async def _listener_id(store: Store, name: str) -> int:
    listeners = (await store.registry()).listeners.values()
    return next(one.id for one in listeners if one.name == name)


@pytest.fixture
async def erp(store: Store) -> int:
    return await _listener_id(store, "erp")


@pytest.fixture
async def crm(store: Store) -> int:
    return await _listener_id(store, "crm")


@pytest.fixture(scope="session", autouse=True)
def _stop_what_was_started() -> Iterator[None]:
    yield
    postgres.stop_server()
