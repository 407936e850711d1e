"""What people ask, as SQLAlchemy statements for both databases, and the nouns that answer."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from postroom.model import DeliveryState, Notification, Replay
from postroom.storage.port import (
    DeliveryQuery,
    NotificationQuery,
    StoredDelivery,
    StoredNotification,
)
from postroom.storage.schema import (
    STATE_NUMBERS,
    STATES,
    content,
    delivery,
    envelope,
    notification,
    repeat,
)

_KEPT_WITH = notification.outerjoin(
    envelope, envelope.c.number == notification.c.envelope_number
).outerjoin(content, content.c.notification_seq == notification.c.seq)

_NOTIFICATION_COLUMNS = (
    notification.c.seq,
    notification.c.registry_revision,
    notification.c.is_unclaimed,
    sa.select(sa.func.count())
    .where(repeat.c.notification_seq == notification.c.seq)
    .scalar_subquery(),
    content.c.notification_seq.is_not(None),
    notification.c.id,
    notification.c.account_id,
    envelope.c.envelope_id,
    notification.c.event,
    notification.c.recipient_id,
    notification.c.sender_id,
    notification.c.occurred_at,
    notification.c.received_at,
    notification.c.retry_count,
    notification.c.configuration_id,
    notification.c.content_type,
    notification.c.flaw,
    notification.c.is_readable,
    content.c.sticky_fields,
    content.c.enrichment,
    notification.c.origin,
    notification.c.attached,
)

_DELIVERY_COLUMNS = (
    delivery.c.id,
    notification.c.id,
    delivery.c.listener_id,
    notification.c.account_id,
    envelope.c.envelope_id,
    notification.c.event,
    notification.c.recipient_id,
    notification.c.received_at,
    delivery.c.state,
    delivery.c.reason,
    delivery.c.lane,
    delivery.c.due_at,
    delivery.c.token.is_not(None),
    delivery.c.attempts,
    delivery.c.last_status,
    delivery.c.last_failure,
    delivery.c.settled_at,
    delivery.c.superseded_by,
    delivery.c.is_late,
    content.c.notification_seq.is_not(None),
    delivery.c.replay_id,
    delivery.c.replay_reason,
    delivery.c.replay_is_forced,
)

_ONLY = {
    # Word for word the conditions of the partial indexes.
    "unclaimed": sa.text("is_unclaimed"),
    "unreadable": sa.text("NOT is_readable"),
    "flawed": sa.text("flaw IS NOT NULL"),
}


def notifications(query: NotificationQuery) -> sa.Select[Any]:
    """Return the statement that lists notifications without their bodies."""
    n = notification.c
    found = sa.select(*_NOTIFICATION_COLUMNS).select_from(_KEPT_WITH)
    if query.account_id is not None:
        found = found.where(n.account_id == query.account_id)
    if query.envelope_id is not None:
        found = found.where(_is_of(query.envelope_id))
    if query.events:
        found = found.where(n.event.in_(query.events))
    if query.sender_id is not None:
        found = found.where(n.sender_id == query.sender_id)
    if query.only != "all":
        found = found.where(_ONLY[query.only])
    found = _received(found, query.received_from, query.received_until)
    return _page(found, n.seq, query)


def traffic(query: NotificationQuery) -> sa.Select[Any]:
    """Return the statement that lists notifications with their bodies."""
    return notifications(query).add_columns(content.c.body)


def one_notification(notification_id: str) -> sa.Select[Any]:
    """Return the statement that finds one notification with its body."""
    return (
        sa.select(*_NOTIFICATION_COLUMNS, content.c.body)
        .select_from(_KEPT_WITH)
        .where(notification.c.id == notification_id)
    )


def occurrences(
    account_id: str, envelope_id: str, event: str, recipient_id: str | None, limit: int
) -> sa.Select[Any]:
    """Return the statement that finds one event of one envelope, newest first, with bodies."""
    n = notification.c
    return (
        sa.select(*_NOTIFICATION_COLUMNS, content.c.body)
        .select_from(_KEPT_WITH)
        .where(
            _is_of(envelope_id),
            n.account_id == account_id,
            n.event == event,
            n.recipient_id.is_(None) if recipient_id is None else n.recipient_id == recipient_id,
        )
        .order_by(n.seq.desc())
        .limit(limit)
    )


def deliveries(query: DeliveryQuery) -> sa.Select[Any]:
    """Return the statement that lists deliveries."""
    n, d = notification.c, delivery.c
    found = _deliveries()
    if query.account_id is not None:
        found = found.where(n.account_id == query.account_id)
    if query.listener_id is not None:
        # Adding 0 leaves the planner the small index of what is undecided or failed.
        of_listener = d.listener_id + 0 if _is_few(query) else d.listener_id
        found = found.where(of_listener == query.listener_id)
    if query.notification_id is not None:
        found = found.where(n.id == query.notification_id)
    if query.envelope_id is not None:
        found = found.where(_is_of(query.envelope_id))
    if query.events:
        found = found.where(n.event.in_(query.events))
    if query.states:
        found = found.where(*_in_states(query.states))
    if query.not_superseded:
        found = found.where(d.superseded_by.is_(None))
    if query.replays != "with":
        is_replay = d.replay_id.is_not(None)
        found = found.where(is_replay if query.replays == "only" else ~is_replay)
    found = _received(found, query.received_from, query.received_until)
    return _page(found, d.id, query)


def one_delivery(delivery_id: int) -> sa.Select[Any]:
    """Return the statement that finds one delivery."""
    return _deliveries().where(delivery.c.id == delivery_id)


def stored_notification(row: Sequence[Any]) -> StoredNotification:
    """Return what a row of these statements says; the body where the statement asked for it."""
    return StoredNotification(
        sequence=row[0],
        registry_revision=row[1],
        is_unclaimed=bool(row[2]),
        repeats=row[3],
        has_body=bool(row[4]),
        notification=Notification(
            id=row[5],
            account_id=row[6],
            envelope_id=row[7],
            event=row[8],
            recipient_id=row[9],
            sender_id=row[10],
            occurred_at=row[11],
            received_at=row[12],
            retry_count=row[13],
            configuration_id=row[14],
            content_type=row[15],
            flaw=row[16],
            is_readable=bool(row[17]),
            sticky_fields=row[18],
            enrichment=row[19],
            origin=row[20],
            attached=attached(row[21]),
            body=(row[22] or b"") if len(row) > len(_NOTIFICATION_COLUMNS) else b"",
        ),
    )


def attached(column: str | None) -> tuple[str, ...]:
    """Return the listeners that an envelope carried, from how a notification's row names them."""
    return () if column is None else msgspec.json.decode(column, type=tuple[str, ...])


