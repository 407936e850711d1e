"""One delivery becomes one request: its body in the listener's format, signed and marked.

`pass-through` sends the bytes as they came, so that a listener behind the gateway sees what it saw
before. `sim` makes the message again with no more than the listener asked for. `aggregate` and
`xml` tell the state of the envelope at the moment of sending (contract 3.2, 3.3).
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Literal

import postroom
from postroom.clock import SECOND
from postroom.delivery import reshape, signing, wanted
from postroom.delivery.reshape import Additions
from postroom.errors import PostroomError
from postroom.model import Credentials, Enclosure, Lease, Listener, Notification, Request

USER_AGENT = f"Postroom/{postroom.__version__}"
MAX_HEADER_CHARACTERS = 500
JSON = "application/json"
XML = "text/xml"

Need = Literal["envelope", "documents", "certificate", "xml", "sender_account"]
_NOTHING_ENCLOSED = Enclosure()


class ShapeError(PostroomError):
    """The message cannot be put into the listener's format; trying again cannot mend it."""


def needs(listener: Listener, notification: Notification) -> frozenset[Need]:
    """Return what `shape` wants in the enclosure of a delivery; mostly nothing.

    `envelope`: its JSON, for format aggregate. `xml`: the body for format xml; documents,
    certificate and sender's account beside it are what that XML is to be made with. `documents`:
    the event is in `documents_for`, or the includes name them. `certificate`: asked for, and the
    envelope is completed. A feed's envelope does not live here: of it there is `sender_account`,
    and the XML that can be made of its JSON.
    """
    if listener.format == "pass-through":
        return frozenset()
    event, is_here = notification.event, notification.origin in {"here", "historical"}
    found: dict[Need, bool] = {
        "envelope": is_here and listener.format == "aggregate",
        "documents": is_here and wanted.documents(listener, event),
        "certificate": is_here and wanted.certificate(listener, event),
        "xml": listener.format == "xml" and not notification.is_xml,
        "sender_account": "sender_account" in listener.extras,
    }
    return frozenset(need for need, is_needed in found.items() if is_needed)


def shape(  # one delivery, and what belongs to it and is kept elsewhere
    lease: Lease,
    listener: Listener,
    keys: Sequence[str],
    *,
    now: int,
    credentials: Credentials | None = None,
    bearer: str | None = None,
    enclosure: Enclosure | None = None,
) -> Request:
    """Return the request for one attempt, signed with every key as of `now`.

    `enclosure` holds what `needs` names. A `bearer` token goes before `credentials`: there is one
    way to authenticate at a time (contract 1.1). Without keys (an unsigned account), or for a
    listener that wants no signature (`includeHMAC` false), there are no signature headers at all.
    The headers of ours and of Standard Webhooks are there for every listener: Docusign's own
    messages have no id at all (contract 8.16), and nobody is harmed by one more header.
    Raises `ShapeError` where the message cannot be put into the listener's format.
    """
    content_type, body = _message(lease, listener, enclosure or _NOTHING_ENCLOSED)
    seconds = now // SECOND
    headers = [
        ("Content-Type", content_type),
        ("User-Agent", USER_AGENT),
        ("X-DocuSign-AccountId", lease.notification.account_id),
        ("webhook-id", lease.notification.id),
        ("webhook-timestamp", str(seconds)),
        ("Postroom-Attempt", str(lease.attempt)),
    ]
    if bearer is not None:
        headers.append(("Authorization", f"Bearer {bearer}"))
    elif credentials is not None:
        headers.append(("Authorization", _basic(credentials)))
    if keys and listener.is_signed:
        headers += signing.headers(tuple(keys), body, lease.notification.id, seconds)
    if lease.replay is not None:
        headers.append(("Postroom-Replay", _safe(lease.replay.id)))
        headers.append(("Postroom-Replay-Reason", _safe(lease.replay.reason)))
        if lease.replay.is_forced:
            headers.append(("Postroom-Replay-Forced", "true"))
    if lease.is_late:
        headers.append(("Postroom-Late", "true"))
    is_of_state = listener.format == "sim" and lease.notification.is_xml
    if is_of_state or lease.notification.origin == "derived":
        headers.append(("Postroom-Derived", "true"))
    return Request(
        url=listener.url,
        headers=tuple(headers),
        body=body,
        timeout_seconds=listener.timeout_seconds,
        connect_timeout_seconds=listener.connect_timeout_seconds,
    )


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.user_name}:{credentials.password}".encode()
    return f"Basic {b64encode(pair).decode('ascii')}"


