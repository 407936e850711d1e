"""How much an envelope may hold, and for how long."""

from postroom.model import Noun


class Limits(Noun, frozen=True, kw_only=True):
    """The bounds of what a definition may say; those Docusign documents are its own (7.4)."""

    subject_characters: int = 100
    blurb_characters: int = 10_000
    field_characters: int = 100
    """Of a custom field's name, and of its value (contract 7.4 has both 100 and 2000 for it)."""
    fields: int = 500
    item_characters: int = 100
    items_characters: int = 2_048
    """Of all the items of one list field together."""
    recipients: int = 1_000
    tabs: int = 5_000
    """Of one recipient."""
    documents: int = 200
    document_bytes: int = 25 * 1024 * 1024
    documents_bytes: int = 100 * 1024 * 1024
    """Of one envelope's together: they may come one by one, and are sent on in one message."""
    pages: int = 2_000
    """Pages told of in one envelope; every message describes each."""
    attachments: int = 20
    event_notifications: int = 20
    name_characters: int = 100
    """Of people's names, addresses, roles and the like."""
    text_characters: int = 10_000
    """Of any other text that is kept and shown again."""
    told_bytes: int = 256 * 1024 * 1024
    """Of all the messages that one action causes: each tells of the whole envelope."""
    templates: int = 50
    """Layers of templates in one definition."""
    purge_days: float = 14
    """So long are documents in the purge queue (Docusign's documentation of purging)."""


DEFAULT = Limits()
