"""The `envelopeSummary` of a made message: its keys in the order of the wire (contract 3.1)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from postroom.clock import SECOND
from postroom.envelopes.progress import Progress, Standing
from postroom.envelopes.sim_envelope import SimEnvelope
from postroom.model import Json

INCLUDES = ("custom_fields", "recipients", "documents")
"""The includeData tokens a made message can carry."""

_EXPIRES_AFTER_DAYS = 120

_EMPTY_ROLES = (
    "agents",
    "editors",
    "intermediaries",
    "carbonCopies",
    "certifiedDeliveries",
    "inPersonSigners",
    "seals",
    "witnesses",
    "notaries",
)


def compose(envelope: SimEnvelope, progress: Progress, include: Iterable[str]) -> dict[str, Json]:
    """Return the summary of an envelope at one point of its life, ready to be encoded.

    Raises ValueError for an include token that is not in `INCLUDES`.
    """
    tokens = set(include)
    if unknown := tokens.difference(INCLUDES):
        message = f"a made message cannot include {sorted(unknown)}; choose from {INCLUDES}"
        raise ValueError(message)
    made: dict[str, Json] = {"status": progress.status}
    made |= _places(envelope) | _dates(progress)
    made |= _more_places(envelope) | _expiry(progress)
    made["sender"] = {
        "userName": envelope.sender.name,
        "userId": envelope.sender.user_id,
        "accountId": envelope.account_id,
        "email": envelope.sender.email,
    }
    if "custom_fields" in tokens:
        made["customFields"] = custom_fields(envelope)
    if "recipients" in tokens:
        made["recipients"] = _recipients(progress, envelope.id)
    if "documents" in tokens:
        made["envelopeDocuments"] = [_document(envelope)]
    return made | _flags()


def moment_text(at: int) -> str:
    """Return a moment as inside `envelopeSummary`: UTC, trailing zeros trimmed (contract 3.1)."""
    seconds, micros = divmod(at, SECOND)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{micros:06d}".rstrip("0").rstrip(".")
    return f"{whole}{fraction}Z"


def custom_fields(envelope: SimEnvelope) -> dict[str, Json]:
    """Return the envelope's custom fields as in a message and as the REST API gives them."""
    texts = envelope.text_fields
    return {
        "textCustomFields": [
            _field(number, name, value) for number, (name, value) in enumerate(texts, start=1)
        ],
        "listCustomFields": [
            {"listItems": [value, "Other"], **_field(number, name, value)}
            for number, (name, value) in enumerate(envelope.list_fields, start=len(texts) + 1)
        ],
    }


def _field(number: int, name: str, value: str) -> dict[str, Json]:
    field_id = str(10_480_000_000 + number)
    return {"fieldId": field_id, "name": name, "show": "true", "required": "false", "value": value}


def _places(envelope: SimEnvelope) -> dict[str, Json]:
    here = f"/envelopes/{envelope.id}"
    blurb = {"emailBlurb": envelope.blurb} if envelope.blurb else {}
    return {
        "documentsUri": f"{here}/documents",
        "recipientsUri": f"{here}/recipients",
        "attachmentsUri": f"{here}/attachments",
        "envelopeUri": here,
        "emailSubject": envelope.subject,
        **blurb,
        "envelopeId": envelope.id,
        "signingLocation": "online",
        "customFieldsUri": f"{here}/custom_fields",
        "notificationUri": f"{here}/notification",
        "enableWetSign": "true",
        "allowMarkup": "false",
        "allowReassign": "true",
    }


def _dates(progress: Progress) -> dict[str, Json]:
    latest = progress.ended_at or progress.opened_at or progress.sent_at or progress.created_at
    opened_at = progress.opened_at if progress.status in {"delivered", "completed"} else None
    ended = {f"{progress.status}DateTime": progress.ended_at}
    dates = {
        "createdDateTime": progress.created_at,
        "lastModifiedDateTime": progress.created_at,
        "deliveredDateTime": opened_at,
        "initialSentDateTime": progress.sent_at,
        "sentDateTime": progress.sent_at,
        **ended,
        "statusChangedDateTime": latest,
    }
    voided = {"voidedReason": "No longer needed"} if progress.status == "voided" else {}
    return {name: moment_text(at) for name, at in dates.items() if at is not None} | voided


