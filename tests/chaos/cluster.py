"""Two PostgreSQL servers, a primary and its synchronous standby, killed and promoted at will."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg
from tests.chaos.ports import free_port
from tests.contract.postgres import _binary, _children

HOST = "127.0.0.1"
DATABASE = "postroom"
ANSWERS_WITHIN_SECONDS = 60.0
STREAMS_WITHIN_SECONDS = 120.0
_LOOK_SECONDS = 0.05
_SETTINGS = {
    # Nothing is acknowledged before it is on both disks.
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "hot_standby": "on",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "max_connections": "100",
    "autovacuum_naptime": "5s",
    "wal_retrieve_retry_interval": "200ms",
    "wal_receiver_status_interval": "1s",
    # One call after a crash instead of one for each file.
    "recovery_init_sync_method": "syncfs",
    "log_min_messages": "warning",
}


class Server:
    """One PostgreSQL server on a loopback port, in a folder of its own."""

    def __init__(self, folder: Path, name: str, user: str | None) -> None:
        self.name = name
        self.port = free_port()
        self._folder = folder
        self._data = folder / name
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether its first process lives."""
        return self._process is not None and self._process.poll() is None

    def make(self) -> None:
        """Make an empty cluster of databases."""
        self.program("initdb", "--auth=trust", "-U", "postgres", "-D", str(self._data))
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.writelines(f"{name} = '{value}'\n" for name, value in _SETTINGS.items())

    def follow(self, primary: "Server") -> None:
        """Become a standby of a primary, from a copy of all that it has."""
        shutil.rmtree(self._data, ignore_errors=True)
        where = ("-h", HOST, "-p", str(primary.port), "-U", "postgres", "-D", str(self._data))
        self.program("pg_basebackup", *where, "-R", "-X", "stream", "-c", "fast", "--no-sync")

    def start(self) -> None:
        """Start it, after a crash too; return once it answers."""
        where = ("-D", str(self._data), "-k", str(self._folder), "-p", str(self.port))
        command = [str(_binary("postgres")), *where, "-c", f"listen_addresses={HOST}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # a program of the wheel
                command, user=self._user, cwd=self._folder, stdout=log, stderr=log
            )
        until = time.monotonic() + ANSWERS_WITHIN_SECONDS
        while not self._answers():
            if not self.is_running or time.monotonic() > until:
                raise RuntimeError(f"{self.name} does not start:\n{self.log_tail()}")
            time.sleep(_LOOK_SECONDS)  # there is no signal to wait for

    def kill(self) -> None:
        """End it as a crash of its machine does: every process at once, nothing said or saved."""
        if self._process is None:
            return
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in _children(self._process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End it as `pg_ctl stop -m fast` does: whoever is connected is cut off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let all of its processes stand still, as on a machine that hangs."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal_all(signal.SIGCONT)

    def promote(self) -> None:
        """Make a standby a primary."""
        self.program("pg_ctl", "promote", "-w", "-D", str(self._data))

    def program(self, name: str, *arguments: str) -> None:
        """Run a program of the wheel. Raises RuntimeError with what it said where it fails."""
        done = subprocess.run(  # noqa: S603  # a program of the wheel
            [_binary(name), *arguments],
            user=self._user,
            cwd=self._folder,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stdout}{done.stderr}")

    async def ask(self, statement: str, database: str = "postgres") -> list[Sequence[object]]:
        """Run a statement past every proxy; return its rows."""
        connection = await asyncpg.connect(
            host=str(self._folder), port=self.port, user="postgres", database=database, timeout=10
        )
        try:
            return list(await connection.fetch(statement))
        finally:
            connection.terminate()

    def log_tail(self) -> str:
        """Return the last of what it wrote."""
        return self._log.read_text(errors="replace")[-3000:]

    @property
    def _log(self) -> Path:
        return self._folder / f"{self.name}.log"

    def _answers(self) -> bool:
        ready = (_binary("pg_isready"), "-q", "-h", HOST, "-p", str(self.port), "-U", "postgres")
        return subprocess.run(ready, check=False).returncode == 0  # noqa: S603  # a program of the wheel

    def _signal_all(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        for one in (self._process.pid, *_children(self._process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, number)


class Cluster:
    """A primary and a standby that must have every commit before it is acknowledged."""

    def __init__(self) -> None:
        # A socket's path is 107 bytes at most.
        self._folder = Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))
        user = "nobody" if os.geteuid() == 0 else None
        if user is not None:  # PostgreSQL refuses to run as root
            shutil.chown(self._folder, user)
        self.servers = [Server(self._folder, name, user) for name in ("one", "two")]
        self.primary, self.standby = self.servers

    async def start(self) -> None:
        """Make both and an empty database; return once every commit waits for the standby."""
        await asyncio.to_thread(self.primary.make)
        await asyncio.to_thread(self.primary.start)
        await self.primary.ask(f"CREATE DATABASE {DATABASE}")
        await self.rebuild()

    async def rebuild(self) -> None:
        """Make the server that is not the primary a synchronous standby of it, from nothing."""
        await asyncio.to_thread(self.standby.kill)
        await asyncio.to_thread(self.standby.follow, self.primary)
        await asyncio.to_thread(self.standby.start)
        await self.until_streaming()
        await self._wait_for_standby(is_to=True)

    async def crash(self) -> None:
        """`kill -9` of the primary, which is started again."""
        await asyncio.to_thread(self.primary.kill)
        await asyncio.to_thread(self.primary.start)

    async def restart(self) -> None:
        """Restart the primary as an administrator does."""
        await asyncio.to_thread(self.primary.stop)
        await asyncio.to_thread(self.primary.start)

    async def promote(self) -> None:
        """Make the standby the primary, which then waits for nobody; the other one is left alone.

        What tells the new primary to go on without a standby is a failover's business, as the
        promotion is: see `synchronous_standby_names` in any manager of such a pair.
        """
        await asyncio.to_thread(self.standby.promote)
        self.primary, self.standby = self.standby, self.primary
        await self._wait_for_standby(is_to=False)

    async def until_streaming(self) -> None:
        """Wait until the standby follows the primary again. Raises TimeoutError."""
        async with asyncio.timeout(STREAMS_WITHIN_SECONDS):
            while not await self._streams():  # noqa: ASYNC110  # there is no event to wait for
                await asyncio.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """End both and leave nothing behind."""
        for server in self.servers:
            server.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _streams(self) -> bool:
        asked = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"
        return bool(await self.primary.ask(asked))

    async def _wait_for_standby(self, *, is_to: bool) -> None:
        names = "*" if is_to else ""
        await self.primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        await self.primary.ask("SELECT pg_reload_conf()")
