"""The programs that are measured, as processes: started, fed, and read from /proc."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ACCOUNT = "a1000000-0000-4000-8000-000000000001"
SENDER = "5f0c1f3e-0000-4000-8000-000000000567"
KEY = "benchmark-signing-key-000000000000000000000="
TOKEN = "benchmark-admin-token-0123456789"
LISTENERS = ("by-field", "by-user", "everything")
TICKS = os.sysconf("SC_CLK_TCK")
HERE = Path(__file__).parent

CONNECT_YAML = """
accounts:
  - id: {account}
    name: Benchmark
    keys: [{{text: "{key}"}}]
    users: [{{id: {sender}, email: svc-erp@example.com}}]
listeners:
  - {{name: by-field, account: {account}, url: "{base}/by-field", {more}
      filter: {{customFields.Integration: Integration A}}}}
  - {{name: by-user, account: {account}, url: "{base}/by-user", {more}
      users: {{only: [svc-erp@example.com]}}}}
  - {{name: everything, account: {account}, url: "{base}/everything", {more}}}
"""


class Program:
    """A process under test, pinned to the first core where there are several."""

    name = ""

    def __init__(self, folder: Path, sink_port: int) -> None:
        self.folder = folder
        self.base = f"http://127.0.0.1:{sink_port}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return the command line."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            self.command(),
            env=os.environ | {"POSTROOM_ADMIN_TOKEN": TOKEN},
            stdout=subprocess.DEVNULL,
        )
        if len(os.sched_getaffinity(0)) > 1 or (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(self._process.pid, {0})
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "it does not listen"
                assert self._process.poll() is None, "it ended"
                time.sleep(0.05)

    def stop(self) -> None:
        """End it, by its id."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time spent so far, user and system."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS * 1e6

    @property
    def memory_mb(self) -> float:
        """Resident memory in megabytes."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(row for row in status.splitlines() if row.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


class Floor(Program):
    """The floor program."""

    name = "floor"

    def command(self) -> list[str]:
        """Return the command line."""
        urls = [f"{self.base}/{listener}" for listener in LISTENERS]
        database = str(self.folder / "floor.db")
        return [sys.executable, str(HERE / "floor.py"), database, str(self.port), KEY, *urls]


class Postroom(Program):
    """Postroom as a user runs it, with three listeners."""

    name = "postroom"
    more = ""
    """More listener fields, as YAML."""

    def command(self) -> list[str]:
        """Return the command line."""
        return [
            *(sys.executable, "-m", "postroom", "serve", "--allow-private-addresses"),
            *("--database", f"sqlite:///{self.folder / 'postroom.db'}"),
            *("--port", str(self.port), "--log-level", "error"),
        ]

    def start(self) -> None:
        """Start it and apply the listeners."""
        super().start()
        path = self.folder / "connect.yaml"
        path.write_text(
            CONNECT_YAML.format(
                account=ACCOUNT, key=KEY, sender=SENDER, base=self.base, more=self.more
            )
        )
        server = ["--server", f"http://127.0.0.1:{self.port}", "--token", TOKEN]
        subprocess.run(  # noqa: S603  # our own command
            [sys.executable, "-m", "postroom", "apply", str(path), *server],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(1)  # in force within a second
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.port}/readyz"
        ) as answer:  # our own server
            assert answer.status == 200


class PatientPostroom(Postroom):
    """Postroom for the backlog workload: listeners that are away come back within a second."""

    more = "retry: [5, 5, 5, 5, 5, 5, 5, 5, 5, 5], probe_seconds: 1,"
