"""The places conditions look at, as unknowns of a puzzle: what a place can hold at all.

A message in the documented shape has one sender, one event, one subject, while custom fields and
what is inside lists may have several values (contract 3.1). Custom fields may share a name (a text
and a list field, for instance), which hardly anyone means to happen: it can be ruled out.
"""

from postroom.model import Noun
from postroom.routing import paths
from postroom.routing.paths import Path

_LISTS = {
    "attachmentsUri",
    "customFields",
    "emailSettings",
    "envelopeAttachments",
    "envelopeDocuments",
    "envelopeMetadata",
    "folders",
    "lockInformation",
    "notification",
    "powerForm",
    "recipients",
    "sender",
    "templates",
}
"""Keys of an envelope that hold more than one plain value."""
_SINGLE_OBJECTS = {"lockInformation", "powerForm", "sender"}
_SINGLE_OF_RECIPIENT = {
    "clientUserId",
    "declinedReason",
    "email",
    "name",
    "recipientId",
    "recipientIdGuid",
    "recipientType",
    "roleName",
    "routingOrder",
    "status",
    "userId",
}
_COUNTS = {"recipientCount", "currentRoutingOrder"}


class Spot(Noun, frozen=True, kw_only=True, eq=False):
    """A place, and what it can hold; compared by identity, which is fast."""

    root: str
    segments: tuple[str, ...]
    is_sticky: bool = False
    """The custom fields as first seen, where they are told apart from the present ones."""
    is_single: bool
    """It never holds more than one value."""
    is_required: bool
    """A message without it leaves it unknown, or there is no such message."""
    is_lower: bool
    """What is there is lower case (contract 7.6; events as they are kept)."""

    @property
    def text(self) -> str:
        """The path, as people write it."""
        return ".".join((self.root, *self.segments))

    def is_inside(self, other: "Spot") -> bool:
        """Tell whether it lies below another place."""
        count = len(other.segments)
        return (
            len(self.segments) > count > 0
            and self.root == other.root != "customFields"
            and self.segments[:count] == other.segments
            and self.is_sticky == other.is_sticky
        )


def spot(path: Path, *, is_sticky: bool, may_repeat: bool) -> Spot:
    """Return what the place of a path can hold; `may_repeat` lets custom fields share a name."""
    is_field = path.root == "customFields"
    return Spot(
        root=path.root,
        segments=path.segments,
        is_sticky=is_sticky and (is_field or path.segments[:1] == ("customFields",)),
        is_single=not may_repeat if is_field else _is_single(path),
        is_required=path.root in {"event", "accountId", "sender"},
        is_lower=path.is_identifier or path.root == "event",
    )


def _is_single(path: Path) -> bool:
    first, *rest = path.segments or ("",)
    match path.root:
        case "recipient":
            return not rest and first in _SINGLE_OF_RECIPIENT
        case "envelope" if len(rest) == 1:
            return first in _SINGLE_OBJECTS or (first == "recipients" and rest[0] in _COUNTS)
        case "envelope":
            return not rest and first in paths.ENVELOPE_KEYS and first not in _LISTS
        case _:
            return True
