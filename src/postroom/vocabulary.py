"""Every event name, in both spellings, and which one a misspelt name meant (contract 2)."""

import difflib
from typing import Literal

Kind = Literal["envelope", "recipient"]

_LEGACY: dict[str, tuple[Kind, str]] = {
    "envelope-created": ("envelope", "Draft"),
    "envelope-sent": ("envelope", "Sent"),
    "envelope-delivered": ("envelope", "Delivered"),
    "envelope-completed": ("envelope", "Completed"),
    "envelope-declined": ("envelope", "Declined"),
    "envelope-voided": ("envelope", "Voided"),
    "recipient-sent": ("recipient", "Sent"),
    "recipient-delivered": ("recipient", "Delivered"),
    "recipient-completed": ("recipient", "Completed"),
    "recipient-declined": ("recipient", "Declined"),
    "recipient-authenticationfailed": ("recipient", "AuthenticationFailed"),
    "recipient-autoresponded": ("recipient", "AutoResponded"),
}

EVENTS: frozenset[str] = frozenset(_LEGACY) | {
    "envelope-resent",
    "envelope-corrected",
    "envelope-purge",
    "envelope-deleted",
    "envelope-discard",
    "envelope-removed",
    "envelope-reminder-sent",
    "recipient-resent",
    "recipient-delegate",
    "recipient-reassign",
    "recipient-finish-later",
    "template-created",
    "template-modified",
    "template-deleted",
    "click-agreed",
    "click-declined",
    "sms-opt-in",
    "sms-opt-out",
    "workflow-started",
    "workflow-failed",
    "workflow-completed",
    "identity-verification-pending",
    "identity-verification-completed",
    "extension-executed",
    "notary-session-completed",
    "notary-session-terminated",
    "notary-session-signer-locked",
    "notary-session-signer-unlocked",
    "notary-session-authentication-failed",
}
"""Every SIM event name (contract 2.2), lower case."""

ONCE_ONLY: frozenset[str] = frozenset(
    {
        "envelope-created",
        "envelope-completed",
        "envelope-declined",
        "envelope-voided",
        "recipient-completed",
        "recipient-declined",
    }
)
"""Events that happen at most once to an envelope, or to one of its recipients."""

INCLUDES: dict[str, tuple[str, ...]] = {
    "custom_fields": ("customFields",),
    "recipients": ("recipients",),
    "tabs": ("tabs",),
    "payment_tabs": ("paymentTabs",),
    "documents": ("envelopeDocuments",),
    "attachments": ("envelopeAttachments",),
    "prefill_tabs": ("prefillTabs",),
    "document_fields": ("documentFields",),
    "extensions": ("emailSettings",),
    "folders": ("folders",),
    "powerform": ("powerForm",),
    "templates": ("templates",),
}
"""includeData token to the keys it adds (contract 3.1).

`tabs`, `payment_tabs`, `prefill_tabs` and `document_fields` add theirs inside recipients and
documents; the others directly under `envelopeSummary`.
"""

_MISSPELT = {
    "failed": "recipient-authenticationfailed",
    "authfail": "recipient-authenticationfailed",
    "authfailed": "recipient-authenticationfailed",
    "bounced": "recipient-autoresponded",
    "deliveryfailed": "recipient-autoresponded",
    "signed": "recipient-completed",
    "signingcomplete": "envelope-completed",
    "finished": "envelope-completed",
    "opened": "envelope-delivered",
    "viewed": "recipient-delivered",
    "expired": "envelope-voided",
    "cancelled": "envelope-voided",
    "canceled": "envelope-voided",
    "purged": "envelope-purge",
    "reassigned": "recipient-reassign",
    "delegated": "recipient-delegate",
}
_CLOSE = 0.8
MAX_CHARACTERS = 100
"""No event's name is nearly as long; a longer one is not looked at further."""


def canonical(name: str, kind: Kind | None = None) -> str | None:
    """Return the SIM name of an event in any known spelling, or None if it is none.

    Case, hyphens, underscores and spaces do not matter. A bare legacy code (`Completed`) is the
    envelope's event unless `kind` says otherwise or only recipients have it (`AutoResponded`).
    """
    if name in EVENTS:
        return name
    if len(name) > MAX_CHARACTERS:
        return None
    squashed = _squash(name)
    if kind is not None:
        return _SQUASHED.get(kind + squashed) or _SQUASHED.get(squashed)
    return _SQUASHED.get(squashed) or _BARE.get(squashed)


def suggest(name: str) -> str | None:
    """Return the event that a name outside the vocabulary was likely meant to be."""
    squashed = _squash(name[:MAX_CHARACTERS])
    meant = _MISSPELT.get(squashed.removeprefix("envelope").removeprefix("recipient"))
    if meant is not None:
        of_recipient = meant.replace("envelope-", "recipient-")
        is_recipients = squashed.startswith("recipient") and of_recipient in EVENTS
        return of_recipient if is_recipients else meant
    known = _SQUASHED | _BARE
    close = difflib.get_close_matches(squashed, known, n=1, cutoff=_CLOSE)
    return known[close[0]] if close else None


def legacy(event: str) -> tuple[Kind, str] | None:
    """Return the kind and the legacy status code of a SIM event, or None if it has none."""
    return _LEGACY.get(event)


def _squash(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


_SQUASHED = {kind + _squash(code): event for event, (kind, code) in _LEGACY.items()}
_SQUASHED |= {_squash(event): event for event in EVENTS}
_BARE = {_squash(code): event for event, (kind, code) in reversed(_LEGACY.items())}
