"""What a shadow would have got: long work, whose progress is told line by line on request."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream
from msgspec import Meta

from postroom.model import Noun
from postroom.operations import shadow
from postroom.operations.shadow import MOST_EXAMPLES, Progress
from postroom.operations.shadow_report import ShadowReport
from postroom.web.api import ndjson
from postroom.web.api.parameters import MAX_TEXT
from postroom.web.api.services import Services

Words = Annotated[str, Meta(max_length=MAX_TEXT)]
Told = Callable[[Progress], None]


class ShadowOrder(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which shadow, beside which live listener, and when."""

    listener: Words
    against: Words | None = None
    account: Words | None = None
    received_from: Words | None = msgspec.field(default=None, name="from")
    received_until: Words | None = msgspec.field(default=None, name="until")
    examples: Annotated[int, Meta(ge=0, le=MOST_EXAMPLES)] = 5
    """How many of each kind at most."""


@post("/shadow", status_code=200)
async def report_shadow(
    services: NamedDependency[Services],
    request: Request[Any, Any, Any],
    data: JSONBody[ShadowOrder],
) -> ShadowReport | Stream:
    """Say what a shadow would have got, beside what a live listener was to get. Changes nothing.

    With `Accept: application/x-ndjson` the answer is one JSON object a line: `progress` as often
    as there is some, and at the end `result`.
    """

    async def work(told: Told | None) -> ShadowReport:
        return await shadow.report_shadow(
            services.store,
            data.listener,
            against=data.against,
            account=data.account,
            received_from=data.received_from,
            received_until=data.received_until,
            examples=data.examples,
            now=services.clock.now(),
            told=told,
        )

    if ndjson.NDJSON not in request.headers.get("accept", ""):
        return await work(None)
    headers = {"Content-Type": ndjson.NDJSON}
    return Stream(await ndjson.lines(work), headers=headers, status_code=200)
