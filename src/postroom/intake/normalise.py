"""What it says: a message read as far as the road needs, with the id its event always has."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

import msgspec

from postroom import vocabulary
from postroom.clock import SECOND
from postroom.intake import sim_json
from postroom.intake.identity import event_id, id_of
from postroom.model import Notification

MAX_NAME_CHARACTERS = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?"
)
_AHEAD = 24 * 3600 * SECOND
"""How far a sender's clock may be ahead of ours before it is not believed."""
_WANTS_ENVELOPE = ("envelope-", "recipient-")


def normalise(body: bytes, *, account_id: str, content_type: str, received_at: int) -> Notification:
    """Read a message that `account_id` was proved to have sent; never raises.

    What cannot be understood is kept as it came: not readable, with its flaw in words.
    """
    flaw: str | None
    if "xml" in content_type.lower() or body[:64].lstrip().startswith(b"<"):
        flaw = "an XML message: set the configuration to JSON (SIM, restv2.1)"
        return _raw(body, account_id, content_type, received_at, flaw)
    try:
        outer = sim_json.OUTER.decode(body)
    except sim_json.UNREADABLE as problem:
        flaw = f"not a JSON SIM message: {_sentence(problem)}"
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
    if summary is None or summary.customFields is msgspec.UNSET:
        return None
    return bytes(summary.customFields)


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
    if any(len(name) > MAX_NAME_CHARACTERS for name in names):
        return "one of its ids is longer than 100 characters"
    if not all(name.isprintable() for name in names):
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
    read = _DATE_TIME.fullmatch(text[:40]) if text else None
    if read is None:
        return received_at
    try:
        whole = datetime.fromisoformat(read[1] + (read[3] or "Z"))
        since = (whole - EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return received_at
    moment = since + int((read[2] or "0")[:6].ljust(6, "0"))
    return moment if 0 < moment <= received_at + _AHEAD else received_at


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
