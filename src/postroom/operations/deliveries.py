"""Deliveries: where each stands, every attempt, and those given up."""

from postroom.errors import InvalidInputError, NotFoundError
from postroom.model import DeliveryState
from postroom.operations import names
from postroom.operations.notifications import folded, spelled
from postroom.operations.views import (
    MAX_CURSOR,
    DeliveryDetails,
    DeliveryView,
    Page,
    asked,
    attempt_view,
    check_limit,
    cursor,
    delivery_view,
    page,
    read_moment,
)
from postroom.storage.port import DeliveryQuery, Store, StoredDelivery


async def list_deliveries(  # noqa: PLR0913  # each is a way to narrow the list
    store: Store,
    *,
    account: str | None = None,
    listener: str | None = None,
    notification: str | None = None,
    envelope: str | None = None,
    events: tuple[str, ...] = (),
    states: tuple[str, ...] = (),
    received_from: str | None = None,
    received_until: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[DeliveryView]:
    """List deliveries, newest first."""
    registry = await store.registry()
    query = DeliveryQuery(
        account_id=names.account_id(registry, account),
        listener_id=names.listener_id(registry, listener, account),
        notification_id=asked(notification, "notification"),
        envelope_id=folded(envelope, "envelope"),
        events=spelled(events),
        states=tuple(read_state(state) for state in states),
        received_from=read_moment(received_from, "from"),
        received_until=read_moment(received_until, "until"),
        after=cursor(after),
        limit=check_limit(limit) + 1,
    )
    return await listed(store, query, limit)


async def show_delivery(store: Store, delivery: int) -> DeliveryDetails:
    """Return one delivery with every attempt. Raises `NotFoundError`."""
    stored = await find(store, delivery)
    name = names.name_of(await names.names(store), stored.listener_id)
    return DeliveryDetails(
        delivery=delivery_view(stored, name),
        attempts=tuple(attempt_view(one) for one in await store.attempts(delivery)),
    )


async def list_failures(
    store: Store,
    *,
    account: str | None = None,
    listener: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[DeliveryView]:
    """List what was given up and not replayed since, newest first, with its last response."""
    registry = await store.registry()
    query = DeliveryQuery(
        account_id=names.account_id(registry, account),
        listener_id=names.listener_id(registry, listener, account),
        states=(DeliveryState.GIVEN_UP,),
        not_superseded=True,
        after=cursor(after),
        limit=check_limit(limit) + 1,
    )
    return await listed(store, query, limit)


async def find(store: Store, delivery: int) -> StoredDelivery:
    """Return one delivery. Raises `NotFoundError`."""
    stored = await store.delivery(delivery) if 0 < delivery <= MAX_CURSOR else None
    if stored is None:
        raise NotFoundError(
            "there is no such delivery; `postroom deliveries` and `postroom failures` list them"
        )
    return stored


async def listed(store: Store, query: DeliveryQuery, limit: int) -> Page[DeliveryView]:
    """Return a page of deliveries; the query asks for one more than `limit`."""
    known = await names.names(store)
    return page(
        await store.deliveries(query),
        limit,
        lambda row: row.id,
        lambda row: delivery_view(row, names.name_of(known, row.listener_id)),
    )


def read_state(text: str) -> DeliveryState:
    """Read a delivery's state. Raises `InvalidInputError`."""
    try:
        return DeliveryState(text.replace("-", "_").lower())
    except ValueError:
        known = ", ".join(DeliveryState)
        raise InvalidInputError(f"there is no state {text[:40]!r}; states are {known}") from None
