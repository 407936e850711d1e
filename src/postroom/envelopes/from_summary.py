"""An envelope read back from the JSON that a message carries of it, as far as that tells.

It serves to tell of a feed's envelope in the older format (contract 3.3). The JSON may be of any
sender and any age: what has not the documented shape is as good as not said, and nothing raises.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from postroom.envelopes.envelope import (
    RECIPIENT_TYPES,
    CustomField,
    Document,
    Envelope,
    Recipient,
    Role,
    Sender,
)
from postroom.model import Json

UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST = 250_000_000_000_000_000
"""A moment of the year 9892: a later one could leave what a date can hold in some time zone."""
_MOST_DIGITS = 9
_OPTIONS = (
    "signingLocation",
    "autoNavigation",
    "envelopeIdStamping",
    "authoritativeCopy",
)
_NAMES = ("name", "signerName", "hostName", "fullName")
_ADDRESSES = ("email", "signerEmail", "hostEmail")
"""A recipient's name and address; those who sign in person have them under other keys."""

_Said = Mapping[str, Json]


def missing(summary: bytes) -> tuple[str, ...]:
    """Return the includes that a whole envelope needs and this one lacks (contract 3.1).

    The older format has always told of both: a listener would take a gap for the truth.
    """
    said = _object(_decoded(summary))
    needed = {"customFields": "custom_fields", "recipients": "recipients"}
    return tuple(include for key, include in needed.items() if key not in said)


def envelope(summary: bytes, *, account_id: str, envelope_id: str, at: int) -> Envelope:
    """Return the envelope that an `envelopeSummary`, or REST's envelope, tells of.

    `at` stands for the moments that an envelope always has and this one does not tell. Whatever
    else is missing or misshapen is as in a new envelope.
    """
    said = _object(_decoded(summary))
    sent_at = _moment(said, "sentDateTime")
    created_at = _moment(said, "createdDateTime") or sent_at or at
    return Envelope(
        account_id=account_id,
        id=envelope_id,
        sender=_sender(_object(said.get("sender"))),
        status=_text(said, "status").lower() or "created",
        subject=_text(said, "emailSubject"),
        blurb=_text(said, "emailBlurb"),
        recipients=_recipients(_object(said.get("recipients"))),
        documents=_documents(said),
        fields=_fields(_object(said.get("customFields"))),
        created_at=created_at,
        modified_at=_moment(said, "lastModifiedDateTime") or created_at,
        status_changed_at=_moment(said, "statusChangedDateTime") or at,
        initial_sent_at=_moment(said, "initialSentDateTime"),
        sent_at=sent_at,
        delivered_at=_moment(said, "deliveredDateTime"),
        completed_at=_moment(said, "completedDateTime"),
        declined_at=_moment(said, "declinedDateTime"),
        voided_at=_moment(said, "voidedDateTime"),
        voided_reason=_text(said, "voidedReason") or None,
        deleted_at=_moment(said, "deletedDateTime"),
        options={key: _text(said, key) for key in _OPTIONS if _text(said, key)},
    )


def _sender(said: _Said) -> Sender:
    return Sender(
        user_id=_text(said, "userId"),
        name=_text(said, "userName"),
        email=_text(said, "email"),
        ip_address=_text(said, "ipAddress"),
    )


# --- recipients -------------------------------------------------------------------------------


def _recipients(lists: _Said) -> tuple[Recipient, ...]:
    """Return everybody in routing order; of one order, list by list as on the wire."""
    found = [_recipient(role, said) for role in RECIPIENT_TYPES for said in _members(lists, role)]
    return tuple(sorted(found, key=lambda one: one.routing_order))


def _recipient(role: Role, said: _Said) -> Recipient:
    recipient_id = _text(said, "recipientId")
    is_locked_out, failed_at = _failed(said)
    return Recipient(
        id=recipient_id,
        guid=_text(said, "recipientIdGuid") or recipient_id,
        role=role,
        name=_first(said, _NAMES),
        email=_first(said, _ADDRESSES),
        user_id=_text(said, "userId"),
        routing_order=_number(said, "routingOrder", default=1),
        status=_text(said, "status").lower() or "created",
        role_name=_text(said, "roleName") or None,
        note=_text(said, "note"),
        client_user_id=_text(said, "clientUserId") or None,
        sent_at=_moment(said, "sentDateTime"),
        delivered_at=_moment(said, "deliveredDateTime"),
        signed_at=_moment(said, "signedDateTime"),
        declined_at=_moment(said, "declinedDateTime"),
        declined_reason=_text(said, "declinedReason") or None,
        autoresponded_reason=_text(said, "autoRespondedReason") or None,
        is_locked_out=is_locked_out,
        failed_at=failed_at,
        tabs=said.get("tabs"),
        more=dict(said),
    )


def _failed(said: _Said) -> tuple[bool, int | None]:
    """Return whether a check of the recipient's identity failed, and when."""
    for check in _object(said.get("recipientAuthenticationStatus")).values():
        result = _object(check)
        if _text(result, "status").lower() == "failed":
            return True, _moment(result, "eventTimestamp")
    return False, None


# --- fields and documents ---------------------------------------------------------------------


def _fields(said: _Said) -> tuple[CustomField, ...]:
    texts = [_field(one) for one in _members(said, "textCustomFields")]
    lists = [
        msgspec.structs.replace(_field(one), kind="list", items=tuple(_items(one)))
        for one in _members(said, "listCustomFields")
    ]
    return (*texts, *lists)


def _field(said: _Said) -> CustomField:
    return CustomField(
        id=_text(said, "fieldId"),
        name=_text(said, "name"),
        value=_text(said, "value"),
        is_required=_text(said, "required").lower() == "true",
        is_shown=_text(said, "show").lower() == "true",
    )


def _items(said: _Said) -> Iterator[str]:
    items = said.get("listItems")
    for one in items if isinstance(items, list) else ():
        if isinstance(one, str):
            yield one


def _documents(said: _Said) -> tuple[Document, ...]:
    """Return the documents; the certificate is none of the envelope's own."""
    return tuple(
        Document(
            id=_text(one, "documentId"),
            guid=_text(one, "documentIdGuid"),
            name=_text(one, "name"),
            order=_number(one, "order", default=1),
            fields=tuple(
                (_text(field, "name"), _text(field, "value"))
                for field in _members(one, "documentFields")
            ),
        )
        for one in _members(said, "envelopeDocuments")
        if _text(one, "type") != "summary"
    )


# --- values of any shape ----------------------------------------------------------------------


def _decoded(summary: bytes) -> Json:
    try:
        return msgspec.json.decode(summary)
    except UNREADABLE:
        return None


def _object(value: Json) -> _Said:
    return value if isinstance(value, Mapping) else {}


def _members(said: _Said, key: str) -> list[_Said]:
    value = said.get(key)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _text(said: _Said, key: str) -> str:
    """Return a value as text, booleans and numbers as the wire spells them; else nothing."""
    value = said.get(key)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def _first(said: _Said, keys: tuple[str, ...]) -> str:
    return next((text for key in keys if (text := _text(said, key))), "")


def _number(said: _Said, key: str, *, default: int) -> int:
    text = _text(said, key)
    is_count = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_count else default


def _moment(said: _Said, key: str) -> int | None:
    """Return a moment, or None for what is none; without a zone it is UTC."""
    try:
        read = datetime.fromisoformat(_text(said, key)[:40])
        aware = read if read.tzinfo else read.replace(tzinfo=UTC)
        moment = (aware - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
    return moment if 0 < moment < _LATEST else None
