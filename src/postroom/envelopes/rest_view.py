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


def list_view(envelope: Envelope, include: AbstractSet[str] = NOTHING) -> dict[str, Json]:
    """Return one envelope as a list shows it: fewer keys, and the place left open."""
    whole = summary.compose(envelope, REST, include)
    made = {key: value for key, value in whole.items() if key in _LISTED}
    made["envelopeLocation"] = "not_specified"
    return made


def page(
    views: Sequence[Json],
    *,
    start: int,
    total: int,
    count: int,
    uri: Callable[[int], str],
    key: str = "envelopes",
) -> dict[str, Json]:
    """Return a page of a list: its numbers as text, the neighbours' addresses, then the views.

    `count` is how many were asked for; `uri(start)` is the address of the page from there on. An
    address is "" where there is no such page.
    """
    end = start + len(views)
    return {
        "resultSetSize": str(len(views)),
        "startPosition": str(start),
        "endPosition": str(max(end - 1, start)),
        "totalSetSize": str(total),
        "nextUri": uri(end) if views and end < total else "",
        "previousUri": uri(max(start - max(count, 1), 0)) if start > 0 else "",
        key: list(views),
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
