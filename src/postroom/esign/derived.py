"""Events that an account's envelope proves, made up where they never arrived, and known again.

What an envelope proves is read as from an aggregate message (`intake.snapshot_diff`). What is
made up of it has the id that the genuine event has, as far as that can be known: of what happens
once, always; of the rest where `generatedDateTime` is the moment REST tells, which on Docusign's
own wire is half a second or so later. `is_arrival_of` knows those again.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from postroom.clock import SECOND
from postroom.delivery import reshape
from postroom.envelopes import from_summary
from postroom.envelopes.envelope import Envelope, Recipient
from postroom.envelopes.moments import generated_text
from postroom.intake import snapshot_diff
from postroom.intake.identity import event_id
from postroom.intake.normalise import LASTING, MAX_NAME_CHARACTERS, ONCE
from postroom.intake.snapshot_diff import RecipientState, Snapshot, Told
from postroom.model import Notification

ORIGIN: Literal["derived"] = "derived"
EVENTS = (
    "envelope-sent",
    "recipient-sent",
    "recipient-delivered",
    "envelope-delivered",
    "recipient-completed",
    "envelope-completed",
    "recipient-declined",
    "envelope-declined",
    "envelope-voided",
    "recipient-authenticationfailed",
    "recipient-autoresponded",
)
"""What an envelope can prove; the rest (reminders, corrections, delegations) leaves no moment."""
ON_ITS_WAY_SECONDS = 300
"""A younger event may still arrive by itself, and is not made up."""
LATE_SECONDS = 120
"""From this age on an arriving event is compared with those made up: well below the age at which
they are, and above what a message takes on an ordinary day."""
APART_SECONDS = 600
"""Two occurrences of one event are taken for one up to this distance."""


def proved(envelope: Envelope) -> tuple[Told, ...]:
    """Return the events that an envelope proves, in the order they happened."""
    moments = [moment for moment in _moments(envelope) if moment is not None]
    snapshot = Snapshot(
        envelope_id=envelope.id,
        generated_at=max(moments, default=envelope.status_changed_at),
        status=envelope.status,
        created_at=envelope.created_at,
        sent_at=envelope.initial_sent_at or envelope.sent_at,
        delivered_at=envelope.delivered_at,
        completed_at=envelope.completed_at,
        declined_at=envelope.declined_at,
        deleted_at=envelope.deleted_at,
        recipients=tuple(_state(one) for one in envelope.recipients if _fits(one.id)),
    )
    return tuple(one for one in snapshot_diff.told(snapshot) if one.event in EVENTS)


def _moments(envelope: Envelope) -> Iterator[int | None]:
    yield from (
        envelope.sent_at,
        envelope.delivered_at,
        envelope.completed_at,
        envelope.declined_at,
        envelope.voided_at,
        envelope.status_changed_at,
    )
    for one in envelope.recipients:
        yield from (one.sent_at, one.delivered_at, one.signed_at, one.declined_at, one.failed_at)


def _state(recipient: Recipient) -> RecipientState:
    return RecipientState(
        id=recipient.id,
        status=recipient.status,
        sent_at=recipient.sent_at,
        delivered_at=recipient.delivered_at,
        signed_at=recipient.signed_at,
        declined_at=recipient.declined_at,
        failed_at=recipient.failed_at,
    )


def _fits(name: str) -> bool:
    """Tell whether an id can be kept and shown, as an arriving message's must."""
    return 0 < len(name) <= MAX_NAME_CHARACTERS and name.isprintable()


def guid_of(envelope: Envelope, recipient_id: str | None) -> str | None:
    """Return the GUID of a recipient, under which alone XML names it (contract 8.9)."""
    found = (one.guid for one in envelope.recipients if one.id == recipient_id and _fits(one.guid))
    return next(found, recipient_id)


def notification(
    envelope: Envelope, told: Told, summary: bytes, *, is_xml_feed: bool, now: int
) -> Notification:
    """Return an event as the account's feed would have told it, marked as derived.

    Its message carries `summary`, the envelope as REST tells it: of this moment, not of the
    event's. Of a feed of XML it has the ids that XML gives.
    """
    recipient_id = guid_of(envelope, told.recipient_id) if is_xml_feed else told.recipient_id
    if is_xml_feed:
        occurrence = ONCE if told.event in LASTING else told.at.to_bytes(8, "big")
    else:
        occurrence = generated_text(told.at).encode()
    event = Notification(
        id=event_id(envelope.account_id, envelope.id, told.event, recipient_id, occurrence),
        account_id=envelope.account_id,
        envelope_id=envelope.id,
        event=told.event,
        recipient_id=recipient_id,
        sender_id=envelope.sender.user_id.lower() if _fits(envelope.sender.user_id) else None,
        occurred_at=min(told.at, now),
        received_at=now,
        body=b"",
        enrichment=summary,
        origin=ORIGIN,
    )
    return msgspec.structs.replace(event, body=reshape.derived(event), enrichment=None)


def envelope_of(summary: bytes, *, account_id: str, envelope_id: str, at: int) -> Envelope:
    """Return the envelope that a list or `GET envelope` tells; whatever it lacks is left open."""
    return from_summary.envelope(summary, account_id=account_id, envelope_id=envelope_id, at=at)


def is_late(notification: Notification) -> bool:
    """Tell whether an arriving event is so old that it may have been made up meanwhile."""
    age = notification.received_at - notification.occurred_at
    return age >= LATE_SECONDS * SECOND or notification.retry_count > 0


def is_arrival_of(made_up: Notification, arrived: Notification) -> bool:
    """Tell whether an event that arrives is one that was made up before."""
    if made_up.origin != ORIGIN or not arrived.is_readable:
        return False
    distance = abs(arrived.occurred_at - made_up.occurred_at)
    return distance <= APART_SECONDS * SECOND
