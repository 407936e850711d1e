"""Trigger: stories played on the envelopes that live here, told line by line."""

from typing import Annotated, Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream
from msgspec import Meta

from postroom.model import Json, Noun
from postroom.operations.connect import trigger
from postroom.operations.connect.script import MAX_SEED
from postroom.operations.connect.trigger import MAX_COUNT, Told, TriggerReport, TriggerRequest
from postroom.web.api import ndjson, watching
from postroom.web.api.parameters import MAX_TEXT
from postroom.web.api.services import Services, served

Words = Annotated[str, Meta(max_length=MAX_TEXT)]


class TriggerOrder(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to play: one of `event`, `story` and `script`; and how."""

    event: Words | None = None
    story: Words | None = None
    script: Json = None
    fields: Annotated[dict[Words, Words], Meta(max_length=MAX_TEXT)] | None = None
    sender: Words | None = None
    account: Words | None = None
    count: Annotated[int, Meta(ge=1, le=MAX_COUNT)] | None = None
    seed: Annotated[int, Meta(ge=0, le=MAX_SEED)] | None = None
    rate_per_second: float | None = None
    event_notification: Json = None
    real_time: bool = False


@post("/trigger", status_code=200)
async def start_trigger(
    services: NamedDependency[Services],
    request: Request[Any, Any, Any],
    data: JSONBody[TriggerOrder],
) -> TriggerReport | Stream:
    """Play a story, the way to an event, or a script: envelopes are created and lived through.

    With `Accept: application/x-ndjson` the answer is one JSON object a line: `progress` as often
    as there is some, and at the end `result`.
    """
    server = served(services)
    wanted = _wanted(data)

    async def is_busy() -> bool:
        before = services.in_hand()
        owed_now = await watching.due_now(services)
        return bool(before or owed_now or services.in_hand())

    async def work(told: Told | None) -> TriggerReport:
        return await trigger.trigger(server, wanted, is_busy=is_busy, told=told)

    if ndjson.NDJSON not in request.headers.get("accept", ""):
        return await work(None)
    headers = {"Content-Type": ndjson.NDJSON}
    return Stream(await ndjson.lines(work, goes_on=True), headers=headers, status_code=200)


def _wanted(order: TriggerOrder) -> TriggerRequest:
    return TriggerRequest(
        event=order.event,
        story=order.story,
        script=order.script,
        fields=tuple((order.fields or {}).items()),
        sender=order.sender,
        account=order.account,
        count=order.count,
        seed=order.seed,
        rate_per_second=order.rate_per_second,
        event_notification=order.event_notification,
        is_real_time=order.real_time,
    )
