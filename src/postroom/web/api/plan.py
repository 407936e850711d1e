"""Plan and diff: what a document would change, and where it and the system differ."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream
from msgspec import Meta

from postroom.clock import SECOND
from postroom.errors import InvalidInputError
from postroom.model import Noun
from postroom.operations import diff, plan
from postroom.operations.diff import Drift
from postroom.operations.plan import Period, Plan, Progress
from postroom.operations.views import read_moment
from postroom.web.api import ndjson
from postroom.web.api.parameters import MAX_TEXT
from postroom.web.api.services import Services

DAY = 24 * 3600 * SECOND
USUAL_DAYS = 30.0
MAX_DAYS = 36_500.0
Words = Annotated[str, Meta(max_length=MAX_TEXT)]
Told = Callable[[Progress], None]


class PlanOrder(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to plan, and which traffic to ask."""

    document: dict[str, Any]
    """As for `/apply`; keys as `{"text": "..."}`."""
    prune: bool = False
    days: Annotated[float, Meta(gt=0, le=MAX_DAYS)] | None = None
    """The last so many days; 30 unless `from` or `until` is given."""
    received_from: Words | None = msgspec.field(default=None, name="from")
    received_until: Words | None = msgspec.field(default=None, name="until")


@post("/plan", status_code=200)
async def make_plan(
    services: NamedDependency[Services],
    request: Request[Any, Any, Any],
    data: JSONBody[PlanOrder],
) -> Plan | Stream:
    """Show what applying a document would change, and have done to recent traffic.

    With `Accept: application/x-ndjson` the answer is one JSON object a line: `progress` as often
    as there is some, and at the end `result`.
    """
    now = services.clock.now()
    period = _period(data, now)

    async def work(told: Told | None) -> Plan:
        return await plan.plan(
            services.store,
            services.vault,
            data.document,
            allow_private_addresses=services.allow_private_addresses,
            prune=data.prune,
            period=period,
            now=now,
            told=told,
        )

    if ndjson.NDJSON not in request.headers.get("accept", ""):
        return await work(None)
    headers = {"Content-Type": ndjson.NDJSON}
    return Stream(await ndjson.lines(work), headers=headers, status_code=200)


@post("/diff", status_code=200)
async def show_drift(services: NamedDependency[Services], data: JSONBody[dict[str, Any]]) -> Drift:
    """Say where a document and the system differ. Changes nothing."""
    return await diff.diff(
        services.store,
        services.vault,
        data,
        allow_private_addresses=services.allow_private_addresses,
        now=services.clock.now(),
    )


def _period(order: PlanOrder, now: int) -> Period:
    start = read_moment(order.received_from, "from")
    until = read_moment(order.received_until, "until")
    if order.days is not None and (start is not None or until is not None):
        raise InvalidInputError("give either days, or from and until")
    if start is not None and until is not None and start >= until:
        raise InvalidInputError("from: give a moment before until")
    if start is None and until is None:
        start = now - round((order.days or USUAL_DAYS) * DAY)
    return Period(received_from=start, received_until=until)
