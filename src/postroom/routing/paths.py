"""Where a filter looks: the paths of a message that a condition can name."""

import difflib
from collections.abc import Callable
from typing import Literal

from postroom.model import Noun
from postroom.routing import readings

Root = Literal[
    "customFields", "envelope", "sender", "recipient", "event", "envelopeId", "accountId"
]


class Path(Noun, frozen=True, kw_only=True):
    """A place in a message, read once: `recipients.X` has become `envelope.recipients.X`."""

    text: str
    """As it was written."""
    root: Root
    segments: tuple[str, ...] = ()
    """What follows the root; for `customFields` the field's whole name, dots and all."""

    @property
    def is_identifier(self) -> bool:
        """Whether the place holds a GUID, which is compared without regard to case (7.6)."""
        return self.text in {"envelopeId", "accountId", "sender.userId", "sender.accountId"}


class Misfit(Noun, frozen=True, kw_only=True):
    """Why a text is not a path, and what to write instead."""

    message: str


PLAIN_ROOTS = ("event", "envelopeId", "accountId")
SENDER_KEYS = ("userId", "email", "userName", "accountId")
ROOTS = ("customFields", "envelope", "sender", "recipient", "recipients", *PLAIN_ROOTS)

_RECIPIENT_LISTS = (
    "agents carbonCopies certifiedDeliveries currentRoutingOrder editors inPersonSigners "
    "intermediaries notaries participants recipientCount seals signers witnesses"
)
# Contract 3.1. Other keys are allowed: the list only serves to recognise misspelt ones.
_ENVELOPE_KEYS = (
    "allowComments allowMarkup allowReassign allowViewHistory anySigner asynchronous "
    "attachmentsUri authoritativeCopy authoritativeCopyDefault autoNavigation brandId brandLock "
    "burnDefaultTabData certificateUri completedDateTime copyRecipientData createdDateTime "
    "customFields customFieldsUri declinedDateTime deletedDateTime deliveredDateTime "
    "disableResponsiveDocument documentsCombinedUri documentsUri emailBlurb emailSettings "
    "emailSubject enableWetSign enforceSignerVisibility envelopeAttachments envelopeDocuments "
    "envelopeId envelopeIdStamping envelopeLocation envelopeMetadata envelopeUri expireAfter "
    "expireDateTime expireEnabled folders hasComments hasFormDataChanged hasFormDataChanges "
    "initialSentDateTime is21CFRPart11 isDynamicEnvelope isSignatureProviderEnvelope "
    "isTicketRelatedEnvelope lastModifiedDateTime lockInformation messageLock notification "
    "notificationUri powerForm purgeState recipients recipientsLock recipientsUri sender "
    "sentDateTime signerCanSignOnMobile signingLocation status statusChangedDateTime templates "
    "templatesUri transactionId uSigState useDisclosure voidedDateTime voidedReason"
)
RECIPIENT_LISTS = tuple(_RECIPIENT_LISTS.split())
ENVELOPE_KEYS = tuple(_ENVELOPE_KEYS.split())

_LONGEST_SUGGESTED = 60
_CLOSE_ROOT = 0.6
_CLOSE_KEY = 0.9
"""High, because a key the contract does not list may well exist."""


def suggest(word: str, known: tuple[str, ...], *, cutoff: float = _CLOSE_ROOT) -> str | None:
    """Return the known word that `word` is probably a misspelling of, case aside."""
    if len(word) > _LONGEST_SUGGESTED:
        return None
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def parse(text: str) -> Path | Misfit:
    """Read a path such as `customFields.PO Number` or `envelope.templates.templateId`."""
    root, dot, rest = text.partition(".")
    if root not in ROOTS or not readings.is_storable(text):
        return Misfit(message=_unknown_root(text, root, rest))
    if root in PLAIN_ROOTS:
        return _plain(text, root, dot)
    if root == "customFields" and rest.strip():
        return Path(text=text, root="customFields", segments=(rest,))
    segments = tuple(rest.split("."))
    if not all(segment.strip() for segment in segments):
        return Misfit(message=f"`{shown(text)}` leaves a name empty; write `{root}.NAME`")
    return _BY_ROOT[root](text, segments)


def shown(text: str) -> str:
    """Return a text short enough for a message."""
    return text if len(text) <= _LONGEST_SUGGESTED else text[:_LONGEST_SUGGESTED] + "…"


def _unknown_root(text: str, root: str, rest: str) -> str:
    if not readings.is_storable(text):
        return "the path has half a character in it (a lone surrogate); write it anew"
    close = suggest(root, ROOTS)
    if close:
        suffix = f".{shown(rest)}" if rest else ""
        return f"`{shown(text)}` names nothing in a message; did you mean `{close}{suffix}`?"
    return (
        f"`{shown(text)}` names nothing in a message; a path begins with customFields., "
        "envelope., sender., recipient. or recipients., or is event, envelopeId or accountId"
    )


def _plain(text: str, root: str, dot: str) -> Path | Misfit:
    if dot:
        return Misfit(message=f"`{root}` has no parts; write `{root}` alone")
    if root == "event":
        return Path(text=text, root="event")
    return Path(text=text, root="envelopeId" if root == "envelopeId" else "accountId")


def _sender(text: str, segments: tuple[str, ...]) -> Path | Misfit:
    key = ".".join(segments)
    if key in SENDER_KEYS:
        return Path(text=text, root="sender", segments=segments)
    close = suggest(key, SENDER_KEYS)
    remedy = f"did you mean `sender.{close}`?" if close else f"it has {', '.join(SENDER_KEYS)}"
    return Misfit(message=f"a sender has no `{shown(key)}`; {remedy}")


def _recipient(text: str, segments: tuple[str, ...]) -> Path | Misfit:
    return Path(text=text, root="recipient", segments=segments)


def _recipients(text: str, segments: tuple[str, ...]) -> Path | Misfit:
    return _envelope(text, ("recipients", *segments))


def _envelope(text: str, segments: tuple[str, ...]) -> Path | Misfit:
    key, inner = segments[0], segments[1] if len(segments) > 1 else None
    if close := _misspelt(key, ENVELOPE_KEYS):
        return Misfit(message=f"an envelope has no `{shown(key)}`; did you mean `{close}`?")
    if key == "customFields" and inner not in {"textCustomFields", "listCustomFields"}:
        name = ".".join(segments[1:]) or "NAME"
        return Misfit(message=f"write `customFields.{shown(name)}` for a custom field")
    if key == "recipients" and inner and (close := _misspelt(inner, RECIPIENT_LISTS)):
        return Misfit(message=f"there are no recipients `{shown(inner)}`; did you mean `{close}`?")
    return Path(text=text, root="envelope", segments=segments)


def _misspelt(key: str, known: tuple[str, ...]) -> str | None:
    return None if key in known else suggest(key, known, cutoff=_CLOSE_KEY)


_BY_ROOT: dict[str, Callable[[str, tuple[str, ...]], Path | Misfit]] = {
    "envelope": _envelope,
    "recipients": _recipients,
    "recipient": _recipient,
    "sender": _sender,
}
