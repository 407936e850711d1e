"""Replay: long work, whose progress is told line by line to who asks for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream
from msgspec import Meta

from postroom.errors import PostroomError
from postroom.model import Noun
from postroom.operations import replay
from postroom.operations.replay import Progress, Replayed, Wanted
from postroom.web.api import problems
from postroom.web.api.parameters import MAX_ROW, MAX_TEXT
from postroom.web.api.problems import Problem
from postroom.web.api.services import Services

NDJSON = "application/x-ndjson"
Words = Annotated[str, Meta(max_length=MAX_TEXT)]
Told = Callable[[Progress], None]
_UNDER_WAY: set[asyncio.Task[None]] = set()
"""Replays that go on, also when nobody reads how far they are."""


class ReplayOrder(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to replay, and how."""

    delivery: Annotated[int, Meta(ge=1, le=MAX_ROW)] | None = None
    envelope: Words | None = None
    listener: Words | None = None
    account: Words | None = None
    events: Annotated[tuple[Words, ...], Meta(max_length=100)] = ()
    states: Annotated[tuple[Words, ...], Meta(max_length=20)] = ()
    received_from: Words | None = msgspec.field(default=None, name="from")
    received_until: Words | None = msgspec.field(default=None, name="until")
    dry_run: bool = False
    rate_per_second: float | None = None
    reason: Words = ""
    force: bool = False


@post("/replay", status_code=200)
async def start_replay(
    services: NamedDependency[Services],
    actor: NamedDependency[str],
    request: Request[Any, Any, Any],
    data: JSONBody[ReplayOrder],
) -> Replayed | Stream:
    """Deliver again what was delivered or given up: one delivery, an envelope, or a time range.

    With `Accept: application/x-ndjson` the answer is one JSON object a line: `progress` as often
    as there is some, and at the end `result`.
    """

    async def work(told: Told | None) -> Replayed:
        return await replay.replay(
            services.store,
            _wanted(data),
            dry_run=data.dry_run,
            rate_per_second=data.rate_per_second,
            reason=data.reason,
            force=data.force,
            now=services.clock.now(),
            actor=actor,
            told=told,
        )

    if NDJSON not in request.headers.get("accept", ""):
        return await work(None)
    return Stream(await _told(work), headers={"Content-Type": NDJSON}, status_code=200)


def _wanted(order: ReplayOrder) -> Wanted:
    return Wanted(
        delivery=order.delivery,
        envelope=order.envelope,
        listener=order.listener,
        account=order.account,
        events=order.events,
        states=order.states,
        received_from=order.received_from,
        received_until=order.received_until,
    )


async def _told(work: Callable[[Told], Awaitable[Replayed]]) -> AsyncIterator[bytes]:
    """Begin the work and return its lines; what is refused at once is raised.

    The work goes on to its end also when nobody reads the lines any more.
    """
    lines: asyncio.Queue[bytes | None] = asyncio.Queue()
    has_begun = False

    def told(progress: Progress) -> None:
        nonlocal has_begun
        has_begun = True
        lines.put_nowait(_line(progress=progress))

    async def run() -> None:
        try:
            lines.put_nowait(_line(result=await work(told)))
        except PostroomError as error:
            if not has_begun:
                raise  # nothing is answered yet: it becomes the answer
            lines.put_nowait(_line(problem=problems.about(error)))
        finally:
            lines.put_nowait(None)

    running = asyncio.create_task(run())
    _UNDER_WAY.add(running)
    running.add_done_callback(_UNDER_WAY.discard)
    first = await lines.get()
    if first is None:
        await running  # raises what it failed with, before anything was answered

    async def read() -> AsyncIterator[bytes]:
        line = first
        while line is not None:
            yield line
            line = await lines.get()
        await running

    return read()


def _line(**told: Progress | Replayed | Problem) -> bytes:
    return msgspec.json.encode(told) + b"\n"
