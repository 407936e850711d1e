"""Replay: long work, whose progress is told line by line to who asks for it."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream
from msgspec import Meta

from postroom.model import Noun
from postroom.operations import replay
from postroom.operations.replay import Progress, Replayed, Wanted
from postroom.web.api import ndjson
from postroom.web.api.parameters import MAX_ROW, MAX_TEXT
from postroom.web.api.services import Services

Words = Annotated[str, Meta(max_length=MAX_TEXT)]
Told = Callable[[Progress], None]


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

    if ndjson.NDJSON not in request.headers.get("accept", ""):
        return await work(None)
    headers = {"Content-Type": ndjson.NDJSON}
    return Stream(await ndjson.lines(work, goes_on=True), headers=headers, status_code=200)


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
