"""What it says: a message read as far as the road needs, with the id its event always has."""

import hashlib

import msgspec

from postroom import vocabulary
from postroom.intake import legacy_xml, sim_json, stamps
from postroom.intake.identity import event_id, id_of
from postroom.intake.snapshot_diff import Snapshot, Told, is_stale, news, state_event
from postroom.model import Notification, Noun, is_xml

MAX_NAME_CHARACTERS = 100
_WANTS_ENVELOPE = ("envelope-", "recipient-")
ONCE = b"state"
"""The occurrence of what aggregate messages say again and again: it is told once."""
LASTING = vocabulary.EVENTS - {"recipient-autoresponded", "recipient-authenticationfailed"}
"""What a state goes on showing; the others may come, go and come again."""


def normalise(
    body: bytes,
    *,
    account_id: str,
    content_type: str,
    received_at: int,
    outer: sim_json.Outer | Exception | None = None,
) -> Notification:
    """Read a message that `account_id` was proved to have sent; never raises.

    `outer` is what `sim_json.read` made of the body, where somebody has called it already.
    What cannot be understood is kept as it came: not readable, with its flaw in words.
    """
    flaw: str | None
    if is_xml(body, content_type):
        return _read_xml(body, account_id, content_type, received_at)
    if outer is None:
        outer = sim_json.read(body)
    if isinstance(outer, Exception):
        flaw = f"not a JSON SIM message: {_sentence(outer)}"
        return _raw(body, account_id, content_type, received_at, flaw)
    flaw = _hopeless(outer, account_id)
    if flaw is not None:
        return _raw(body, account_id, content_type, received_at, flaw)
    return _read(body, outer, account_id, content_type, received_at)


def is_same_event(earlier: Notification, later: Notification) -> bool:
    """Tell whether `later`, a source's resend, repeats `earlier` under a new generatedDateTime.

    Only where the whole `data` is the same to the byte and carries an envelope summary: minimal
    messages of two events of one kind cannot be told apart, and a repeat is better than a loss.
    """
    if earlier.id == later.id:
        return True
    return (
        later.retry_count > 0
        and later.is_readable
        and _subject(earlier) == _subject(later)
        and _contents(earlier.body) == _contents(later.body)
        and _summary(later.body) is not None
    )


def custom_fields(notification: Notification) -> bytes | None:
    """Return the raw JSON of the envelope's custom fields, or None where it is not carried."""
    summary = _summary(notification.body)
    if summary is None and notification.is_xml and notification.enrichment is not None:
        summary = sim_json.SUMMARY.decode(notification.enrichment)
    if summary is None or summary.customFields is msgspec.UNSET:
        return None
    return bytes(summary.customFields)


class Unfolded(Noun, frozen=True, kw_only=True):
    """What an aggregate message comes to beside the one before it."""

    notifications: tuple[Notification, ...]
    """One for each event it tells anew, in order; at least one, so that the message is kept."""
    snapshot: Snapshot | None
    """The state to compare the next message with; None where this one is stale."""


def unfold(notification: Notification, previous: Snapshot | None) -> Unfolded | None:
    """Return all that an aggregate message tells, or None for a message of any other kind.

    `notification` is what `normalise` made of it: a message without news is that again, which the
    store knows as a repeat. One made before `previous` is kept raw and flagged, never delivered.
    """
    if not notification.is_readable or not notification.is_xml:
        return None
    aggregate = legacy_xml.read(notification.body, received_at=notification.received_at)
    if isinstance(aggregate, str):
        return None
    current = aggregate.snapshot
    if is_stale(previous, current):
        return Unfolded(notifications=(_stale(notification),), snapshot=None)
    told = tuple(_of_event(notification, one) for one in news(previous, current))
    return Unfolded(notifications=told or (notification,), snapshot=current)


def _read_xml(body: bytes, account_id: str, content_type: str, received_at: int) -> Notification:
    """Read an aggregate message as the event that brought the envelope into its state."""
    aggregate = legacy_xml.read(body, received_at=received_at)
    flaw = aggregate if isinstance(aggregate, str) else _hopeless_state(aggregate.snapshot)
    if flaw is not None or isinstance(aggregate, str):
        flaw = f"an XML message: {flaw}; set the configuration to JSON (SIM, restv2.1)"
        return _raw(body, account_id, content_type, received_at, flaw)
    snapshot = aggregate.snapshot
    event = state_event(snapshot.status) or ""
    return Notification(
        id=event_id(account_id, snapshot.envelope_id, event, None, ONCE),
        account_id=account_id,
        envelope_id=snapshot.envelope_id,
        event=event,
        recipient_id=None,
        sender_id=None,
        occurred_at=min(snapshot.generated_at, received_at),
        received_at=received_at,
        content_type=content_type,
        body=body,
        enrichment=aggregate.envelope,
    )


def _hopeless_state(snapshot: Snapshot) -> str | None:
    if state_event(snapshot.status) is None:
        return f"no event brings an envelope into the status {snapshot.status[:40]!r}"
    return _misfit(snapshot.envelope_id, *(one.id for one in snapshot.recipients))


def _of_event(notification: Notification, told: Told) -> Notification:
    return msgspec.structs.replace(
        notification,
        id=event_id(
            notification.account_id,
            notification.envelope_id,
            told.event,
            told.recipient_id,
            ONCE if told.event in LASTING else told.at.to_bytes(8, "big"),
        ),
        event=told.event,
        recipient_id=told.recipient_id,
        occurred_at=min(told.at, notification.received_at),
    )


