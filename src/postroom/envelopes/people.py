"""An envelope's recipients as JSON: REST's `recipients` and those of a message (contract 3.1)."""

from collections.abc import Set as AbstractSet

from postroom.envelopes.dialect import Dialect
from postroom.envelopes.envelope import RECIPIENT_TYPES, Envelope, Recipient
from postroom.model import Json

_WITH_TABS = frozenset({"signers", "inPersonSigners", "witnesses", "notaries"})
_DONE = frozenset({"completed", "signed"})

_KEYS = (
    "tabs paymentTabs signatureInfo autoNavigation defaultRecipient signInEachLocation "
    "offlineAttributes requireSignerCertificate requireSignOnPaper hostName hostEmail signerName "
    "signerEmail notaryHost inPersonSigningType witnessFor witnessForGuid creationReason "
    "canSignOffline isBulkRecipient bulkRecipientsUri recipientSuppliesTabs "
    "requireUploadSignature recipientSignatureProviders agentCanEditEmail agentCanEditName "
    "proofFile excludedDocuments name email emailRecipientPostSigningURL phoneNumber "
    "signingGroupId signingGroupName signingGroupUsers fullName firstName lastName recipientId "
    "recipientIdGuid accessCode addAccessCodeToEmail requireIdLookup idCheckConfigurationName "
    "socialAuthentications phoneAuthentication smsAuthentication identityVerification userId "
    "clientUserId embeddedRecipientStartURL customFields routingOrder idCheckInformationInput "
    "recipientAttachments additionalNotifications note roleName status completedCount "
    "signedDateTime deliveredDateTime declinedDateTime sentDateTime declinedReason "
    "autoRespondedReason deliveryMethod faxNumber templateLocked templateRequired "
    "emailNotification inheritEmailNotificationConfiguration suppressEmails recipientType "
    "recipientAuthenticationStatus documentVisibility"
)
_RANKS = {key: rank for rank, key in enumerate(_KEYS.split())}
"""The order of a recipient's keys, from the official skeleton and the recorded answers."""


def lists(envelope: Envelope, dialect: Dialect, include: AbstractSet[str]) -> dict[str, Json]:
    """Return every list of recipients, their count, and (once sent) whose turn it is."""
    made: dict[str, Json] = {role: [] for role in RECIPIENT_TYPES}
    for recipient in envelope.recipients:
        made[recipient.role].append(one(recipient, dialect, include))
    made["recipientCount"] = str(len(envelope.recipients))
    if envelope.initial_sent_at is not None:
        made["currentRoutingOrder"] = str(current_routing_order(envelope))
    return made


def current_routing_order(envelope: Envelope) -> int:
    """Return the order of the first who is not done, or the last order where all are."""
    pending = [r.routing_order for r in envelope.recipients if r.status not in _DONE]
    return (
        min(pending) if pending else max((r.routing_order for r in envelope.recipients), default=1)
    )


def one(recipient: Recipient, dialect: Dialect, include: AbstractSet[str]) -> dict[str, Json]:
    """Return one recipient. `include` may ask for `tabs` and `payment_tabs`."""
    made = _tabs(recipient, include)
    if recipient.role == "signers":
        made.update(dialect.signer_opening)
        is_sent = recipient.status != "created"
        if dialect.tells_free_form and is_sent and not recipient.tabs:
            made["recipientSuppliesTabs"] = "true"
        made["requireUploadSignature"] = "false"
    else:
        made["creationReason"] = "sender"
    _identity(made, recipient)
    if recipient.note or dialect.shows_empty_note:
        made["note"] = recipient.note
    if recipient.role_name is not None:
        made["roleName"] = recipient.role_name
    made["status"] = recipient.status
    made["completedCount"] = str(recipient.completed_count)
    _course(made, recipient, dialect)
    made["deliveryMethod"] = recipient.delivery_method
    made["recipientType"] = RECIPIENT_TYPES[recipient.role]
    _authentication(made, recipient, dialect)
    return _with_more(made, recipient.more, dialect) if recipient.more else made


def _tabs(recipient: Recipient, include: AbstractSet[str]) -> dict[str, Json]:
    tabs = recipient.tabs
    if not tabs:
        return {}
    paying: list[Json] = []
    if any("paymentDetails" in tab for tab in tabs.get("formulaTabs", ())):
        formulas = tabs["formulaTabs"]
        paying = [tab for tab in formulas if "paymentDetails" in tab]
        plain = [tab for tab in formulas if "paymentDetails" not in tab]
        tabs = {key: plain if key == "formulaTabs" else kept for key, kept in tabs.items()}
        if not plain:
            del tabs["formulaTabs"]
    made: dict[str, Json] = {}
    if "tabs" in include and tabs:
        made["tabs"] = tabs
    if "payment_tabs" in include and paying:
        made["paymentTabs"] = {"formulaTabs": paying}
    return made


def _identity(made: dict[str, Json], recipient: Recipient) -> None:
    made["name"] = recipient.name
    made["email"] = recipient.email
    made["recipientId"] = recipient.id
    made["recipientIdGuid"] = recipient.guid
    made["requireIdLookup"] = "false"
    made["userId"] = recipient.user_id
    if recipient.client_user_id is not None:
        made["clientUserId"] = recipient.client_user_id
    made["routingOrder"] = str(recipient.routing_order)


def _course(made: dict[str, Json], recipient: Recipient, dialect: Dialect) -> None:
    text = dialect.text
    if recipient.signed_at is not None:
        made["signedDateTime"] = text(recipient.signed_at)
    if recipient.delivered_at is not None:
        made["deliveredDateTime"] = text(recipient.delivered_at)
    if recipient.declined_at is not None:
        made["declinedDateTime"] = text(recipient.declined_at)
    if recipient.sent_at is not None:
        made["sentDateTime"] = text(recipient.sent_at)
    if recipient.declined_reason is not None:
        made["declinedReason"] = recipient.declined_reason
    if recipient.autoresponded_reason is not None:
        made["autoRespondedReason"] = recipient.autoresponded_reason


def _authentication(made: dict[str, Json], recipient: Recipient, dialect: Dialect) -> None:
    if recipient.failed_at is not None:
        failed = {"status": "Failed", "eventTimestamp": dialect.text(recipient.failed_at)}
        made["recipientAuthenticationStatus"] = {"accessCodeResult": failed}


def _with_more(made: dict[str, Json], more: dict[str, Json], dialect: Dialect) -> dict[str, Json]:
    made |= {key: value for key, value in more.items() if key not in dialect.hidden}
    return dict(sorted(made.items(), key=lambda item: _RANKS.get(item[0], len(_RANKS))))
