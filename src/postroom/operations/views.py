"""What people see: plain values whose moments are ISO 8601 texts in UTC. Never a secret."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from postroom.errors import InvalidInputError
from postroom.model import Json, ListenerState, Noun
from postroom.storage.port import (
    Backlog,
    StoredAttempt,
    StoredDelivery,
    StoredNotification,
)

Item = TypeVar("Item")
Row = TypeVar("Row")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_LIMIT = 1000
MAX_ASKED = 200
"""Characters; every id and event name kept is shorter."""
MAX_CURSOR = 2**63 - 1
"""The largest number a store counts rows with."""


class Page(Noun, Generic[Item], frozen=True, kw_only=True):
    """Some of a list, and where the next part begins (None at the end)."""

    items: tuple[Item, ...]
    next_after: str | None


class BacklogView(Noun, frozen=True, kw_only=True):
    """What a listener is still owed."""

    due: int = 0
    waiting: int = 0
    held: int = 0
    crossed: int = 0
    given_up: int = 0
    oldest_received_at: str | None = None


class AccountView(Noun, frozen=True, kw_only=True):
    """An account."""

    id: str
    name: str
    parent_id: str | None
    is_unsigned: bool
    users: int
    listeners: int
    active_keys: int
    environment_field: str | None
    enrichment_url: str | None


class ListenerView(Noun, frozen=True, kw_only=True):
    """A listener, what it said and how it fares."""

    name: str
    account_id: str
    url: str
    state: str
    """`ok`, `paused`, `down`, or `off` for a configuration without `allowEnvelopePublish`."""
    mode: str
    """`live`, or `shadow`: decided and recorded, never sent."""
    paused_at: str | None
    down_since: str | None
    events: tuple[str, ...]
    users: Json
    filter: Json
    filter_in_words: str
    lane: str | None
    environment: str | None
    format: str
    include: tuple[str, ...] | None
    mask: tuple[str, ...]
    retry: str | tuple[float, ...]
    acknowledgement: bool
    timeout_seconds: float
    connect_timeout_seconds: float
    concurrency: int
    ordering: str
    comparison: str
    field_policy: str
    breaker_threshold: int
    probe_seconds: float
    scope: str
    """`account`, or `envelope` for an `eventNotification`."""
    configuration: Json
    """The Connect configuration or `eventNotification` it was made from, as Docusign echoes it."""
    is_signed: bool
    is_logged: bool
    """Whether Docusign's own log shows its deliveries."""
    documents_for: tuple[str, ...]
    extras: tuple[str, ...]
    backlog: BacklogView


class KeyView(Noun, frozen=True, kw_only=True):
    """A key, told by its fingerprint."""

    id: str
    account_id: str
    listener: str | None
    purpose: str
    fingerprint: str
    created_at: str
    retired_at: str | None


class NotificationView(Noun, frozen=True, kw_only=True):
    """A notification in a list."""

    id: str
    account_id: str
    envelope_id: str | None
    event: str
    recipient_id: str | None
    sender_id: str | None
    occurred_at: str
    received_at: str
    is_readable: bool
    flaw: str | None
    is_unclaimed: bool
    repeats: int
    has_body: bool
    near_misses: tuple[str, ...] = ()


class RepeatView(Noun, frozen=True, kw_only=True):
    """One more arrival of the same event."""

    received_at: str
    configuration_id: str | None
    retry_count: int


class DeliveryView(Noun, frozen=True, kw_only=True):
    """A delivery in a list."""

    id: int
    notification_id: str
    listener: str
    account_id: str
    envelope_id: str | None
    event: str
    recipient_id: str | None
    received_at: str
    state: str
    reason: str | None
    lane: str | None
    due_at: str | None
    attempts: int
    last_status: int | None
    last_failure: str | None
    settled_at: str | None
    replay: str | None
    superseded_by: int | None
    is_late: bool
    has_body: bool


class AttemptView(Noun, frozen=True, kw_only=True):
    """One attempt."""

    number: int
    started_at: str
    duration_ms: float
    status: int | None
    failure: str | None
    detail: str
    response_headers: tuple[tuple[str, str], ...]
    response_excerpt: str
    verdict: str
    verdict_reason: str
    next_at: str | None


class DeliveryDetails(Noun, frozen=True, kw_only=True):
    """A delivery with its attempts."""

    delivery: DeliveryView
    attempts: tuple[AttemptView, ...]


class NotificationDetails(Noun, frozen=True, kw_only=True):
    """A notification with what came of it."""

    notification: NotificationView
    has_body: bool
    message: Json
    """The message as JSON, or None where it is none or gone."""
    deliveries: tuple[DeliveryView, ...]
    repeats: tuple[RepeatView, ...]


class RejectionView(Noun, frozen=True, kw_only=True):
    """A message refused at the front door."""

    at: str
    account_id: str | None
    remote: str
    reason: str
    hint: str | None


