"""Long work told line by line: one JSON object a line, `progress` and at the end `result`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import msgspec

from postroom.errors import PostroomError
from postroom.model import Noun
from postroom.web.api import problems

NDJSON = "application/x-ndjson"
Progress = TypeVar("Progress", bound=Noun)
Result = TypeVar("Result", bound=Noun)
_UNDER_WAY: set[asyncio.Task[None]] = set()
"""Work that is held here: the loop itself forgets tasks that nobody awaits."""


async def lines(
    work: Callable[[Callable[[Progress], None]], Awaitable[Result]], *, goes_on: bool = False
) -> AsyncIterator[bytes]:
    """Begin the work and return its lines; what is refused at once is raised.

    When nobody reads the lines any more the work ends, for it is of no use to anybody; unless it
    `goes_on`, as what changes something does.
    """
    made: asyncio.Queue[bytes | None] = asyncio.Queue()
    has_begun = False

    def told(progress: Progress) -> None:
        nonlocal has_begun
        has_begun = True
        made.put_nowait(_line(progress=progress))

    async def run() -> None:
        try:
            made.put_nowait(_line(result=await work(told)))
        except PostroomError as error:
            if not has_begun:
                raise  # nothing is answered yet: it becomes the answer
            made.put_nowait(_line(problem=problems.about(error)))
        finally:
            made.put_nowait(None)

    running = asyncio.create_task(run())
    _UNDER_WAY.add(running)
    running.add_done_callback(_UNDER_WAY.discard)
    first = await made.get()
    if first is None:
        await running  # raises what it failed with, before anything was answered

    async def read() -> AsyncIterator[bytes]:
        line = first
        try:
            while line is not None:
                yield line
                line = await made.get()
            await running
        finally:
            if not goes_on:
                running.cancel()  # nothing, where it has ended

    return read()


def _line(**told: Noun) -> bytes:
    return msgspec.json.encode(told) + b"\n"
