"""Deliveries, and those that were given up."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from postroom.operations import deliveries
from postroom.operations.views import DeliveryDetails, DeliveryView, Page
from postroom.web.api.parameters import (
    Account,
    After,
    Envelope,
    Events,
    From,
    Limit,
    ListenerName,
    Row,
    Text,
    Until,
)
from postroom.web.api.services import Services

States = Annotated[
    list[str] | None,
    QueryParameter(max_items=20, description="States; give it several times for several."),
]


@get("/deliveries")
async def list_deliveries(  # noqa: PLR0913  # each is a way to narrow the list
    services: NamedDependency[Services],
    *,
    account: Account = None,
    listener: ListenerName = None,
    notification: Text = None,
    envelope: Envelope = None,
    events: Events = None,
    states: States = None,
    received_from: From = None,
    received_until: Until = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[DeliveryView]:
    """List deliveries, newest first."""
    return await deliveries.list_deliveries(
        services.store,
        account=account,
        listener=listener,
        notification=notification,
        envelope=envelope,
        events=tuple(events or ()),
        states=tuple(states or ()),
        received_from=received_from,
        received_until=received_until,
        after=after,
        limit=limit,
    )


@get("/deliveries/{delivery:int}")
async def show_delivery(services: NamedDependency[Services], delivery: Row) -> DeliveryDetails:
    """Show one delivery with every attempt."""
    return await deliveries.show_delivery(services.store, delivery)


@get("/failures")
async def list_failures(
    services: NamedDependency[Services],
    account: Account = None,
    listener: ListenerName = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[DeliveryView]:
    """List what was given up and not replayed since."""
    return await deliveries.list_failures(
        services.store, account=account, listener=listener, after=after, limit=limit
    )
