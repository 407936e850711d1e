"""An envelope as one JSON object, for REST and for messages: keys in the order of the wire.

The order is that of the recorded answers and the captured messages, which agree; what neither
shows stands where the official skeleton has it (contract 3.1).
"""

from collections.abc import Set as AbstractSet
from functools import lru_cache
from uuid import NAMESPACE_URL, uuid5

from postroom.clock import SECOND
from postroom.envelopes import papers, people
from postroom.envelopes.dialect import Dialect
from postroom.envelopes.envelope import Envelope
from postroom.envelopes.moments import DAY_SECONDS
from postroom.model import Json
from postroom.vocabulary import INCLUDES

EVERYTHING = frozenset(INCLUDES)
"""Every includeData token."""

_FOLDERS = {
    "sentitems": "Sent Items",
    "draft": "Draft",
    "inbox": "Inbox",
    "recyclebin": "Deleted Items",
}

_KEYS = (
    "transactionId status documentsUri recipientsUri attachmentsUri asynchronous envelopeUri "
    "emailSubject emailBlurb envelopeId signingLocation customFieldsUri notificationUri "
    "enforceSignerVisibility enableWetSign allowMarkup allowReassign createdDateTime "
    "lastModifiedDateTime deliveredDateTime initialSentDateTime sentDateTime completedDateTime "
    "voidedDateTime voidedReason deletedDateTime declinedDateTime statusChangedDateTime "
    "documentsCombinedUri certificateUri templatesUri expireEnabled expireDateTime expireAfter "
    "messageLock recipientsLock externalEnvelopeId sender folders customFields recipients "
    "authoritativeCopy authoritativeCopyDefault brandLock brandId useDisclosure emailSettings "
    "templates envelopeDocuments envelopeAttachments powerForm purgeState lockInformation "
    "envelopeIdStamping is21CFRPart11 signerCanSignOnMobile autoNavigation "
    "isSignatureProviderEnvelope uSigState hasFormDataChanged allowComments hasComments "
    "allowViewHistory disableResponsiveDocument copyRecipientData envelopeMetadata anySigner "
    "envelopeLocation isDynamicEnvelope burnDefaultTabData isTicketRelatedEnvelope"
)
_RANKS = {key: rank for rank, key in enumerate(_KEYS.split())}

_SHOWN = (
    "enforceSignerVisibility enableWetSign allowMarkup allowReassign messageLock recipientsLock "
    "externalEnvelopeId authoritativeCopy authoritativeCopyDefault brandLock brandId "
    "useDisclosure envelopeIdStamping signerCanSignOnMobile autoNavigation allowComments "
    "allowViewHistory disableResponsiveDocument copyRecipientData asynchronous "
    "burnDefaultTabData"
)
SHOWN_OPTIONS = frozenset(_SHOWN.split())
"""Options of a definition that the envelope itself then shows as they were given."""


def compose(envelope: Envelope, dialect: Dialect, include: AbstractSet[str]) -> dict[str, Json]:
    """Return an envelope with what `include` asks for (tokens of contract 3.1), to be encoded."""
    made: dict[str, Json] = {}
    if envelope.transaction_id is not None:
        made["transactionId"] = envelope.transaction_id
    _places(made, envelope)
    _dates(made, envelope, dialect)
    _more_places(made, envelope)
    _expiry(made, envelope, dialect)
    made["sender"] = _sender(envelope)
    _included(made, envelope, dialect, include)
    made["purgeState"] = envelope.purge_state
    made.update(dialect.flags)
    return _with_options(made, envelope.options) if envelope.options else made


def _places(made: dict[str, Json], envelope: Envelope) -> None:
    here = f"/envelopes/{envelope.id}"
    made["status"] = envelope.status
    made["documentsUri"] = f"{here}/documents"
    made["recipientsUri"] = f"{here}/recipients"
    made["attachmentsUri"] = f"{here}/attachments"
    made["envelopeUri"] = here
    made["emailSubject"] = envelope.subject
    if envelope.blurb:
        made["emailBlurb"] = envelope.blurb
    made["envelopeId"] = envelope.id
    made["signingLocation"] = "online"
    made["customFieldsUri"] = f"{here}/custom_fields"
    made["notificationUri"] = f"{here}/notification"
    made["enableWetSign"] = "true"
    made["allowMarkup"] = "false"
    made["allowReassign"] = "true"


