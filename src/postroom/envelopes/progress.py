"""How far a made envelope and its recipients have come when an event happens. Pure."""

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from postroom.clock import SECOND
from postroom.envelopes.envelope import CustomField, Document, Envelope, Recipient, Sender
from postroom.envelopes.sim_envelope import SimEnvelope, SimRecipient

_AFTER_CREATION = 600 * SECOND
_SENT_AFTER = 2 * SECOND
_OPENED_AFTER = 90 * SECOND
_FIRST_FIELD_ID = 10_480_000_001

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
_OPENED = {"delivered", "completed"}

_Standing = tuple[SimRecipient, str]
"""A recipient and its lower-case REST status (contract 2.1)."""


def after(
    envelope: SimEnvelope, event: str, *, at: int, recipient_id: str | None = None
) -> Envelope:
    """Return the envelope in the state that `event`, happening at `at`, leaves behind.

    Recipients act in routing order: those before the one an event names have completed, those
    after it have not been sent to. An event outside the common life of an envelope leaves it
    `sent`.
    """
    standings = _standings(envelope, event, recipient_id)
    status = _status(event, standings)
    created_at = at - _AFTER_CREATION if envelope.created_at is None else envelope.created_at
    is_opened = any(status in _OPENED for _, status in standings)
    sent_at = min(created_at + _SENT_AFTER, at) if status not in {"created", "deleted"} else None
    opened_at = min(created_at + _OPENED_AFTER, at) if is_opened else None
    ended_at = at if status in {"completed", "declined", "voided"} else None
    created_at = min(created_at, at)
    return Envelope(
        account_id=envelope.account_id,
        id=envelope.id,
        sender=Sender(
            user_id=envelope.sender.user_id,
            name=envelope.sender.name,
            email=envelope.sender.email,
        ),
        status=status,
        subject=envelope.subject,
        blurb=envelope.blurb,
        recipients=tuple(
            _recipient(envelope.id, standing, (sent_at, opened_at, ended_at))
            for standing in standings
        ),
        documents=(_document(envelope.id),),
        fields=_fields(envelope),
        created_at=created_at,
        modified_at=created_at,
        status_changed_at=ended_at or opened_at or sent_at or created_at,
        initial_sent_at=sent_at,
        sent_at=sent_at,
        delivered_at=opened_at if status in _OPENED else None,
        completed_at=ended_at if status == "completed" else None,
        declined_at=ended_at if status == "declined" else None,
        voided_at=ended_at if status == "voided" else None,
        voided_reason="No longer needed" if status == "voided" else None,
        deleted_at=at if status == "deleted" else None,
    )


def _standings(envelope: SimEnvelope, event: str, recipient_id: str | None) -> list[_Standing]:
    ordered = sorted(envelope.recipients, key=lambda recipient: recipient.routing_order)
    if event in {"envelope-created", "envelope-discard"}:
        return [(one, "created") for one in ordered]
    if event in {"envelope-completed", "envelope-delivered"}:
        return [(one, event.removeprefix("envelope-")) for one in ordered]
    about = next((one for one in ordered if one.id == recipient_id), None)
    about = about or next(iter(ordered), None)
    if about is None:
        return []
    status = "declined" if event == "envelope-declined" else _RECIPIENT_STATUSES.get(event, "sent")
    return [(one, _beside(one, about, status)) for one in ordered]


def _beside(one: SimRecipient, about: SimRecipient, status: str) -> str:
    if one is about:
        return status
    if one.routing_order < about.routing_order:
        return "completed"
    return "sent" if one.routing_order == about.routing_order else "created"


def _status(event: str, standings: Sequence[_Standing]) -> str:
    if event in {"envelope-created", "envelope-discard"}:
        return "created"
    if event == "envelope-deleted":
        return "deleted"
    if event in {"envelope-delivered", "envelope-completed", "envelope-voided"}:
        return event.removeprefix("envelope-")
    if event in {"envelope-declined", "recipient-declined"}:
        return "declined"
    everybody_opened = standings and all(status in _OPENED for _, status in standings)
    return "delivered" if everybody_opened and event not in _ENVELOPE_ONLY else "sent"


def _recipient(
    envelope_id: str, standing: _Standing, moments: tuple[int | None, int | None, int | None]
) -> Recipient:
    one, status = standing
    sent_at, opened_at, ended_at = moments
    opened_at = opened_at or ended_at or sent_at
    return Recipient(
        id=one.id,
        guid=str(uuid5(NAMESPACE_URL, f"{envelope_id}/recipients/{one.id}")),
        role=one.role,
        name=one.name,
        email=one.email,
        user_id=str(uuid5(NAMESPACE_URL, f"mailto:{one.email}")),
        routing_order=one.routing_order,
        status=status,
        completed_count=1 if status == "completed" else 0,
        sent_at=sent_at if status != "created" else None,
        delivered_at=opened_at if status in _OPENED else None,
        signed_at=(ended_at or opened_at) if status == "completed" else None,
        declined_at=ended_at if status == "declined" else None,
        declined_reason="The terms have changed" if status == "declined" else None,
    )


def _document(envelope_id: str) -> Document:
    guid = str(uuid5(NAMESPACE_URL, f"{envelope_id}/documents/1"))
    return Document(id="1", guid=guid, name="agreement.pdf")


def _fields(envelope: SimEnvelope) -> tuple[CustomField, ...]:
    texts = [
        CustomField(id=str(number), name=name, value=value)
        for number, (name, value) in enumerate(envelope.text_fields, start=_FIRST_FIELD_ID)
    ]
    lists = [
        CustomField(id=str(number), name=name, value=value, kind="list", items=(value, "Other"))
        for number, (name, value) in enumerate(
            envelope.list_fields, start=_FIRST_FIELD_ID + len(texts)
        )
    ]
    return (*texts, *lists)
