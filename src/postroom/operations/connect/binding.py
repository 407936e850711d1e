"""PDFs joined in a process of its own, bounded in time and memory (`postroom.envelopes.binder`).

A document of a few hundred KB can ask of whoever parses it for minutes and gigabytes: what a
sender uploads must not take the server down with it.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

import msgspec

from postroom.envelopes import binder
from postroom.errors import DocusignError
from postroom.model import Noun


class Bounds(Noun, frozen=True, kw_only=True):
    """What joining the documents of one envelope may cost."""

    part_bytes: int = 100 * 1024 * 1024
    """Of all documents together."""
    memory_bytes: int = 2 * 1024 * 1024 * 1024
    cpu_seconds: int = 20
    wall_seconds: float = 60


DEFAULT = Bounds()
AT_ONCE = 2
"""Processes at a time; others wait for their turn."""


async def combined(
    parts: Sequence[bytes], *, turns: asyncio.Semaphore, bounds: Bounds = DEFAULT
) -> bytes:
    """Return PDFs as one; see `certificate.combined`.

    Raises `DocusignError` DOCUMENTS_CANNOT_BE_COMBINED where that exceeds the bounds.
    """
    if sum(map(len, parts)) > bounds.part_bytes:
        raise _refusal()
    async with turns:
        return await _in_child(msgspec.msgpack.encode(list(parts)), bounds)


async def _in_child(given: bytes, bounds: Bounds) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the working directory holds no modules of ours
        "-m",
        binder.__name__,
        str(bounds.memory_bytes),
        str(bounds.cpu_seconds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: text for name, text in os.environ.items() if not name.startswith("POSTROOM_")},
    )
    try:
        async with asyncio.timeout(bounds.wall_seconds):
            made, _ = await child.communicate(given)
    except TimeoutError:
        raise _refusal() from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode or not made:
        raise _refusal()
    return made


def _refusal() -> DocusignError:
    return DocusignError(
        "DOCUMENTS_CANNOT_BE_COMBINED",
        "The documents are too large or too intricate to be combined; get them one by one.",
    )
