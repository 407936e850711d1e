"""Ports for programs that come and go: none that an outgoing connection is given meanwhile.

The system would lend a port of its own range to a caller while the program is away, even to one
that calls this very port, which then talks to itself.
"""

import random
import socket

FIRST, LAST = 20_000, 30_000
"""Below what Linux gives to outgoing connections (32768 and up)."""


def free_port() -> int:
    """Return a port of the loopback that nobody has."""
    for port in random.SystemRandom().sample(range(FIRST, LAST), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