def _more_places(envelope: SimEnvelope) -> dict[str, Json]:
    here = f"/envelopes/{envelope.id}"
    return {
        "documentsCombinedUri": f"{here}/documents/combined",
        "certificateUri": f"{here}/documents/certificate",
        "templatesUri": f"{here}/templates",
    }


def _expiry(progress: Progress) -> dict[str, Json]:
    if progress.sent_at is None:
        return {"expireEnabled": "false"}
    return {
        "expireEnabled": "true",
        "expireDateTime": moment_text(progress.sent_at + _EXPIRES_AFTER_DAYS * 86_400 * SECOND),
        "expireAfter": str(_EXPIRES_AFTER_DAYS),
    }


def _recipients(progress: Progress, envelope_id: str) -> dict[str, Json]:
    lists: dict[str, Json] = {"signers": [], **{role: [] for role in _EMPTY_ROLES}}
    for standing in progress.standings:
        lists[standing.recipient.role].append(_recipient(standing, progress, envelope_id))
    lists["recipientCount"] = str(len(progress.standings))
    lists["currentRoutingOrder"] = str(progress.routing_order)
    return lists


def _recipient(standing: Standing, progress: Progress, envelope_id: str) -> dict[str, Json]:
    recipient = standing.recipient
    guid = str(uuid5(NAMESPACE_URL, f"{envelope_id}/recipients/{recipient.id}"))
    made: dict[str, Json] = {"creationReason": "sender"}
    if recipient.role == "signers":
        made |= {"canSignOffline": "false", "isBulkRecipient": "false"}
        made["requireUploadSignature"] = "false"
    made |= {
        "name": recipient.name,
        "email": recipient.email,
        "recipientId": recipient.id,
        "recipientIdGuid": guid,
        "requireIdLookup": "false",
        "userId": str(uuid5(NAMESPACE_URL, f"mailto:{recipient.email}")),
        "routingOrder": str(recipient.routing_order),
        "note": "",
        "status": standing.status,
        "completedCount": "1" if standing.status == "completed" else "0",
    }
    recipient_type = "signer" if recipient.role == "signers" else "carboncopy"
    ending = {"deliveryMethod": "email", "recipientType": recipient_type}
    return made | _recipient_dates(standing.status, progress) | ending


def _recipient_dates(status: str, progress: Progress) -> dict[str, Json]:
    opened_at = progress.opened_at or progress.ended_at or progress.sent_at
    signed_at = progress.ended_at or opened_at
    dates: dict[str, int | None] = {}
    if status == "completed":
        dates["signedDateTime"] = signed_at
    if status in {"delivered", "completed"}:
        dates["deliveredDateTime"] = opened_at
    if status != "created":
        dates["sentDateTime"] = progress.sent_at
    if status == "declined":
        dates["declinedDateTime"] = progress.ended_at
    reason = {"declinedReason": "The terms have changed"} if status == "declined" else {}
    return {name: moment_text(at) for name, at in dates.items() if at is not None} | reason


def _document(envelope: SimEnvelope) -> dict[str, Json]:
    return {
        "documentId": "1",
        "documentIdGuid": str(uuid5(NAMESPACE_URL, f"{envelope.id}/documents/1")),
        "name": "agreement.pdf",
        "type": "content",
        "uri": f"/envelopes/{envelope.id}/documents/1",
        "order": "1",
        "display": "inline",
        "includeInDownload": "true",
        "signerMustAcknowledge": "no_interaction",
        "templateRequired": "false",
        "authoritativeCopy": "false",
    }


def _flags() -> dict[str, Json]:
    return {
        "purgeState": "unpurged",
        "envelopeIdStamping": "true",
        "is21CFRPart11": "false",
        "signerCanSignOnMobile": "true",
        "autoNavigation": "true",
        "isSignatureProviderEnvelope": "false",
        "hasFormDataChanged": "false",
        "allowComments": "true",
        "hasComments": "false",
        "allowViewHistory": "true",
        "disableResponsiveDocument": "false",
        "envelopeMetadata": {
            "allowAdvancedCorrect": "true",
            "enableSignWithNotary": "false",
            "allowCorrect": "true",
        },
        "anySigner": None,
        "envelopeLocation": "current_site",
        "isDynamicEnvelope": "false",
    }
