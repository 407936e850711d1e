"""What waits for data or a person: held and crossed deliveries."""

from typing import Annotated, Literal

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from postroom.model import Noun
from postroom.operations import crossed, held
from postroom.operations.views import Decided, DeliveryView, Page
from postroom.web.api.parameters import MAX_TEXT, Account, After, Limit, ListenerName, Name
from postroom.web.api.services import Services

Words = Annotated[str, Meta(max_length=MAX_TEXT)]


class Release(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of what is held for a listener: all of it, or one notification's."""

    listener: Words
    account: Words | None = None
    notification: Words | None = None
    to: Literal["deliver", "dismiss"] = "deliver"


class Resolution(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which listener gets it."""

    to: Words


@get("/held")
async def list_held(
    services: NamedDependency[Services],
    account: Account = None,
    listener: ListenerName = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[DeliveryView]:
    """List what is held, each with what is missing."""
    return await held.list_held(
        services.store, account=account, listener=listener, after=after, limit=limit
    )


@post("/held/release", status_code=200)
async def release_held(
    services: NamedDependency[Services], actor: NamedDependency[str], data: JSONBody[Release]
) -> Decided:
    """Deliver or dismiss what is held for a listener: all of it, or one notification's."""
    return await held.release_held(
        services.store,
        listener=data.listener,
        account=data.account,
        notification=data.notification,
        to=data.to,
        now=services.clock.now(),
        actor=actor,
    )


@get("/crossed")
async def list_crossed(
    services: NamedDependency[Services],
    account: Account = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[DeliveryView]:
    """List what several listeners of one lane want, each with its rivals."""
    return await crossed.list_crossed(services.store, account=account, after=after, limit=limit)


@post("/crossed/{notification:str}/resolve", status_code=200)
async def resolve_crossed(
    services: NamedDependency[Services],
    actor: NamedDependency[str],
    notification: Name,
    data: JSONBody[Resolution],
) -> Decided:
    """Deliver a crossed notification to one listener; its rivals do not get it."""
    return await crossed.resolve_crossed(
        services.store, notification, to=data.to, now=services.clock.now(), actor=actor
    )
