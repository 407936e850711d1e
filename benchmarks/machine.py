"""On what the figures were measured: enough to compare them, nothing that names a machine."""

import os
import platform
import sqlite3
import statistics
import time
from pathlib import Path

import pycurl

import postroom


def describe(folder: Path) -> dict[str, str]:
    """Describe the machine, the versions that matter, and the disk under `folder`."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "kernel": ".".join(platform.release().split("-")[0].split(".")[:2]),
        "fsync of 8 KB, median": f"{fsync_ms(folder):.2f} ms",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "libcurl": str(pycurl.version_info()[1]),
        "postroom": postroom.__version__,
    }


def fsync_ms(folder: Path) -> float:
    """Return the median milliseconds that 8 KB take to be on disk: what a commit cannot beat."""
    path, taken = folder / "fsync", []
    with path.open("wb", buffering=0) as file:
        for _ in range(100):
            began = time.perf_counter()
            file.write(bytes(8192))
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    path.unlink()
    return statistics.median(taken)


class Others:
    """How much of the machine other programs took meanwhile: it spoils the figures."""

    def __init__(self) -> None:
        self._began, self._all, self._ours = time.perf_counter(), _busy_seconds(), _our_seconds()

    def percent(self) -> float:
        """Return their share of all cores since the start. Our children must have ended."""
        theirs = _busy_seconds() - self._all - (_our_seconds() - self._ours)
        cores = os.cpu_count() or 1
        return max(0.0, theirs / (time.perf_counter() - self._began) / cores * 100)


def _busy_seconds() -> float:
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


def _our_seconds() -> float:
    return sum(os.times()[:4])


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