class AuditView(Noun, frozen=True, kw_only=True):
    """Who did what."""

    at: str
    actor: str
    verb: str
    details: Json


class Decided(Noun, frozen=True, kw_only=True):
    """How many deliveries a decision reached."""

    decided: int


def moment(at: int) -> str:
    """Return a moment as ISO 8601 text in UTC, to the millisecond."""
    text = (EPOCH + timedelta(microseconds=at)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def moment_or_none(at: int | None) -> str | None:
    """Return a moment as text, or None."""
    return None if at is None else moment(at)


def read_moment(text: str | None, name: str) -> int | None:
    """Read a moment from ISO 8601 text; without an offset it is UTC.

    Raises `InvalidInputError`, naming the parameter.
    """
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            f"{name}: {text[:40]!r} is not a moment; write it as 2026-03-02T18:00:00Z"
        ) from None
    aware = read if read.tzinfo else read.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def asked(text: str | None, name: str) -> str | None:
    """Return what to look for, or None for None.

    Raises `InvalidInputError`, naming the parameter, for what nothing can be called. Empty is
    refused too: a variable that a script left unset must not stand for everything.
    """
    if text is not None and not (0 < len(text) <= MAX_ASKED and text.isprintable()):
        raise InvalidInputError(f"{name}: {text[:40]!r} names nothing; copy it from a list")
    return text


def cursor(text: str | None) -> int | None:
    """Read the `after` of a page. Raises `InvalidInputError`."""
    if text is None:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_CURSOR))
    if not is_number or int(text) > MAX_CURSOR:
        raise InvalidInputError("after: use the next_after of the page before")
    return int(text)


def page(
    rows: Sequence[Row], limit: int, key: Callable[[Row], int], view: Callable[[Row], Item]
) -> Page[Item]:
    """Make a page of rows that were asked for with one more than `limit`."""
    shown = rows[:limit]
    return Page(
        items=tuple(view(row) for row in shown),
        next_after=str(key(shown[-1])) if len(rows) > limit else None,
    )


def check_limit(limit: int) -> int:
    """Return a limit that is within bounds. Raises `InvalidInputError`."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError(f"limit: from 1 to {MAX_LIMIT}")
    return limit


def backlog_view(backlog: Backlog | None) -> BacklogView:
    """Return a listener's backlog; nothing owed where there is none."""
    if backlog is None:
        return BacklogView()
    return BacklogView(
        due=backlog.due,
        waiting=backlog.waiting,
        held=backlog.held,
        crossed=backlog.crossed,
        given_up=backlog.given_up,
        oldest_received_at=moment_or_none(backlog.oldest_received_at),
    )


def state_in_a_word(state: ListenerState | None) -> str:
    """Return `ok`, `paused` or `down`."""
    if state is None:
        return "ok"
    if state.paused_at is not None:
        return "paused"
    return "down" if state.down_since is not None else "ok"


def notification_view(
    stored: StoredNotification, near_misses: tuple[str, ...] = ()
) -> NotificationView:
    """Return a notification for a list."""
    one = stored.notification
    return NotificationView(
        id=one.id,
        account_id=one.account_id,
        envelope_id=one.envelope_id,
        event=one.event,
        recipient_id=one.recipient_id,
        sender_id=one.sender_id,
        occurred_at=moment(one.occurred_at),
        received_at=moment(one.received_at),
        is_readable=one.is_readable,
        flaw=one.flaw,
        is_unclaimed=stored.is_unclaimed,
        repeats=stored.repeats,
        has_body=stored.has_body,
        near_misses=near_misses,
    )


def delivery_view(stored: StoredDelivery, listener: str) -> DeliveryView:
    """Return a delivery for a list."""
    return DeliveryView(
        id=stored.id,
        notification_id=stored.notification_id,
        listener=listener,
        account_id=stored.account_id,
        envelope_id=stored.envelope_id,
        event=stored.event,
        recipient_id=stored.recipient_id,
        received_at=moment(stored.received_at),
        state=stored.state.value,
        reason=stored.reason,
        lane=stored.lane,
        due_at=moment_or_none(stored.due_at),
        attempts=stored.attempts,
        last_status=stored.last_status,
        last_failure=stored.last_failure,
        settled_at=moment_or_none(stored.settled_at),
        replay=stored.replay.id if stored.replay else None,
        superseded_by=stored.superseded_by,
        is_late=stored.is_late,
        has_body=stored.has_body,
    )


def attempt_view(stored: StoredAttempt) -> AttemptView:
    """Return an attempt."""
    return AttemptView(
        number=stored.number,
        started_at=moment(stored.started_at),
        duration_ms=stored.duration_us / 1000,
        status=stored.status,
        failure=stored.failure,
        detail=stored.detail,
        response_headers=stored.response_headers,
        response_excerpt=stored.response_excerpt.decode("utf-8", "replace"),
        verdict=stored.verdict,
        verdict_reason=stored.verdict_reason,
        next_at=moment_or_none(stored.next_at),
    )
