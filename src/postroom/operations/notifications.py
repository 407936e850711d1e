"""Notifications: as they came, who wanted them, and those nobody wanted."""

import msgspec

from postroom import vocabulary
from postroom.errors import NotFoundError
from postroom.model import Json, Registry
from postroom.operations import names
from postroom.operations.views import (
    NotificationDetails,
    NotificationView,
    Page,
    RepeatView,
    asked,
    check_limit,
    cursor,
    delivery_view,
    moment,
    notification_view,
    page,
    read_moment,
)
from postroom.routing import words
from postroom.routing.explaining.near_miss import NearMiss, near_misses
from postroom.storage.port import (
    DeliveryQuery,
    NotificationQuery,
    Store,
    StoredNotification,
)

MAX_LISTED_DELIVERIES = 1000


async def list_notifications(  # noqa: PLR0913  # each is a way to narrow the list
    store: Store,
    *,
    account: str | None = None,
    envelope: str | None = None,
    events: tuple[str, ...] = (),
    sender: str | None = None,
    received_from: str | None = None,
    received_until: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[NotificationView]:
    """List notifications, newest first."""
    query = NotificationQuery(
        account_id=names.account_id(await store.registry(), account),
        envelope_id=folded(envelope, "envelope"),
        events=spelled(events),
        sender_id=folded(sender, "sender"),
        received_from=read_moment(received_from, "from"),
        received_until=read_moment(received_until, "until"),
        after=cursor(after),
        limit=check_limit(limit) + 1,
    )
    rows = await store.notifications(query)
    return page(rows, limit, lambda row: row.sequence, notification_view)


async def show_notification(store: Store, notification: str) -> NotificationDetails:
    """Return one notification with its message, deliveries and repeats. Raises `NotFoundError`."""
    stored = await find(store, notification)
    known = await names.names(store)
    deliveries = await store.deliveries(
        DeliveryQuery(
            notification_id=stored.notification.id,
            oldest_first=True,
            limit=MAX_LISTED_DELIVERIES,
        )
    )
    return NotificationDetails(
        notification=notification_view(stored),
        has_body=stored.has_body,
        message=_message(stored.notification.body),
        deliveries=tuple(
            delivery_view(one, names.name_of(known, one.listener_id)) for one in deliveries
        ),
        repeats=tuple(
            RepeatView(
                received_at=moment(one.received_at),
                configuration_id=one.configuration_id,
                retry_count=one.retry_count,
            )
            for one in await store.repeats(stored.notification.id)
        ),
    )


async def list_unclaimed(
    store: Store, *, account: str | None = None, after: str | None = None, limit: int = 100
) -> Page[NotificationView]:
    """List notifications nobody wanted, newest first, with the listeners that nearly did."""
    rows = await store.notifications(
        NotificationQuery(
            account_id=names.account_id(await store.registry(), account),
            only="unclaimed",
            after=cursor(after),
            limit=check_limit(limit) + 1,
        )
    )
    registries: dict[int, Registry] = {}
    nearly: dict[int, tuple[str, ...]] = {}
    for row in rows[:limit]:
        revision = row.registry_revision
        if revision not in registries:
            registries[revision] = await store.registry(revision)
        whole = await store.notification(row.notification.id)
        if whole is not None and whole.has_body:
            found = near_misses(registries[revision], whole.notification)
            nearly[row.sequence] = tuple(map(_nearly, found))
    return page(
        rows,
        limit,
        lambda row: row.sequence,
        lambda row: notification_view(row, nearly.get(row.sequence, ())),
    )


async def list_unreadable(
    store: Store, *, account: str | None = None, after: str | None = None, limit: int = 100
) -> Page[NotificationView]:
    """List signed messages that could not be understood in full, newest first, with the reason."""
    rows = await store.notifications(
        NotificationQuery(
            account_id=names.account_id(await store.registry(), account),
            only="flawed",
            after=cursor(after),
            limit=check_limit(limit) + 1,
        )
    )
    return page(rows, limit, lambda row: row.sequence, notification_view)


async def find(store: Store, notification: str) -> StoredNotification:
    """Return one notification. Raises `NotFoundError`."""
    named = asked(notification, "notification") or ""
    stored = await store.notification(named)
    if stored is None:
        raise NotFoundError(
            f"there is no notification {named!r}; `postroom notifications` lists them"
        )
    return stored


def spelled(events: tuple[str, ...]) -> tuple[str, ...]:
    """Return event names as they are kept, from any known spelling."""
    return tuple(vocabulary.canonical(event) or folded(event, "events") or "" for event in events)


def folded(text: str | None, name: str) -> str | None:
    """Return an id or an event as it is kept, in lower case. Raises as `views.asked`."""
    found = asked(text, name)
    return None if found is None else found.lower()


def _nearly(miss: NearMiss) -> str:
    wanted, seen = words.quoted(miss.wanted), words.quoted(miss.seen)
    return f"{miss.listener} wants {miss.path} = {wanted}, saw {seen}"


def _message(body: bytes) -> Json:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