def _dates(made: dict[str, Json], envelope: Envelope, dialect: Dialect) -> None:
    text = dialect.text
    made["createdDateTime"] = text(envelope.created_at)
    made["lastModifiedDateTime"] = text(envelope.modified_at)
    if envelope.delivered_at is not None:
        made["deliveredDateTime"] = text(envelope.delivered_at)
    if envelope.initial_sent_at is not None:
        made["initialSentDateTime"] = text(envelope.initial_sent_at)
    if envelope.sent_at is not None:
        made["sentDateTime"] = text(envelope.sent_at)
    if envelope.completed_at is not None:
        made["completedDateTime"] = text(envelope.completed_at)
    if envelope.voided_at is not None:
        made["voidedDateTime"] = text(envelope.voided_at)
    if envelope.voided_reason is not None:
        made["voidedReason"] = envelope.voided_reason
    if envelope.deleted_at is not None:
        made["deletedDateTime"] = text(envelope.deleted_at)
    if envelope.declined_at is not None:
        made["declinedDateTime"] = text(envelope.declined_at)
    made["statusChangedDateTime"] = text(envelope.status_changed_at)


def _more_places(made: dict[str, Json], envelope: Envelope) -> None:
    here = f"/envelopes/{envelope.id}"
    made["documentsCombinedUri"] = f"{here}/documents/combined"
    made["certificateUri"] = f"{here}/documents/certificate"
    made["templatesUri"] = f"{here}/templates"


def _expiry(made: dict[str, Json], envelope: Envelope, dialect: Dialect) -> None:
    """Tell the end of a sent envelope, counted from its sending; a draft says nothing of it."""
    if envelope.initial_sent_at is None:
        return
    reminders = envelope.reminders
    if not reminders.is_expiring:
        made["expireEnabled"] = "false"
        return
    days = reminders.expire_after_days
    made["expireEnabled"] = "true"
    made["expireDateTime"] = dialect.text(envelope.initial_sent_at + days * DAY_SECONDS * SECOND)
    made["expireAfter"] = str(days)


def _sender(envelope: Envelope) -> dict[str, Json]:
    sender = envelope.sender
    made = {
        "userName": sender.name,
        "userId": sender.user_id,
        "accountId": envelope.account_id,
        "email": sender.email,
    }
    if sender.ip_address:
        made["ipAddress"] = sender.ip_address
    return made


def _included(
    made: dict[str, Json], envelope: Envelope, dialect: Dialect, include: AbstractSet[str]
) -> None:
    if "folders" in include:
        made["folders"] = [_folder(envelope)]
    if "custom_fields" in include:
        made["customFields"] = papers.custom_fields(envelope.fields)
    if not include.isdisjoint(("recipients", "tabs", "payment_tabs")):
        made["recipients"] = people.lists(envelope, dialect, include)
    options = envelope.options or {}
    if "extensions" in include and "emailSettings" in options:
        made["emailSettings"] = options["emailSettings"]
    if "templates" in include and envelope.templates:
        made["templates"] = [_template(*template) for template in envelope.templates]
    if not include.isdisjoint(("documents", "prefill_tabs", "document_fields")):
        made["envelopeDocuments"] = papers.documents(envelope, dialect, include)
    if "attachments" in include and envelope.attachments:
        made["envelopeAttachments"] = envelope.attachments
    if "powerform" in include and envelope.power_form_id is not None:
        made["powerForm"] = {"powerFormId": envelope.power_form_id}


def _folder(envelope: Envelope) -> dict[str, Json]:
    sender = envelope.sender
    folder_id = _folder_id(f"{envelope.account_id}/users/{sender.user_id}/{envelope.folder}")
    return {
        "name": _FOLDERS.get(envelope.folder, envelope.folder),
        "type": envelope.folder,
        "owner": {"userId": sender.user_id, "email": sender.email},
        "folderId": folder_id,
        "uri": f"/folders/{folder_id}",
    }


@lru_cache(maxsize=1_024)
def _folder_id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


def _template(template_id: str, name: str) -> dict[str, Json]:
    return {
        "templateId": template_id,
        "name": name,
        "documentId": "1",
        "applied": "true",
        "uri": f"/templates/{template_id}",
    }


def _with_options(made: dict[str, Json], options: dict[str, Json]) -> dict[str, Json]:
    shown = {key: value for key, value in options.items() if key in SHOWN_OPTIONS}
    if not shown:
        return made
    return dict(sorted((made | shown).items(), key=lambda item: _RANKS.get(item[0], len(_RANKS))))
