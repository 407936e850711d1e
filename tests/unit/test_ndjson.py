"""Long work told line by line: what becomes of it when nobody reads on."""

import asyncio
from collections.abc import Callable

import pytest

from postroom.model import Noun
from postroom.web.api import ndjson


class Step(Noun, frozen=True, kw_only=True):
    """How far it is."""

    number: int


class Work:
    """Work of two steps, which waits between them to be let on."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()
        self.ended = asyncio.Event()
        self.is_done = False

    async def __call__(self, told: Callable[[Step], None]) -> Step:
        try:
            told(Step(number=1))
            await self.may_go_on.wait()
            self.is_done = True
            return Step(number=2)
        finally:
            self.ended.set()


@pytest.mark.parametrize("goes_on", [False, True])
async def test_when_nobody_reads_on_only_work_that_changes_something_is_brought_to_its_end(
    *, goes_on: bool
) -> None:
    work = Work()
    lines = await ndjson.lines(work, goes_on=goes_on)
    assert await anext(lines) == b'{"progress":{"number":1}}\n'
    await lines.aclose()  # type: ignore[attr-defined]  # it is a generator, as the server closes it
    if goes_on:
        work.may_go_on.set()
    async with asyncio.timeout(5):
        await work.ended.wait()
    assert work.is_done is goes_on


async def test_whoever_reads_to_the_end_gets_the_result() -> None:
    work = Work()
    work.may_go_on.set()
    lines = await ndjson.lines(work)
    assert [line async for line in lines][-1] == b'{"result":{"number":2}}\n'
