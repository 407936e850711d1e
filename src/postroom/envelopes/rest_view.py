"""An envelope, and what belongs to it, as Docusign's REST API answers (contract 7.3).

Everything is text, booleans are "true" and "false", moments have seven digits, and keys stand in
the recorded order.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from postroom.envelopes import papers, people, summary
from postroom.envelopes.dialect import REST
from postroom.envelopes.envelope import CustomField, Envelope, Reminders, Trace
from postroom.envelopes.moments import rest_text
from postroom.model import Json

NOTHING: frozenset[str] = frozenset()
_ALL_TABS = frozenset({"tabs", "payment_tabs"})

_LISTED_KEYS = (
    "transactionId status documentsUri recipientsUri attachmentsUri envelopeUri emailSubject "
    "envelopeId signingLocation customFieldsUri notificationUri allowMarkup createdDateTime "
    "lastModifiedDateTime deliveredDateTime sentDateTime completedDateTime voidedDateTime "
    "voidedReason deletedDateTime declinedDateTime statusChangedDateTime documentsCombinedUri "
    "certificateUri templatesUri expireEnabled expireAfter sender folders customFields recipients "
    "emailSettings envelopeDocuments envelopeAttachments powerForm purgeState envelopeIdStamping "
    "autoNavigation isSignatureProviderEnvelope anySigner envelopeLocation "
    "isTicketRelatedEnvelope"
)
_LISTED = frozenset(_LISTED_KEYS.split())


def envelope_view(envelope: Envelope, include: AbstractSet[str] = NOTHING) -> dict[str, Json]:
    """Return what GET of one envelope answers; `include` holds REST's own tokens.

    They are custom_fields, documents, attachments, extensions, folders, recipients, powerform,
    tabs and payment_tabs; others are ignored.
    """
    return summary.compose(envelope, REST, include)


def listed_view(envelope: Envelope, include: AbstractSet[str] = NOTHING) -> dict[str, Json]:
    """Return one envelope as a list shows it: fewer keys, and the place left open."""
    whole = summary.compose(envelope, REST, include)
    made = {key: value for key, value in whole.items() if key in _LISTED}
    made["envelopeLocation"] = "not_specified"
    return made


def list_view(
    envelopes: Sequence[Envelope],
    *,
    start: int = 0,
    total: int | None = None,
    include: AbstractSet[str] = NOTHING,
    uri_at: Callable[[int], str] | None = None,
    count: int | None = None,
) -> dict[str, Json]:
    """Return one page of a list of envelopes; see `page` for the numbers around it."""
    around = page(
        size=len(envelopes),
        start=start,
        total=len(envelopes) if total is None else total,
        count=count,
        uri_at=uri_at,
    )
    return {**around, "envelopes": [listed_view(envelope, include) for envelope in envelopes]}


def page(
    *,
    size: int,
    start: int,
    total: int,
    count: int | None = None,
    uri_at: Callable[[int], str] | None = None,
) -> dict[str, str]:
    """Return the numbers of a page as text: how many are on it, of how many, from where to where.

    `count` is how many were asked for (the size where it is not given); `uri_at` gives the
    address of the page that starts at a position. An address is "" where there is no such page.
    """
    step = max(count or size, 1)
    has_next = uri_at is not None and start + size < total
    has_previous = uri_at is not None and start > 0
    return {
        "resultSetSize": str(size),
        "startPosition": str(start),
        "endPosition": str(max(start + size - 1, start)),
        "totalSetSize": str(total),
        "nextUri": uri_at(start + size) if uri_at is not None and has_next else "",
        "previousUri": uri_at(max(start - step, 0)) if uri_at is not None and has_previous else "",
    }


def created_view(envelope: Envelope) -> dict[str, str]:
    """Return what creating an envelope answers."""
    return {
        "envelopeId": envelope.id,
        "uri": f"/envelopes/{envelope.id}",
        "statusDateTime": rest_text(envelope.status_changed_at),
        "status": envelope.status,
    }


def recipients_view(envelope: Envelope, *, tabs: bool = False) -> dict[str, Json]:
    """Return what GET of the recipients answers; `tabs` is `include_tabs=true`."""
    return people.lists(envelope, REST, _ALL_TABS if tabs else NOTHING)


def documents_view(envelope: Envelope) -> dict[str, Json]:
    """Return what GET of the documents answers."""
    asked = frozenset({"document_fields"})
    return {
        "envelopeId": envelope.id,
        "envelopeDocuments": papers.documents(envelope, REST, asked),
    }


def custom_fields_view(fields: tuple[CustomField, ...]) -> dict[str, Json]:
    """Return what GET of an envelope's custom fields answers."""
    return papers.custom_fields(fields)


def notification_view(reminders: Reminders) -> dict[str, Json]:
    """Return what GET of an envelope's `notification` answers: reminders and the end of it."""
    return {
        "useAccountDefaults": "false",
        "reminders": {
            "reminderEnabled": _flag(reminders.is_reminding),
            "reminderDelay": str(reminders.delay_days),
            "reminderFrequency": str(reminders.frequency_days),
        },
        "expirations": {
            "expireEnabled": _flag(reminders.is_expiring),
            "expireAfter": str(reminders.expire_after_days),
            "expireWarn": str(reminders.warn_days),
        },
    }


def _flag(value: bool) -> str:  # noqa: FBT001  # it is what is written
    return "true" if value else "false"


def audit_events_view(envelope: Envelope) -> dict[str, Json]:
    """Return what GET of the audit events answers, oldest first."""
    return {"auditEvents": [{"eventFields": _event_fields(trace)} for trace in envelope.trail]}


def _event_fields(trace: Trace) -> list[Json]:
    said = {
        "logTime": rest_text(trace.at),
        "Source": trace.source,
        "UserName": trace.user_name,
        "UserId": trace.user_id,
        "Action": trace.action,
        "Message": trace.message,
        "EnvelopeStatus": trace.envelope_status,
        "ClientIPAddress": trace.ip_address,
        "Information": "",
        "InformationLocalized": "",
        "GeoLocation": "",
        "Language": "english",
    }
    return [{"name": name, "value": value} for name, value in said.items()]
