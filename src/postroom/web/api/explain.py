"""Why, or why not: an envelope's whole history, and why a listener got nothing."""

from collections.abc import Callable
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream
from msgspec import Meta

from postroom.model import Noun
from postroom.operations import explain_envelope, explain_silence
from postroom.operations.explain_envelope import EnvelopeHistory
from postroom.operations.explain_silence import Progress, Silence
from postroom.web.api import ndjson
from postroom.web.api.parameters import MAX_TEXT, Account, ListenerName, Name
from postroom.web.api.services import Services

Words = Annotated[str, Meta(max_length=MAX_TEXT)]
Told = Callable[[Progress], None]


class SilenceOrder(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Since when, and whose listener where several accounts have one of the name."""

    since: Words
    """An ISO 8601 moment."""
    account: Words | None = None


@get("/envelopes/{envelope:str}/explanation")
async def explain_history(
    services: NamedDependency[Services],
    envelope: Name,
    account: Account = None,
    listener: ListenerName = None,
) -> EnvelopeHistory:
    """Explain an envelope: every event that came, and what each listener had of it."""
    return await explain_envelope.explain_envelope(
        services.store, envelope, account=account, listener=listener
    )


@post("/listeners/{listener:str}/explanation", status_code=200)
async def explain_listener(
    services: NamedDependency[Services],
    request: Request[Any, Any, Any],
    listener: Name,
    data: JSONBody[SilenceOrder],
) -> Silence | Stream:
    """Explain why a listener got nothing, or little, since a moment. Changes nothing.

    With `Accept: application/x-ndjson` the answer is one JSON object a line: `progress` as often
    as there is some, and at the end `result`.
    """

    async def work(told: Told | None) -> Silence:
        return await explain_silence.explain_silence(
            services.store,
            listener,
            since=data.since,
            account=data.account,
            now=services.clock.now(),
            told=told,
        )

    if ndjson.NDJSON not in request.headers.get("accept", ""):
        return await work(None)
    headers = {"Content-Type": ndjson.NDJSON}
    return Stream(await ndjson.lines(work), headers=headers, status_code=200)