def stored_delivery(row: Sequence[Any]) -> StoredDelivery:
    """Return what a row of these statements says."""
    replay_id, replay_reason, replay_is_forced = row[20:23]
    return StoredDelivery(
        id=row[0],
        notification_id=row[1],
        listener_id=row[2],
        account_id=row[3],
        envelope_id=row[4],
        event=row[5],
        recipient_id=row[6],
        received_at=row[7],
        state=STATES[row[8]],
        reason=row[9],
        lane=row[10],
        due_at=row[11],
        is_leased=bool(row[12]),
        attempts=row[13],
        last_status=row[14],
        last_failure=row[15],
        settled_at=row[16],
        superseded_by=row[17],
        is_late=bool(row[18]),
        has_body=bool(row[19]),
        replay=None
        if replay_id is None
        else Replay(id=replay_id, reason=replay_reason, is_forced=bool(replay_is_forced)),
    )


def _deliveries() -> sa.Select[Any]:
    return sa.select(*_DELIVERY_COLUMNS).select_from(
        delivery.join(notification, notification.c.seq == delivery.c.notification_seq)
        .outerjoin(envelope, envelope.c.number == notification.c.envelope_number)
        .outerjoin(content, content.c.notification_seq == notification.c.seq)
    )


def _is_of(envelope_id: str) -> sa.ColumnElement[bool]:
    numbers = sa.select(envelope.c.number).where(envelope.c.envelope_id == envelope_id)
    return notification.c.envelope_number.in_(numbers)


def _is_few(query: DeliveryQuery) -> bool:
    """Tell whether a partial index holds all that is asked for, and little else."""
    states = set(query.states)
    is_failures = states == {DeliveryState.GIVEN_UP} and query.not_superseded
    return is_failures or (bool(states) and states <= {DeliveryState.HELD, DeliveryState.CROSSED})


def _in_states(states: Sequence[DeliveryState]) -> list[sa.TextClause]:
    """Return conditions in literals, in which the planner recognises those of partial indexes."""
    numbers = sorted({STATE_NUMBERS[state] for state in states})
    if len(numbers) == 1:
        conditions = [_state(f"= {numbers[0]}")]
    else:
        conditions = [_state(f"IN ({', '.join(map(str, numbers))})")]
    # Implied, but a planner does not see it.
    if set(numbers) < {1, 2}:
        conditions.append(_state("IN (1, 2)"))
    if set(numbers) < {3, 4}:
        conditions.append(_state("IN (3, 4)"))
    return conditions


def _state(condition: str) -> sa.TextClause:
    return sa.text(f"delivery.state {condition}")


def _received(found: sa.Select[Any], start: int | None, end: int | None) -> sa.Select[Any]:
    """Narrow to arrivals from `start` on and before `end`.

    Adding 0 keeps the planner off the index of arrivals: a page is then read in the order of its
    key from the last row seen, where a sort of the whole range would be needed for every page.
    """
    received_at = notification.c.received_at + 0
    if start is not None:
        found = found.where(received_at >= start)
    if end is not None:
        found = found.where(received_at < end)
    return found


def _page(
    found: sa.Select[Any], key: sa.Column[int], query: NotificationQuery | DeliveryQuery
) -> sa.Select[Any]:
    if query.after is not None:
        found = found.where(key > query.after if query.oldest_first else key < query.after)
    return found.order_by(key if query.oldest_first else key.desc()).limit(query.limit)
