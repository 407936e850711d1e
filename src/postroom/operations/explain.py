"""Why a listener got a notification, or why not: recomputed with the registry then in force."""

import asyncio
from collections.abc import Mapping, Sequence

from postroom.model import DeliveryState, Json, Listener, Noun, OwedState, Registry, Truth
from postroom.operations import names
from postroom.operations.explaining import fate
from postroom.operations.explaining.fate import Surroundings
from postroom.operations.explaining.registries import Registries
from postroom.operations.notifications import find
from postroom.operations.views import moment
from postroom.routing.explaining import explanation
from postroom.storage.port import DeliveryQuery, Store, StoredDelivery, StoredNotification

MAX_OWED = 1000
"""Deliveries of one notification that are looked at."""
STRIDE = 20
"""Listeners explained, some tenths of a millisecond each, before others have their turn."""


class FindingView(Noun, frozen=True, kw_only=True):
    """What one condition said."""

    truth: str
    condition: str
    seen: Json
    hint: str | None


class NearMissView(Noun, frozen=True, kw_only=True):
    """A value that would have matched but for its spelling."""

    path: str
    seen: str
    wanted: str
    how: tuple[str, ...]
    """The differences in words: `trailing space`, `case differs`."""


class ListenerExplanation(Noun, frozen=True, kw_only=True):
    """Why one listener gets the notification, or why not."""

    listener: str
    outcome: str
    """`delivered`, `pending`, `not_wanted`, `yielded`, `merged`, `unknown`, or the state of the
    delivery."""
    summary: str
    """The answer in one sentence."""
    sentence: str
    """The same with the listener's name, to be read alone."""
    against: str | None
    """What the condition is about that does not hold, or is not decided: `message`, `account`,
    `standing`, `event`, `sender` or `content`."""
    reason: str | None
    """That condition: what the message has, and what was wanted."""
    findings: tuple[FindingView, ...]
    near_miss: str | None
    nearly: NearMissView | None
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
    origin: str
    """`feed`, `here`, `historical` (published again) or `derived` (made up by REST)."""
    listeners: tuple[ListenerExplanation, ...]


async def explain(store: Store, notification: str, *, listener: str | None = None) -> Explanation:
    """Explain a notification for every listener its account had, or for one.

    Computed with the listener revisions that were in force when it came. Raises `NotFoundError`.
    """
    stored = await find(store, notification)
    registries = Registries(store)
    registry = await registries.at(stored.registry_revision)
    wanted = listeners_of(registry, stored.notification.account_id, listener)
    owed = await _owed(store, stored)
    around = await surroundings(store, [rows[-1] for rows in owed.values()])
    listeners = []
    for number, each in enumerate(wanted):
        if number % STRIDE == 0:
            await asyncio.sleep(0)  # the server takes in and delivers meanwhile
        row = owed.get(each.id, ())
        listeners.append(explained(registries, registry, each, stored, row, around))
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
        origin=one.origin,
        listeners=tuple(listeners),
    )


def listeners_of(registry: Registry, account: str, listener: str | None) -> list[Listener]:
    """Return an account's listeners by name, or the one that is named. Raises `NotFoundError`."""
    if listener is not None:
        return [names.listener(registry, listener, account)]
    found = (one for one in registry.listeners.values() if one.account_id == account)
    return sorted(found, key=lambda one: one.name)


async def _owed(
    store: Store, stored: StoredNotification
) -> Mapping[int, tuple[StoredDelivery, ...]]:
    rows = await store.deliveries(
        DeliveryQuery(notification_id=stored.notification.id, oldest_first=True, limit=MAX_OWED)
    )
    owed: dict[int, tuple[StoredDelivery, ...]] = {}
    for row in rows:
        owed[row.listener_id] = (*owed.get(row.listener_id, ()), row)
    return owed


