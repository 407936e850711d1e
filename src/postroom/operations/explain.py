"""Why a listener got a notification, or why not: recomputed with the registry then in force."""

from collections.abc import Mapping

from postroom.model import DeliveryState, Json, Listener, Noun, OwedState, Registry, Truth
from postroom.operations import names
from postroom.operations.notifications import find
from postroom.operations.views import moment
from postroom.routing import explanation
from postroom.storage.port import DeliveryQuery, Store, StoredDelivery, StoredNotification


class FindingView(Noun, frozen=True, kw_only=True):
    """What one condition said."""

    truth: str
    condition: str
    seen: Json
    hint: str | None


class ListenerExplanation(Noun, frozen=True, kw_only=True):
    """Why one listener gets the notification, or why not."""

    listener: str
    outcome: str
    """`delivered`, `pending`, `not_wanted`, `unknown`, or the state of the delivery."""
    summary: str
    """The answer in one sentence."""
    findings: tuple[FindingView, ...]
    near_miss: str | None
    delivery_ids: tuple[int, ...]


class Explanation(Noun, frozen=True, kw_only=True):
    """The answer for every listener of the account."""

    notification_id: str
    account_id: str
    envelope_id: str | None
    event: str
    received_at: str
    registry_revision: int
    is_unclaimed: bool
    flaw: str | None
    listeners: tuple[ListenerExplanation, ...]


async def explain(store: Store, notification: str, *, listener: str | None = None) -> Explanation:
    """Explain a notification for every listener its account had, or for one.

    Computed with the listener revisions that were in force when it came. Raises `NotFoundError`.
    """
    stored = await find(store, notification)
    registry = await store.registry(stored.registry_revision)
    wanted = _listeners(registry, stored, listener)
    owed = await _owed(store, stored)
    one = stored.notification
    return Explanation(
        notification_id=one.id,
        account_id=one.account_id,
        envelope_id=one.envelope_id,
        event=one.event,
        received_at=moment(one.received_at),
        registry_revision=stored.registry_revision,
        is_unclaimed=stored.is_unclaimed,
        flaw=one.flaw,
        listeners=tuple(
            _explained(registry, each, stored, owed.get(each.id, ())) for each in wanted
        ),
    )


def _listeners(
    registry: Registry, stored: StoredNotification, listener: str | None
) -> list[Listener]:
    account = stored.notification.account_id
    if listener is not None:
        return [names.listener(registry, listener, account)]
    found = (one for one in registry.listeners.values() if one.account_id == account)
    return sorted(found, key=lambda one: one.name)


async def _owed(
    store: Store, stored: StoredNotification
) -> Mapping[int, tuple[StoredDelivery, ...]]:
    rows = await store.deliveries(
        DeliveryQuery(notification_id=stored.notification.id, oldest_first=True, limit=1000)
    )
    owed: dict[int, tuple[StoredDelivery, ...]] = {}
    for row in rows:
        owed[row.listener_id] = (*owed.get(row.listener_id, ()), row)
    return owed


def _explained(
    registry: Registry,
    listener: Listener,
    stored: StoredNotification,
    deliveries: tuple[StoredDelivery, ...],
) -> ListenerExplanation:
    if not stored.notification.is_readable:
        return _without_findings(
            listener, deliveries, f"it could not be read: {stored.notification.flaw}"
        )
    if not stored.has_body:
        return _without_findings(
            listener, deliveries, "its body is past retention, so it cannot be recomputed"
        )
    found = explanation.explain(registry, listener, stored.notification)
    outcome = _outcome(deliveries[-1]) if deliveries else _undelivered(found)
    return ListenerExplanation(
        listener=listener.name,
        outcome=outcome,
        summary=_what_became(deliveries[-1], found.outcome) if deliveries else found.outcome,
        findings=tuple(
            FindingView(
                truth=finding.truth.value,
                condition=finding.condition,
                seen=finding.seen,
                hint=finding.hint,
            )
            for finding in found.findings
        ),
        near_miss=found.near_miss,
        delivery_ids=tuple(row.id for row in deliveries),
    )


def _without_findings(
    listener: Listener, deliveries: tuple[StoredDelivery, ...], reason: str
) -> ListenerExplanation:
    return ListenerExplanation(
        listener=listener.name,
        outcome=_outcome(deliveries[-1]) if deliveries else "unknown",
        summary=_what_became(deliveries[-1], reason) if deliveries else reason,
        findings=(),
        near_miss=None,
        delivery_ids=tuple(row.id for row in deliveries),
    )


def _undelivered(found: explanation.Explanation) -> str:
    if found.truth is Truth.UNKNOWN:
        return "held"
    if found.match is not None and found.match.state is OwedState.CROSSED:
        return "crossed"
    return "not_wanted"


def _outcome(row: StoredDelivery) -> str:
    if row.state in {DeliveryState.DUE, DeliveryState.WAITING}:
        return "pending"
    return row.state.value


def _what_became(row: StoredDelivery, why: str) -> str:
    """Say where the newest delivery stands, and why it was owed."""
    tried = f"after {row.attempts} attempt{'' if row.attempts == 1 else 's'}"
    last = f"last answer {row.last_status}" if row.last_status else f"last {row.last_failure}"
    words = {
        DeliveryState.DELIVERED: f"delivered {tried}",
        DeliveryState.GIVEN_UP: f"given up {tried}: {row.reason}",
        DeliveryState.WAITING: "waiting behind an earlier event of the envelope",
        DeliveryState.DUE: f"pending {tried}, {last}" if row.attempts else "about to be sent",
        DeliveryState.HELD: f"held: {row.reason}",
        DeliveryState.CROSSED: f"crossed: {row.reason}",
        DeliveryState.DISMISSED: f"dismissed: {row.reason}",
        DeliveryState.SHADOWED: (
            f"would be held (shadow): {row.reason}" if row.reason else "would be delivered (shadow)"
        ),
    }[row.state]
    if row.state is DeliveryState.SHADOWED:
        return words
    return f"{words} ({why})" if row.state is not DeliveryState.HELD else words
