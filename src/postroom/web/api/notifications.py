"""Notifications, and why each listener got one or not."""

from litestar import get
from litestar.di import NamedDependency

from postroom.operations import explain, notifications
from postroom.operations.explain import Explanation
from postroom.operations.views import NotificationDetails, NotificationView, Page
from postroom.web.api.parameters import (
    Account,
    After,
    Envelope,
    Events,
    From,
    Limit,
    ListenerName,
    Name,
    Text,
    Until,
)
from postroom.web.api.services import Services


@get("/notifications")
async def list_notifications(  # noqa: PLR0913  # each is a way to narrow the list
    services: NamedDependency[Services],
    *,
    account: Account = None,
    envelope: Envelope = None,
    events: Events = None,
    sender: Text = None,
    received_from: From = None,
    received_until: Until = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[NotificationView]:
    """List notifications, newest first."""
    return await notifications.list_notifications(
        services.store,
        account=account,
        envelope=envelope,
        events=tuple(events or ()),
        sender=sender,
        received_from=received_from,
        received_until=received_until,
        after=after,
        limit=limit,
    )


@get("/notifications/{notification:str}")
async def show_notification(
    services: NamedDependency[Services], notification: Name
) -> NotificationDetails:
    """Show one notification with its message, deliveries and repeats."""
    return await notifications.show_notification(services.store, notification)


@get("/notifications/{notification:str}/explanation")
async def explain_notification(
    services: NamedDependency[Services], notification: Name, listener: ListenerName = None
) -> Explanation:
    """Explain a notification for every listener of its account, or for one."""
    return await explain.explain(services.store, notification, listener=listener)


@get("/unclaimed")
async def list_unclaimed(
    services: NamedDependency[Services],
    account: Account = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[NotificationView]:
    """List notifications nobody wanted, with the listeners that nearly did."""
    return await notifications.list_unclaimed(
        services.store, account=account, after=after, limit=limit
    )


@get("/unreadable")
async def list_unreadable(
    services: NamedDependency[Services],
    account: Account = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[NotificationView]:
    """List signed messages that could not be understood in full."""
    return await notifications.list_unreadable(
        services.store, account=account, after=after, limit=limit
    )