async def surroundings(store: Store, rows: Sequence[StoredDelivery]) -> Mapping[int, Surroundings]:
    """Return what bears on each delivery, by its id: its listener, its line, its last try."""
    states = await store.states()
    found: dict[int, Surroundings] = {}
    for row in rows:
        is_open = row.state in {DeliveryState.DUE, DeliveryState.WAITING}
        was_tried = row.attempts > 0 and row.state is not DeliveryState.DELIVERED
        attempts = await store.attempts(row.id) if was_tried else ()
        found[row.id] = Surroundings(
            state=states.get(row.listener_id) if is_open else None,
            head=await _head(store, row) if row.state is DeliveryState.WAITING else None,
            last=attempts[-1] if attempts else None,
        )
    return found


async def _head(store: Store, row: StoredDelivery) -> StoredDelivery | None:
    heads = await store.deliveries(
        DeliveryQuery(
            listener_id=row.listener_id,
            envelope_id=row.envelope_id,
            states=(DeliveryState.DUE,),
            oldest_first=True,
            limit=1,
        )
    )
    return heads[0] if heads else None


def explained(
    registries: Registries,
    registry: Registry,
    listener: Listener,
    stored: StoredNotification,
    deliveries: Sequence[StoredDelivery],
    around: Mapping[int, Surroundings],
) -> ListenerExplanation:
    """Return why one listener gets one notification, or why not."""
    if not stored.notification.is_readable:
        reason = f"it could not be read: {stored.notification.flaw}"
        return _without_findings(listener, deliveries, reason)
    if not stored.has_body:
        reason = "its body is past retention, so it cannot be recomputed"
        return _without_findings(listener, deliveries, reason)
    found = registries.explain(registry, listener, stored.notification)
    row = deliveries[-1] if deliveries else None
    outcome = _undelivered(found) if row is None else fate.outcome(row)
    summary = found.outcome if row is None else _told(row, found, around)
    return ListenerExplanation(
        listener=listener.name,
        outcome=outcome,
        summary=summary,
        sentence=_sentence(listener, outcome, summary),
        against=found.against,
        reason=found.reason,
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
        nearly=_nearly(found),
        delivery_ids=tuple(one.id for one in deliveries),
    )


def _told(
    row: StoredDelivery, found: explanation.Explanation, around: Mapping[int, Surroundings]
) -> str:
    is_held = row.state is DeliveryState.HELD and (row.reason or "").startswith("undecided")
    if is_held and found.truth is Truth.UNKNOWN:
        return f"held: cannot be decided: {found.reason}"
    return fate.told(row, found.outcome, around.get(row.id, fate.ALONE))


def _nearly(found: explanation.Explanation) -> NearMissView | None:
    near = found.nearly
    if near is None:
        return None
    return NearMissView(path=near.path, seen=near.seen, wanted=near.wanted, how=near.how)


def _sentence(listener: Listener, outcome: str, summary: str) -> str:
    if outcome == "not_wanted":
        return f"not delivered to {listener.name}: {summary.removeprefix('not wanted: ')}"
    return f"{listener.name}: {summary}"


def _without_findings(
    listener: Listener, deliveries: Sequence[StoredDelivery], reason: str
) -> ListenerExplanation:
    row = deliveries[-1] if deliveries else None
    outcome = "unknown" if row is None else fate.outcome(row)
    summary = reason if row is None else fate.told(row, reason)
    return ListenerExplanation(
        listener=listener.name,
        outcome=outcome,
        summary=summary,
        sentence=_sentence(listener, outcome, summary),
        against="message",
        reason=reason,
        findings=(),
        near_miss=None,
        nearly=None,
        delivery_ids=tuple(one.id for one in deliveries),
    )


def _undelivered(found: explanation.Explanation) -> str:
    if found.truth is Truth.UNKNOWN:
        return "held"
    if found.truth is Truth.NO:
        return "not_wanted"
    if found.match is None:
        return "yielded"
    return "crossed" if found.match.state is OwedState.CROSSED else "unknown"
