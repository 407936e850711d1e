"""From states to events: what one aggregate message tells that the one before did not.

A state proves that things have happened: a recipient that has signed was sent to before. What is
new is what a state proves and the previous one did not; so a message that was skipped loses
nothing, and one that comes twice invents nothing. Only what a state no longer shows can be lost:
a bounced recipient that was corrected before the next message.
"""

from collections.abc import Iterable, Iterator

from postroom.model import Noun


class RecipientState(Noun, frozen=True, kw_only=True):
    """A recipient in a state; its status is REST's lower-case one."""

    id: str
    status: str
    sent_at: int | None = None
    delivered_at: int | None = None
    signed_at: int | None = None
    declined_at: int | None = None
    failed_at: int | None = None
    """When its authentication failed; the moment of the message where that is not said."""


class Snapshot(Noun, frozen=True, kw_only=True):
    """An envelope as one aggregate message tells it."""

    envelope_id: str
    generated_at: int
    """`TimeGenerated`: which of two messages is the later."""
    status: str
    created_at: int | None = None
    sent_at: int | None = None
    delivered_at: int | None = None
    completed_at: int | None = None
    declined_at: int | None = None
    deleted_at: int | None = None
    recipients: tuple[RecipientState, ...] = ()


class Told(Noun, frozen=True, kw_only=True):
    """An event that a state proves to have happened, and when."""

    event: str
    recipient_id: str | None
    at: int


_LAST = {
    "completed": "envelope-completed",
    "declined": "envelope-declined",
    "voided": "envelope-voided",
    "timedout": "envelope-voided",
    "deleted": "envelope-deleted",
}
"""Statuses at the end of a life; one that timed out is voided by time (contract 2.2)."""

_STATE_EVENTS = _LAST | {
    "created": "envelope-created",
    "sent": "envelope-sent",
    "delivered": "envelope-delivered",
    "signed": "envelope-delivered",
}
_REACHED = ("delivered", "completed", "signed", "declined", "autoresponded", "faxpending", "sent")
"""Statuses of a recipient that something was sent to."""


def state_event(status: str) -> str | None:
    """Return the event that brings an envelope into a status, or None where none does."""
    return _STATE_EVENTS.get(status)


def events(previous: Snapshot | None, current: Snapshot) -> tuple[tuple[str, str | None], ...]:
    """Return what `current` tells anew, as (event, recipient id), in the order it happened.

    A state older than the previous one tells nothing: ask `is_stale`.
    """
    return tuple((one.event, one.recipient_id) for one in news(previous, current))


def news(previous: Snapshot | None, current: Snapshot) -> tuple[Told, ...]:
    """Return the same with the moments."""
    if previous is None:
        return told(current)
    if is_stale(previous, current):
        return ()
    known = _pairs(told(previous))
    return tuple(one for one in told(current) if (one.event, one.recipient_id) not in known)


def is_stale(previous: Snapshot | None, current: Snapshot) -> bool:
    """Tell whether `current` was made before the previous state, which must then be kept.

    Of two made at one moment the earlier is the one that tells less.
    """
    if previous is None or current.generated_at > previous.generated_at:
        return False
    if current.generated_at < previous.generated_at:
        return True
    return _pairs(told(current)) < _pairs(told(previous))


def told(snapshot: Snapshot) -> tuple[Told, ...]:
    """Return all that a state proves to have happened, in order, moments never going back.

    Sending comes first and what ends an envelope last, whatever the moments say: `Sent` of an
    envelope moves on whenever it is sent to one more recipient (contract 3.3).
    """
    begun = list(_begun(snapshot))
    between = [one for state in snapshot.recipients for one in _of(state, snapshot.generated_at)]
    between += _opened(snapshot)
    between.sort(key=lambda one: one.at)
    ordered = [*begun, *between, *_ended(snapshot)]
    latest = snapshot.generated_at
    for place in range(len(ordered) - 1, -1, -1):
        one = ordered[place]
        latest = min(latest, one.at)
        ordered[place] = Told(event=one.event, recipient_id=one.recipient_id, at=latest)
    unique = {(one.event, one.recipient_id): one for one in reversed(ordered)}
    return tuple(reversed(unique.values()))


def _pairs(all_told: Iterable[Told]) -> set[tuple[str, str | None]]:
    return {(one.event, one.recipient_id) for one in all_told}


def _begun(snapshot: Snapshot) -> Iterator[Told]:
    made_at = snapshot.created_at or snapshot.generated_at
    if snapshot.status == "created":
        yield Told(event="envelope-created", recipient_id=None, at=made_at)
    if snapshot.sent_at is not None or snapshot.status in {"sent", "delivered", "completed"}:
        sent_at = snapshot.sent_at or made_at
        yield Told(event="envelope-sent", recipient_id=None, at=sent_at)


def _opened(snapshot: Snapshot) -> Iterator[Told]:
    if snapshot.delivered_at is not None or snapshot.status in {"delivered", "signed"}:
        opened_at = snapshot.delivered_at or snapshot.generated_at
        yield Told(event="envelope-delivered", recipient_id=None, at=opened_at)


def _ended(snapshot: Snapshot) -> Iterator[Told]:
    event = _LAST.get(snapshot.status)
    if event is None:
        return
    moments = {
        "completed": snapshot.completed_at,
        "declined": snapshot.declined_at,
        "deleted": snapshot.deleted_at,
    }
    at = moments.get(snapshot.status) or snapshot.generated_at
    yield Told(event=event, recipient_id=None, at=at)


def _of(state: RecipientState, generated_at: int) -> Iterator[Told]:
    """Yield what has happened to one recipient, each moment no earlier than the one before."""
    at = 0
    for event, has_happened, moment in (
        ("sent", state.sent_at is not None or state.status in _REACHED, state.sent_at),
        ("authenticationfailed", state.failed_at is not None, state.failed_at),
        ("autoresponded", state.status == "autoresponded", None),
        (
            "delivered",
            state.delivered_at is not None or state.status == "delivered",
            state.delivered_at,
        ),
        ("completed", state.status == "completed", state.signed_at or state.sent_at),
        (
            "declined",
            state.declined_at is not None or state.status == "declined",
            state.declined_at,
        ),
    ):
        if has_happened:
            at = max(at, generated_at if moment is None else moment)
            yield Told(event=f"recipient-{event}", recipient_id=state.id, at=at)
