"""An `envelopeDefinition` as a client sends it, read into an envelope (contract 7.3)."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from postroom.envelopes import given_fields, given_recipients, layers, misspelt
from postroom.envelopes.envelope import FINAL_STATUSES, Envelope, Reminders, Sender
from postroom.envelopes.given import Given, body_error, check, names, parameter_error
from postroom.envelopes.given_documents import new_documents, read_documents
from postroom.envelopes.given_fields import read_custom_fields, remove_custom_fields
from postroom.envelopes.given_recipients import check_addresses, read_recipients, results_view
from postroom.envelopes.layers import Layer
from postroom.envelopes.limits import DEFAULT, Limits
from postroom.envelopes.summary import SHOWN_OPTIONS
from postroom.errors import DocusignError
from postroom.model import Account, Json, Noun

__all__ = [
    "Draft",
    "Limits",
    "check_addresses",
    "read_custom_fields",
    "read_definition",
    "read_documents",
    "read_recipients",
    "read_update",
    "remove_custom_fields",
    "results_view",
]

_STATUSES = {"": "created", "created": "created", "sent": "sent"}
_MAX_DAYS = 999
_NO_REMINDERS = Reminders()
_OPTIONS = names([*SHOWN_OPTIONS, "emailSettings"])

_ATTACHMENT_KEYS = names(["attachmentId", "attachmentType", "label", "name", "accessControl"])

_TOP_NAMES = (
    "accessControlListBase64 accessibility allowRecipientRecursion anySigner attachments "
    "attachmentsUri certificateUri completedDateTime compositeTemplates createdDateTime "
    "customFields customFieldsUri declinedDateTime deletedDateTime deliveredDateTime "
    "documentBase64 documents documentsCombinedUri documentsUri emailBlurb emailSubject "
    "envelopeAttachments envelopeCustomMetadata envelopeDocuments envelopeId envelopeLocation "
    "envelopeMetadata envelopeUri eventNotification eventNotifications expireAfter expireDateTime "
    "expireEnabled folders hasComments hasFormDataChanged hasWavFile holder initialSentDateTime "
    "is21CFRPart11 isDynamicEnvelope isSignatureProviderEnvelope isTicketRelatedEnvelope "
    "lastModifiedDateTime location lockInformation notification notificationUri password powerForm "
    "purgeCompletedDate purgeRequestDate purgeState recipients recipientsUri recipientViewRequest "
    "sender sentDateTime signingLocation status statusChangedDateTime statusDateTime templateId "
    "templateRoles templatesUri transactionId uSigState voidedDateTime voidedReason workflow"
)
_TOP = names(_TOP_NAMES.split()) | _OPTIONS
"""Every key that a definition may have, read or not."""


class Draft(Noun, frozen=True, kw_only=True):
    """A definition as read: nothing has been kept, told or sent yet."""

    envelope: Envelope
    """Its status is `created`, or `sent` where the client wants it sent at once."""
    documents: tuple[tuple[str, bytes], ...] = ()
    """The bytes of each document, by document id."""
    event_notifications: tuple[Json, ...] = ()
    """`eventNotification` and each of `eventNotifications`, as given."""
    warnings: tuple[str, ...] = ()
    """Sentences about keys that were ignored and are nearly ones the service knows."""


def read_definition(  # noqa: PLR0913  # all named; each is one fact the body cannot know
    body: Json,
    *,
    account: Account,
    sender: Sender,
    envelope_id: str,
    now: int,
    new_guid: Callable[[], str],
    templates: Mapping[str, Json] | None = None,
    reminders: Reminders = _NO_REMINDERS,
    limits: Limits = DEFAULT,
) -> Draft:
    """Return the envelope that a definition describes.

    `templates` holds those it names, by id in lower case; `reminders` are the account's own.
    Raises `DocusignError` for whatever cannot be taken, and nothing else, whatever the body is.
    """
    check(body)
    said = Given(body, "")
    layer = layers.flatten(said, templates or {}, limits)
    top = layer.top
    status = _STATUSES.get(top.text("status", most=limits.name_characters).strip().lower())
    if status is None:
        raise parameter_error("status", "of a new envelope is either created or sent.")
    read = new_documents(layer.documents, new_guid=new_guid, limits=limits)
    envelope = Envelope(
        account_id=account.id,
        id=envelope_id,
        sender=sender,
        status=status,
        subject=top.text("emailSubject", most=limits.subject_characters),
        blurb=top.text("emailBlurb", most=limits.blurb_characters),
        recipients=given_recipients.new_recipients(
            layer.recipients, account=account, new_guid=new_guid, limits=limits
        ),
        documents=read.documents,
        fields=given_fields.new_fields(layer.fields, account.fields, limits),
        reminders=_reminders(top, reminders),
        created_at=now,
        modified_at=now,
        status_changed_at=now,
        folder="draft" if status == "created" else "sentitems",
        transaction_id=top.text("transactionId", most=limits.name_characters) or None,
        templates=layer.templates,
        attachments=_attachments(top, limits),
        power_form_id=_power_form_id(top, limits),
        options=_options(top, limits),
    )
    if status == "sent":
        check_addresses(envelope.recipients)
    return Draft(
        envelope=envelope,
        documents=read.contents,
        event_notifications=_event_notifications(said, limits),
        warnings=tuple(_warnings(said, layer)),
    )


def read_update(body: Json, envelope: Envelope, *, at: int, limits: Limits = DEFAULT) -> Envelope:
    """Return an envelope with what PUT of it says otherwise: subject, blurb, options, reminders.

    The same envelope comes back where nothing is said otherwise. Raises `DocusignError`
    ENVELOPE_INVALID_STATUS for one that has ended.
    """
    check(body)
    said = Given(body, "")
    options = (envelope.options or {}) | (_options(said, limits) or {})
    changed = replace(
        envelope,
        subject=said.text("emailSubject", most=limits.subject_characters, default=envelope.subject),
        blurb=said.text("emailBlurb", most=limits.blurb_characters, default=envelope.blurb),
        reminders=_reminders(said, envelope.reminders),
        options=options or None,
    )
    if changed == envelope:
        return envelope
    if envelope.status in FINAL_STATUSES:
        raise DocusignError(
            "ENVELOPE_INVALID_STATUS",
            f"The envelope is {envelope.status}; only an envelope under way can be changed.",
        )
    return replace(changed, modified_at=at)


def _reminders(top: Given, default: Reminders) -> Reminders:
    said = top.child("notification")
    if said is None or said.flag("useAccountDefaults"):
        return default
    reminding = said.child("reminders") or Given({}, said.place)
    expiring = said.child("expirations") or Given({}, said.place)
    return Reminders(
        is_reminding=reminding.flag("reminderEnabled", default=default.is_reminding),
        delay_days=reminding.number("reminderDelay", default=default.delay_days, most=_MAX_DAYS),
        frequency_days=reminding.number(
            "reminderFrequency", default=default.frequency_days, most=_MAX_DAYS
        ),
        is_expiring=expiring.flag("expireEnabled", default=default.is_expiring),
        expire_after_days=expiring.number(
            "expireAfter", default=default.expire_after_days, most=_MAX_DAYS
        ),
        warn_days=expiring.number("expireWarn", default=default.warn_days, most=_MAX_DAYS),
    )


def _options(top: Given, limits: Limits) -> Json:
    top.child("emailSettings")  # refuses what is not an object
    return top.echoed(_OPTIONS, most=limits.text_characters) or None


def _attachments(top: Given, limits: Limits) -> Json:
    """Return what is said of attachments; their bytes are not kept, for no answer carries them."""
    given = top.children("attachments", most=limits.attachments) + top.children(
        "envelopeAttachments", most=limits.attachments
    )
    return [one.echoed(_ATTACHMENT_KEYS, most=limits.text_characters) for one in given] or None


def _power_form_id(top: Given, limits: Limits) -> str | None:
    power_form = top.child("powerForm")
    if power_form is None:
        return None
    return power_form.text("powerFormId", most=limits.name_characters) or None


def _event_notifications(said: Given, limits: Limits) -> tuple[Json, ...]:
    given: list[Json] = said.items("eventNotifications", most=limits.event_notifications)
    if said.has("eventNotification"):
        given = [said.said["eventnotification"], *given]
    for one in given:
        if not isinstance(one, Mapping):
            raise body_error("eventNotification", "is not a JSON object; send one.")
    return tuple(given)


def _warnings(said: Given, layer: Layer) -> list[str]:
    found = misspelt.near_misses(said, _TOP.keys(), _TOP)
    for _, recipient in layer.recipients:
        found += misspelt.near_misses(recipient, given_recipients.KNOWN, given_recipients.ECHOED)
    return found
