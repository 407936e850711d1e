"""The programs that are measured, as processes: started, fed, and read from /proc."""

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import processes
from benchmarks.messages import ACCOUNT, KEY, SENDER

TOKEN = "benchmark-admin-token-0123456789"
LISTENERS = ("by-field", "by-user", "everything")
START_SECONDS = 30
LISTENS = re.compile(r"listens on http://127\.0\.0\.1:(\d+)")
CORES = sorted(os.sched_getaffinity(0))
"""The program under test has the first, everything else the last."""

CONNECT_YAML = """
accounts:
  - id: {account}
    name: Benchmark
    keys: [{{text: "{key}"}}]
    users: [{{id: {sender}, email: svc-erp@example.com}}]
listeners:
  - {{name: by-field, account: {account}, url: "{base}/by-field", probe_seconds: 1,
      filter: {{customFields.Integration: Integration A}}}}
  - {{name: by-user, account: {account}, url: "{base}/by-user", probe_seconds: 1,
      users: {{only: [svc-erp@example.com]}}}}
  - {{name: everything, account: {account}, url: "{base}/everything", probe_seconds: 1}}
"""


class Program:
    """A process under test with its children, pinned to a core where there are several."""

    name = ""
    says = LISTENS
    """What it writes once it is ready; the first group, if any, is the port it chose."""
    cores = CORES[:1]

    def __init__(self, folder: Path, sink_port: int) -> None:
        self.folder = folder
        self.base = f"http://127.0.0.1:{sink_port}"
        self.port = 0
        self.environment: dict[str, str] = {"POSTROOM_ADMIN_TOKEN": TOKEN}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / f"{self.name.replace(' ', '-')}.log"

    def command(self) -> list[str]:
        """Return the command line."""
        raise NotImplementedError

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises RuntimeError if it does not get there."""
        settings = {k: v for k, v in os.environ.items() if not k.startswith("POSTROOM_")}
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.cores)  # the child and all its threads inherit it
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(  # noqa: ASYNC220, S603  # our own command; nothing else runs yet
                    self.command(),
                    env=settings | self.environment | {"PYTHONUNBUFFERED": "1"},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        finally:
            os.sched_setaffinity(0, own)
        deadline = time.monotonic() + START_SECONDS
        while not (said := self.says.search(self.log)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not get ready")
            await asyncio.sleep(0.05)
        self.port = int(said[1]) if said.groups() else 0

    def stop(self) -> None:
        """End it and its children, by their ids."""
        if self._process is not None:
            processes.end(self._process.pid)
            self._process.wait()

    async def rest(self) -> None:
        """Wait until it has nothing more to do: what it still writes is part of the cost."""
        before = self.cpu_us
        for _ in range(50):
            await asyncio.sleep(0.2)
            spent, before = self.cpu_us - before, self.cpu_us
            if spent <= 1e6 / processes.TICKS_PER_SECOND:
                return

    @property
    def log(self) -> str:
        """The last of what it wrote to its output."""
        return self._log.read_text(errors="replace")[-2000:]

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time spent so far, user and system, by all its threads."""
        return processes.cpu_us(self.pid)

    @property
    def memory_mb(self) -> float:
        """Resident memory in megabytes."""
        return processes.memory_mb(self.pid)

    @property
    def peak_memory_mb(self) -> float:
        """The most resident memory it has had so far, in megabytes."""
        return processes.peak_memory_mb(self.pid)


class Floor(Program):
    """The floor program, on SQLite or on PostgreSQL."""

    name = "floor"

    def __init__(self, folder: Path, sink_port: int) -> None:
        super().__init__(folder, sink_port)
        self.database = f"{folder}/floor.db"
        self.urls = [f"{self.base}/{listener}" for listener in LISTENERS]

    def command(self) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "benchmarks.floor", self.database, KEY, *self.urls]


class Postroom(Program):
    """Postroom as a user runs it, with three listeners applied."""

    name = "postroom"
    connect_yaml = CONNECT_YAML

    def __init__(self, folder: Path, sink_port: int) -> None:
        super().__init__(folder, sink_port)
        self.database = f"sqlite:///{folder / 'postroom.db'}"

    def command(self) -> list[str]:
        """Return the command line."""
        return [
            *(sys.executable, "-m", "postroom", "serve", "--allow-private-addresses"),
            *("--database", self.database),
            *("--port", "0"),
        ]

    async def start(self) -> None:
        """Start it and apply the listeners."""
        await super().start()
        await self.apply(
            self.connect_yaml.format(account=ACCOUNT, key=KEY, sender=SENDER, base=self.base)
        )

    async def apply(self, connect_yaml: str) -> None:
        """Apply listeners, which are in force when this returns. Raises RuntimeError if refused."""
        path = self.folder / "connect.yaml"
        path.write_text(connect_yaml)
        server = ("--server", f"http://127.0.0.1:{self.port}", "--token", TOKEN)
        applying = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "postroom", "apply", str(path), *server),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await applying.communicate()
        if applying.returncode:
            raise RuntimeError(f"the listeners could not be applied: {said.decode()}")
