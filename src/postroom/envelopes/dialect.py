"""Where REST answers and Connect messages tell the same envelope differently."""

from collections.abc import Callable, Mapping

from postroom.envelopes import moments
from postroom.model import Json, Noun


class Dialect(Noun, frozen=True, kw_only=True):
    """One way of telling an envelope: everything else is the same in both."""

    text: Callable[[int], str]
    """How a moment is written."""
    flags: Mapping[str, Json]
    """What ends an envelope, after `purgeState`."""
    signer_opening: Mapping[str, str]
    """What a signer's entry begins with, before what is said of uploads."""
    shows_empty_note: bool
    tells_free_form: bool
    """True: `recipientSuppliesTabs` is there for a signer without tabs, once sent."""
    hidden: frozenset[str]
    """Keys of a recipient that are told to the sender alone."""
    document_types: Mapping[str, Json]
    """What a content document says of the types it can be had in."""


_STAMPED = {"envelopeIdStamping": "true", "is21CFRPart11": "false", "signerCanSignOnMobile": "true"}
_COMMENTS = {"allowComments": "true", "hasComments": "false", "allowViewHistory": "true"}


def _metadata(sign_with_notary: str) -> dict[str, str]:
    return {
        "allowAdvancedCorrect": "true",
        "enableSignWithNotary": sign_with_notary,
        "allowCorrect": "true",
    }


REST = Dialect(
    text=moments.rest_text,
    flags={
        **_STAMPED,
        "autoNavigation": "true",
        "isSignatureProviderEnvelope": "false",
        "uSigState": "esign",
        "hasFormDataChanged": "false",
        **_COMMENTS,
        "envelopeMetadata": _metadata("true"),
        "anySigner": None,
        "envelopeLocation": "current_site",
        "isDynamicEnvelope": "false",
        "burnDefaultTabData": "false",
        "isTicketRelatedEnvelope": "false",
    },
    signer_opening={"creationReason": "sender", "isBulkRecipient": "false"},
    shows_empty_note=False,
    tells_free_form=True,
    hidden=frozenset(),
    document_types={"availableDocumentTypes": [{"type": "electronic", "isDefault": "true"}]},
)
"""As recorded in June 2026 (contract 7.3)."""

MESSAGE = Dialect(
    text=moments.summary_text,
    flags={
        **_STAMPED,
        "autoNavigation": "true",
        "isSignatureProviderEnvelope": "false",
        "hasFormDataChanged": "false",
        **_COMMENTS,
        "disableResponsiveDocument": "false",
        "envelopeMetadata": _metadata("false"),
        "anySigner": None,
        "envelopeLocation": "current_site",
        "isDynamicEnvelope": "false",
    },
    signer_opening={
        "creationReason": "sender",
        "canSignOffline": "false",
        "isBulkRecipient": "false",
    },
    shows_empty_note=True,
    tells_free_form=False,
    hidden=frozenset({"accessCode"}),
    document_types={},
)
"""As in the full captured message (contract 3.1)."""
