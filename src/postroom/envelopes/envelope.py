"""An envelope that lives here: what it is, and how far it and its recipients have come."""

from typing import Literal

from postroom.model import Json, Noun

Role = Literal[
    "signers",
    "agents",
    "editors",
    "intermediaries",
    "carbonCopies",
    "certifiedDeliveries",
    "inPersonSigners",
    "seals",
    "witnesses",
    "notaries",
]
"""The list of `recipients` in which a recipient stands (contract 7.3)."""

RECIPIENT_TYPES: dict[Role, str] = {
    "signers": "signer",
    "agents": "agent",
    "editors": "editor",
    "intermediaries": "intermediary",
    "carbonCopies": "carboncopy",
    "certifiedDeliveries": "certifieddelivery",
    "inPersonSigners": "inpersonsigner",
    "seals": "seal",
    "witnesses": "witness",
    "notaries": "notary",
}
"""Each list and the `recipientType` of its members, in the order of the wire."""

FINAL_STATUSES = frozenset({"completed", "declined", "voided", "deleted"})
"""Statuses after which nothing happens to an envelope but purging, deleting and removing."""


class Sender(Noun, frozen=True, kw_only=True):
    """The user who sends the envelope: the one that associated users are about (contract 7.6)."""

    user_id: str
    name: str = ""
    email: str = ""
    ip_address: str = ""


class Recipient(Noun, frozen=True, kw_only=True):
    """A recipient and how far it has come. Statuses are REST's lower-case ones (contract 2.1)."""

    id: str
    """The envelope-local id, for instance "1"; never the GUID (contract 8.9)."""
    guid: str
    role: Role = "signers"
    name: str = ""
    email: str = ""
    user_id: str
    routing_order: int = 1
    status: str = "created"
    role_name: str | None = None
    note: str = ""
    client_user_id: str | None = None
    """Given for embedded signing: no mail is sent."""
    delivery_method: str = "email"
    completed_count: int = 0
    sent_at: int | None = None
    delivered_at: int | None = None
    signed_at: int | None = None
    declined_at: int | None = None
    declined_reason: str | None = None
    autoresponded_reason: str | None = None
    is_locked_out: bool = False
    """True after its authentication failed, until the recipient is corrected or resent."""
    failed_at: int | None = None
    reassigned_to: str | None = None
    """The id of the recipient that took its place; itself then only gets a copy."""
    tabs: Json = None
    """By kind of tab, such as `textTabs`, as given; None where it has none."""
    more: Json = None
    """What else was given, by Docusign's key names, echoed as given."""


class Document(Noun, frozen=True, kw_only=True):
    """A document of an envelope; its bytes are kept beside, under the same id."""

    id: str
    guid: str
    name: str
    extension: str = "pdf"
    order: int = 1
    size_bytes: int = 0
    page_count: int = 1
    fields: tuple[tuple[str, str], ...] = ()
    """Document fields as (name, value)."""
    tabs: Json = None
    """`prefillTabs` and the like, as given."""


class CustomField(Noun, frozen=True, kw_only=True):
    """A custom field of an envelope (contract 7.4)."""

    id: str
    name: str
    value: str = ""
    kind: Literal["text", "list"] = "text"
    is_required: bool = False
    is_shown: bool = True
    items: tuple[str, ...] = ()
    configuration_type: str | None = None


class Reminders(Noun, frozen=True, kw_only=True):
    """When a sent envelope reminds, warns and expires; days count from sending."""

    is_reminding: bool = False
    delay_days: int = 0
    frequency_days: int = 0
    is_expiring: bool = True
    expire_after_days: int = 120
    warn_days: int = 0


class Trace(Noun, frozen=True, kw_only=True):
    """One entry of an envelope's audit trail."""

    at: int
    user_id: str
    user_name: str
    action: str
    """Docusign's word: Registered, Sent Invitations, Viewed, Signed and so on."""
    message: str
    envelope_status: str
    source: str = "api"
    ip_address: str = ""


class Envelope(Noun, frozen=True, kw_only=True):
    """An envelope at one moment of its life."""

    account_id: str
    id: str
    sender: Sender
    status: str = "created"
    subject: str = ""
    blurb: str = ""
    recipients: tuple[Recipient, ...] = ()
    """In the order given; whose turn it is goes by `routing_order`."""
    documents: tuple[Document, ...] = ()
    fields: tuple[CustomField, ...] = ()
    reminders: Reminders = Reminders()
    created_at: int
    modified_at: int
    status_changed_at: int
    initial_sent_at: int | None = None
    sent_at: int | None = None
    delivered_at: int | None = None
    completed_at: int | None = None
    declined_at: int | None = None
    voided_at: int | None = None
    voided_reason: str | None = None
    deleted_at: int | None = None
    removed_at: int | None = None
    """When it was permanently removed: from then on nothing can be done to it."""
    last_reminded_at: int | None = None
    purge_state: str = "unpurged"
    purge_at: int | None = None
    """When its documents are purged; None while no purge is queued."""
    is_locked: bool = False
    """True while an edit lock is taken; `envelope-corrected` follows its removal (contract 2.2)."""
    is_corrected: bool = False
    """True when something was corrected under the lock."""
    folder: str = "sentitems"
    transaction_id: str | None = None
    templates: tuple[tuple[str, str], ...] = ()
    """Templates it was made from, as (id, name)."""
    attached: tuple[str, ...] = ()
    """The names of the listeners that its `eventNotification`s stand for."""
    attachments: Json = None
    """`envelopeAttachments` as given; None where there are none."""
    power_form_id: str | None = None
    options: Json = None
    """What else was given, by Docusign's key names: allowReassign, enableWetSign, emailSettings."""
    trail: tuple[Trace, ...] = ()

    @property
    def is_purged(self) -> bool:
        """Whether the bytes of its documents are gone; what is known of them is still told."""
        return self.purge_state.endswith("_purged")


class Happening(Noun, frozen=True, kw_only=True):
    """An event that an action caused."""

    event: str
    """A SIM name."""
    recipient_id: str | None = None
    reassigned_recipient_id: str | None = None


class Step(Noun, frozen=True, kw_only=True):
    """What an action did: the envelope after it, and the events in the order they are told."""

    envelope: Envelope
    happenings: tuple[Happening, ...] = ()


Verb = Literal[
    "send",
    "view",
    "sign",
    "decline",
    "fail-authentication",
    "bounce",
    "auto-reply",
    "reassign",
    "delegate",
    "finish-later",
    "void",
    "lock",
    "unlock",
    "correct",
    "resend",
    "remind",
    "expire",
    "purge",
    "complete-purge",
    "delete",
    "discard",
    "remove",
]


class Action(Noun, frozen=True, kw_only=True):
    """Something a person, or time, does to an envelope."""

    verb: Verb
    recipient_id: str | None = None
    """Whose action it is, or whom it is about; None where it is about the envelope."""
    reason: str = ""
    """Of declining, voiding, bouncing, reassigning."""
    name: str | None = None
    """The new recipient's, for reassign, delegate and correct."""
    email: str | None = None
    purge_state: str = "documents_and_metadata_queued"
    """For purge: one of the states of contract 2.2."""
    tabs: Json = None
    """For sign: values by tab label."""
