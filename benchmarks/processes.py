"""What a process and all its descendants cost, read from /proc; and how they are ended."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return a process and all that descend from it, those that have ended left out."""
    found = [pid]
    for one in found:
        found.extend(_children(one))
    return found


def cpu_us(pid: int) -> float:
    """Return the microseconds of processor time that a process and its descendants have spent.

    User and system, all threads; what ended children had spent is included.
    """
    return sum(_ticks(one) for one in tree(pid)) / TICKS_PER_SECOND * 1e6


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and its descendants, in megabytes."""
    return _status(pid, "VmRSS")


def peak_memory_mb(pid: int) -> float:
    """Return the most resident memory each has had, together, in megabytes."""
    return _status(pid, "VmHWM")


def own_memory_mb(pid: int) -> float:
    """Return the memory of a family that shares much of it: each one's share of what is shared."""
    return sum(_kilobytes(one, "smaps_rollup", "Pss") for one in tree(pid)) * 1024 / 1e6


def end(pid: int) -> None:
    """End a process and its descendants at once; its parent has still to wait for it."""
    for one in reversed(tree(pid)):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def _children(pid: int) -> Iterator[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (thread / "children").read_text().split())


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # ended meanwhile: its parent has it now
    return sum(map(int, fields[11:15]))


def _status(pid: int, name: str) -> float:
    return sum(_kilobytes(one, "status", name) for one in tree(pid)) * 1024 / 1e6


def _kilobytes(pid: int, file: str, name: str) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return 0
