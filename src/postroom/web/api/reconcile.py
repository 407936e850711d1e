"""Reconcile: long work, whose progress is told line by line to who asks for it."""

from collections.abc import Callable
from typing import Annotated, Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream
from msgspec import Meta

from postroom.errors import ConflictError
from postroom.model import Noun
from postroom.operations import reconcile
from postroom.operations.reconcile import Injector, Progress, Reconciled, Wanted
from postroom.web.api import ndjson
from postroom.web.api.parameters import MAX_TEXT
from postroom.web.api.services import Services

Words = Annotated[str, Meta(max_length=MAX_TEXT)]
Told = Callable[[Progress], None]


class ReconcileOrder(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to compare, and whether to make up what is missing."""

    account: Words
    since: Words
    until: Words | None = None
    events: Annotated[tuple[Words, ...], Meta(max_length=100)] = ()
    inject: bool = False


@post("/reconcile", status_code=200)
async def start_reconcile(
    services: NamedDependency[Services],
    actor: NamedDependency[str],
    request: Request[Any, Any, Any],
    data: JSONBody[ReconcileOrder],
) -> Reconciled | Stream:
    """List what happened on an account and never arrived here; with `inject`, make it up once.

    With `Accept: application/x-ndjson` the answer is one JSON object a line: `progress` as often
    as there is some, and at the end `result`.
    """
    wanted = Wanted(account=data.account, since=data.since, until=data.until, events=data.events)
    injector = _injector(services) if data.inject else None

    async def work(told: Told | None) -> Reconciled:
        return await reconcile.reconcile(
            services.store,
            services.vault,
            services.esign,
            wanted,
            injector=injector,
            retention_days=services.retention_days,
            now=services.clock.now(),
            actor=actor,
            told=told,
        )

    if ndjson.NDJSON not in request.headers.get("accept", ""):
        return await work(None)
    headers = {"Content-Type": ndjson.NDJSON}
    return Stream(await ndjson.lines(work, goes_on=data.inject), headers=headers, status_code=200)


def _injector(services: Services) -> Injector:
    if services.connect is None:
        raise ConflictError(
            "what is made up is delivered by a running server; name it with --server or"
            " POSTROOM_SERVER, or leave --inject out"
        )
    return services.connect.enact
