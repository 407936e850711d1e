"""Joins PDFs in a process of its own: a hostile one spends that process's time and memory.

Run as `python -m postroom.envelopes.binder MEMORY_BYTES CPU_SECONDS`; the parts come on standard
input as a MessagePack list of byte strings, the PDF goes to standard output.
"""

import contextlib
import resource
import sys

import msgspec

from postroom.envelopes import certificate


def main() -> None:
    """Join what standard input holds, within the bounds of the arguments."""
    memory_bytes, cpu_seconds = map(int, sys.argv[1:3])
    _bound(resource.RLIMIT_AS, memory_bytes)
    _bound(resource.RLIMIT_CPU, cpu_seconds)
    parts = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[bytes])
    sys.stdout.buffer.write(certificate.combined(parts))


def _bound(what: int, most: int) -> None:
    # Where a system has no such bound, or a stricter one, that is what holds.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
