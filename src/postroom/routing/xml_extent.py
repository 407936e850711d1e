"""What an XML message can tell, under REST's keys: always the same things (contract 3.3)."""

from collections.abc import Mapping

from postroom.routing.paths import Path

NEVER_TOLD = "envelopeUri"
"""REST says it of every envelope and XML of none: with it, the envelope was fetched as well."""

_PLAIN = (
    "status envelopeId emailSubject signingLocation autoNavigation envelopeIdStamping "
    "authoritativeCopy createdDateTime deletedDateTime sentDateTime deliveredDateTime "
    "completedDateTime declinedDateTime"
)
_RECIPIENTS = (
    "signers agents editors intermediaries carbonCopies certifiedDeliveries inPersonSigners "
    "recipientCount name email recipientId recipientIdGuid recipientType routingOrder status "
    "clientUserId declinedReason autoRespondedReason sentDateTime deliveredDateTime "
    "signedDateTime declinedDateTime"
)
_CUSTOM_FIELDS = "textCustomFields listCustomFields name value show required listItems"
_TOLD: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_PLAIN.split(), frozenset()),
    "sender": frozenset({"userName", "email"}),
    "recipients": frozenset(_RECIPIENTS.split()),
    "customFields": frozenset(_CUSTOM_FIELDS.split()),
    "envelopeDocuments": frozenset({"documentId", "name", "order"}),
}
"""Keys of the envelope, and those anywhere below each."""


def untold(path: Path, *, is_fetched: bool) -> tuple[str, ...]:
    """Return the keys of a place that no XML message tells of; none where it could be told.

    What is missing at a place that could be told is really not there: a moment, a reason. Where
    the envelope `is_fetched`, REST has told of the keys that XML has not at all.
    """
    if path.root == "recipient":
        keys: tuple[str, ...] = ("recipients", *path.segments)
    elif path.root == "envelope":
        keys = path.segments
    else:
        return ()
    told = _TOLD.get(keys[0])
    is_told = is_fetched if told is None else told.issuperset(keys[1:])
    return () if is_told else keys