def _stale(notification: Notification) -> Notification:
    body = notification.body
    flaw = "stale: it was made before a message of this envelope that is already here"
    return msgspec.structs.replace(
        _raw(
            body,
            notification.account_id,
            notification.content_type,
            notification.received_at,
            flaw,
        ),
        envelope_id=notification.envelope_id,
    )


def _read(
    body: bytes, outer: sim_json.Outer, account_id: str, content_type: str, received_at: int
) -> Notification:
    inner = outer.data or sim_json.Inner()
    event = (outer.event or "").strip()
    known = vocabulary.canonical(event)
    name = known or event.lower()
    envelope_id = _lower(inner.envelopeId)
    recipient_id = _text(inner.recipientId)
    return Notification(
        id=event_id(account_id, envelope_id, name, recipient_id, _occurrence(body, outer)),
        account_id=account_id,
        envelope_id=envelope_id,
        event=name,
        recipient_id=recipient_id,
        sender_id=_lower(inner.userId),
        occurred_at=_moment(outer.generatedDateTime, received_at),
        received_at=received_at,
        retry_count=_count(outer.retryCount),
        configuration_id=_text(outer.configurationId),
        content_type=content_type,
        body=body,
        flaw=None if known is not None else _unknown_event(event),
    )


def _hopeless(outer: sim_json.Outer, account_id: str) -> str | None:
    """Return why a message that is JSON cannot be routed, or None."""
    event, inner = outer.event, outer.data
    if event is None or not event.strip():
        if outer.status is not msgspec.UNSET and outer.envelopeId is not msgspec.UNSET:
            return "an aggregate message: set the configuration's delivery mode to SIM (restv2.1)"
        return "it has no event"
    if len(event) > MAX_NAME_CHARACTERS:
        return "its event name is longer than 100 characters"
    if inner is None or not inner.accountId:
        return "it has no accountId"
    if inner.accountId.lower() != account_id:
        return "its accountId is not the account it was proved to come from"
    if not inner.envelopeId and event.lower().startswith(_WANTS_ENVELOPE):
        return "it has no envelopeId"
    ids = (inner.envelopeId, inner.userId, _text(inner.recipientId), _text(outer.configurationId))
    return _misfit(event.strip(), *(one for one in ids if one))


def _misfit(*names: str) -> str | None:
    """Return why names cannot be kept or shown: databases and terminals take no control codes."""
    if max(map(len, names), default=0) > MAX_NAME_CHARACTERS:
        return "one of its ids is longer than 100 characters"
    if not "".join(names).isprintable():
        return "one of its ids has control characters in it"
    return None


def _raw(
    body: bytes, account_id: str, content_type: str, received_at: int, flaw: str
) -> Notification:
    return Notification(
        id=id_of(account_id.encode(), hashlib.sha256(body).digest()),
        account_id=account_id,
        envelope_id=None,
        event="",
        recipient_id=None,
        sender_id=None,
        occurred_at=received_at,
        received_at=received_at,
        content_type=content_type,
        body=body,
        flaw=flaw,
        is_readable=False,
    )


def _occurrence(body: bytes, outer: sim_json.Outer) -> bytes:
    """Return what tells this from the same event at another time."""
    if outer.generatedDateTime:
        return outer.generatedDateTime.encode("utf-8", "surrogatepass")
    return hashlib.sha256(_contents(body) or body).digest()


def _subject(notification: Notification) -> tuple[str | None, ...]:
    return (
        notification.account_id,
        notification.envelope_id,
        notification.event,
        notification.recipient_id,
        notification.configuration_id,
    )


def _summary(body: bytes) -> sim_json.Summary | None:
    """Read the envelope summary of a message, or None where it carries none."""
    try:
        inner = sim_json.OUTER.decode(body).data
        if inner is None or inner.envelopeSummary is msgspec.UNSET:
            return None
        return sim_json.SUMMARY.decode(inner.envelopeSummary)
    except sim_json.UNREADABLE:
        return None


def _contents(body: bytes) -> bytes | None:
    try:
        return bytes(sim_json.CONTENTS.decode(body).data) or None
    except sim_json.UNREADABLE:
        return None


def _moment(text: str | None, received_at: int) -> int:
    """Return when it happened, or when it arrived where what is said of that cannot be true.

    Reads a date-time of up to nine fractional digits; without an offset it is UTC.
    """
    moment = stamps.moment(text)
    is_likely = moment is not None and 0 < moment <= received_at + stamps.AHEAD
    return moment if moment is not None and is_likely else received_at


def _count(value: int | str | None) -> int:
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0  # noqa: PLR2004  # no source retries a billion times
    return min(max(value or 0, 0), 1_000_000)


def _text(value: str | int | None) -> str | None:
    """Return an id as text; an empty one is none."""
    return None if value is None or value == "" else str(value)


def _lower(text: str | None) -> str | None:
    return text.lower() if text else None


def _unknown_event(event: str) -> str:
    meant = vocabulary.suggest(event)
    tail = f"; did the sender mean {meant}?" if meant else ""
    return f"the event {event!r} is not in the vocabulary{tail}"


def _sentence(problem: Exception) -> str:
    return "nested too deeply" if isinstance(problem, RecursionError) else str(problem)[:200]