def _message(lease: Lease, listener: Listener, enclosure: Enclosure) -> tuple[str, bytes]:
    """Return the content type and the body in the listener's format."""
    received = _safe(lease.notification.content_type) or JSON
    match listener.format:
        case "pass-through":
            return received, lease.notification.body
        case "sim":
            is_derived = lease.notification.is_xml
            return JSON if is_derived else received, _sim(lease, listener, enclosure)
        case "aggregate":
            return JSON, _aggregate(lease, listener, enclosure)
        case "xml" if enclosure.xml is None and lease.notification.is_xml:
            return received, lease.notification.body  # from it no other can be made
        case "xml":
            return XML, _xml(enclosure)


def _sim(lease: Lease, listener: Listener, enclosure: Enclosure) -> bytes:
    notification, enrichment = lease.notification, lease.notification.enrichment
    marks = None
    if listener.configuration is not None:
        marks = reshape.Marks(
            retry_count=lease.attempt - 1, configuration_id=wanted.configuration_id(listener)
        )
    try:
        body = notification.body
        if notification.is_xml:
            body, enrichment = reshape.derived(notification), None
        return reshape.sim(
            body,
            enrichment=enrichment,
            include=wanted.includes(listener, notification.event),
            masks_emails="emails" in listener.mask,
            marks=marks,
            additions=_additions(lease, listener, enclosure),
        )
    except reshape.UNREADABLE as problem:
        raise _unreadable(problem) from None


def _aggregate(lease: Lease, listener: Listener, enclosure: Enclosure) -> bytes:
    """Return the envelope as of now; of one that does not live here, as the event saw it."""
    notification = lease.notification
    try:
        envelope = enclosure.envelope_json or (
            notification.enrichment
            if notification.is_xml
            else reshape.carried_summary(notification.body, notification.enrichment)
        )
        if envelope is None:
            raise ShapeError(
                "the message does not carry the envelope's state, which format aggregate tells;"
                " add an include to the feed's Connect configuration, or choose deliveryMode SIM"
            )
        return reshape.aggregate(
            envelope,
            include=wanted.includes(listener, notification.event),
            masks_emails="emails" in listener.mask,
            additions=_additions(lease, listener, enclosure),
        )
    except reshape.UNREADABLE as problem:
        raise _unreadable(problem) from None


def _xml(enclosure: Enclosure) -> bytes:
    if enclosure.xml is None:
        raise ShapeError(
            "the message does not carry the envelope's state, which format xml tells; add the"
            " includes custom_fields and recipients to the feed's Connect configuration"
        )
    return enclosure.xml


def _additions(lease: Lease, listener: Listener, enclosure: Enclosure) -> Additions:
    event = lease.notification.event
    if listener.configuration is None and not enclosure.documents:
        return reshape.AS_IT_IS
    return Additions(
        hides_void_reason=listener.configuration is not None
        and "void_reason" not in listener.extras,
        sender_account=enclosure.sender_account if "sender_account" in listener.extras else (),
        documents=enclosure.documents if wanted.documents(listener, event) else (),
        certificate=enclosure.certificate if wanted.certificate(listener, event) else None,
    )


def _unreadable(problem: Exception) -> ShapeError:
    return ShapeError(f"the message cannot be re-shaped: {str(problem)[:200]}")


def _safe(text: str) -> str:
    """Return text that cannot end a header or begin another: printable ASCII, bounded."""
    if text.isascii() and text.isprintable():
        return text[:MAX_HEADER_CHARACTERS]
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)[
        :MAX_HEADER_CHARACTERS
    ]
