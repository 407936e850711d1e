"""How far an envelope and its recipients have come when an event happens. Pure."""

from collections.abc import Sequence

from postroom.clock import SECOND
from postroom.envelopes.sim_envelope import SimEnvelope, SimRecipient
from postroom.model import Noun

_AFTER_CREATION = 600 * SECOND
_SENT_AFTER = 2 * SECOND
_OPENED_AFTER = 90 * SECOND

_ENVELOPE_ONLY = {
    "envelope-sent",
    "envelope-resent",
    "envelope-corrected",
    "envelope-reminder-sent",
}
_RECIPIENT_STATUSES = {
    "recipient-delivered": "delivered",
    "recipient-completed": "completed",
    "recipient-declined": "declined",
    "recipient-autoresponded": "autoresponded",
}


class Standing(Noun, frozen=True, kw_only=True):
    """One recipient and its lower-case REST status (contract 2.1)."""

    recipient: SimRecipient
    status: str


class Progress(Noun, frozen=True, kw_only=True):
    """An envelope at the moment of an event."""

    status: str
    standings: tuple[Standing, ...]
    routing_order: int
    """The order whose turn it is."""
    created_at: int
    sent_at: int | None
    opened_at: int | None
    ended_at: int | None
    """When it was completed, declined or voided."""


def after(
    envelope: SimEnvelope, event: str, *, at: int, recipient_id: str | None = None
) -> Progress:
    """Return the state that `event`, happening at `at`, leaves behind.

    Recipients act in routing order: those before the one an event names have completed, those
    after it have not been sent to. An event outside the common life of an envelope leaves it
    `sent`.
    """
    standings = _standings(envelope, event, recipient_id)
    status = _status(event, standings)
    created_at = at - _AFTER_CREATION if envelope.created_at is None else envelope.created_at
    is_sent = status not in {"created", "deleted"}
    is_opened = any(standing.status in {"delivered", "completed"} for standing in standings)
    return Progress(
        status=status,
        standings=standings,
        routing_order=_turn(standings),
        created_at=min(created_at, at),
        sent_at=min(created_at + _SENT_AFTER, at) if is_sent else None,
        opened_at=min(created_at + _OPENED_AFTER, at) if is_opened else None,
        ended_at=at if status in {"completed", "declined", "voided"} else None,
    )


def _standings(envelope: SimEnvelope, event: str, recipient_id: str | None) -> tuple[Standing, ...]:
    ordered = sorted(envelope.recipients, key=lambda recipient: recipient.routing_order)
    if event in {"envelope-created", "envelope-discard"}:
        return _all(ordered, "created")
    if event == "envelope-completed":
        return _all(ordered, "completed")
    if event == "envelope-delivered":
        return _all(ordered, "delivered")
    about = next((one for one in ordered if one.id == recipient_id), None)
    about = about or next(iter(ordered), None)
    if about is None:
        return ()
    status = "declined" if event == "envelope-declined" else _RECIPIENT_STATUSES.get(event, "sent")
    return tuple(Standing(recipient=one, status=_beside(one, about, status)) for one in ordered)


def _all(recipients: Sequence[SimRecipient], status: str) -> tuple[Standing, ...]:
    return tuple(Standing(recipient=recipient, status=status) for recipient in recipients)


def _beside(one: SimRecipient, about: SimRecipient, status: str) -> str:
    if one is about:
        return status
    if one.routing_order < about.routing_order:
        return "completed"
    return "sent" if one.routing_order == about.routing_order else "created"


def _status(event: str, standings: Sequence[Standing]) -> str:
    if event in {"envelope-created", "envelope-discard"}:
        return "created"
    if event == "envelope-deleted":
        return "deleted"
    if event in {"envelope-delivered", "envelope-completed", "envelope-voided"}:
        return event.removeprefix("envelope-")
    if event in {"envelope-declined", "recipient-declined"}:
        return "declined"
    everybody_opened = standings and all(
        standing.status in {"delivered", "completed"} for standing in standings
    )
    return "delivered" if everybody_opened and event not in _ENVELOPE_ONLY else "sent"


def _turn(standings: Sequence[Standing]) -> int:
    pending = [s.recipient.routing_order for s in standings if s.status != "completed"]
    everyone = [s.recipient.routing_order for s in standings]
    return min(pending) if pending else max(everyone, default=1)
