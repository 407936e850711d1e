"""The legacy aggregate message, read: `DocuSignEnvelopeInformation` in XML (contract 3.3).

It is hostile until proved otherwise: no entity is resolved, nothing is fetched, a document type
is refused, depth and size are bounded. Elements are known by their local names, so that a message
in a SOAP body, or without its namespace, is read just the same.
"""

import re
from collections.abc import Iterator

import msgspec
from lxml import etree
from lxml.etree import _Element

from postroom.intake import stamps
from postroom.intake.snapshot_diff import RecipientState, Snapshot
from postroom.model import Json, Noun

MAX_BYTES = 4 * 1024 * 1024
"""Without the documents it carries; real ones are of a few hundred KB at most."""
MAX_RECIPIENTS = 1_000
MAX_FIELDS = 1_000

_BULK = re.compile(rb"(<(?:\w{1,40}:)?(?:PDFBytes|Data)>)[^<]+")
"""Documents and attachments in base64: nobody asks for them here, and they are nearly all."""
_BULKY_BYTES = 64 * 1024
_UNSAID_OFFSET = "-08:00"
"""Pacific standard time, as in every captured message; in summer it is an hour late, and then the
moment of arrival, which is later than any true moment, takes its place."""

_LISTS = {
    "signer": "signers",
    "agent": "agents",
    "editor": "editors",
    "intermediary": "intermediaries",
    "carboncopy": "carbonCopies",
    "certifieddelivery": "certifiedDeliveries",
    "inpersonsigner": "inPersonSigners",
    "signinghost": "inPersonSigners",
}
_RECIPIENT_KEYS = {
    "UserName": "name",
    "Email": "email",
    "RoutingOrder": "routingOrder",
    "ClientUserId": "clientUserId",
    "DeclineReason": "declinedReason",
    "AutoRespondedReason": "autoRespondedReason",
    "Sent": "sentDateTime",
    "Delivered": "deliveredDateTime",
    "Signed": "signedDateTime",
    "Declined": "declinedDateTime",
}
_ENVELOPE_KEYS = {
    "Subject": "emailSubject",
    "VoidReason": "voidedReason",
    "SigningLocation": "signingLocation",
    "AutoNavigation": "autoNavigation",
    "EnvelopeIdStamping": "envelopeIdStamping",
    "AuthoritativeCopy": "authoritativeCopy",
    "Created": "createdDateTime",
    "Deleted": "deletedDateTime",
    "Sent": "sentDateTime",
    "Delivered": "deliveredDateTime",
    "Completed": "completedDateTime",
    "Declined": "declinedDateTime",
}
_MOMENTS = {"Created", "Deleted", "Sent", "Delivered", "Signed", "Completed", "Declined"}


class Aggregate(Noun, frozen=True, kw_only=True):
    """What an aggregate message says."""

    snapshot: Snapshot
    envelope: bytes
    """As JSON, under REST's keys: what a message of the other kind would carry."""


class _Texts(dict[str, str]):
    """The texts of an element's children by local name; the first of a name counts."""

    def __init__(self, parent: _Element | None) -> None:
        super().__init__()
        for child in _each(parent):
            if child.text:
                self.setdefault(_name(child), child.text)

    def word(self, name: str) -> str:
        """Return what is one word, without the spaces around it; "" where it is missing."""
        return self.get(name, "").strip()


class _Member(Noun, frozen=True, kw_only=True):
    said: _Texts
    failed: str | None
    """When its authentication failed, as said; None where it did not."""


def read(body: bytes, *, received_at: int) -> Aggregate | str:
    """Read an aggregate message, or return why it cannot be; never raises.

    `received_at` stands for the moment the message was made where that is not said or cannot be.
    """
    lean = _BULK.sub(rb"\1", body) if len(body) > _BULKY_BYTES else body
    if len(lean) > MAX_BYTES:
        return f"it has more than {MAX_BYTES >> 20} MiB beside its documents"
    try:
        root = etree.fromstring(lean, _parser())
    except (etree.XMLSyntaxError, ValueError, LookupError) as problem:
        return f"it is not well-formed: {str(problem)[:200]}"
    if root.getroottree().docinfo.internalDTD is not None:
        return "it has a document type (DTD), which Docusign's messages never have"
    message = root if _name(root) == "DocuSignEnvelopeInformation" else _message(root)
    status = _child(message, "EnvelopeStatus")
    if message is None or status is None:
        return "it is no DocuSignEnvelopeInformation with an EnvelopeStatus"
    return _aggregate(message, status, received_at)


def _parser() -> etree.XMLParser:
    """Return a parser of its own for each message: one cannot serve two threads at a time."""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _aggregate(message: _Element, status: _Element, received_at: int) -> Aggregate | str:
    said = _Texts(status)
    clock = _Clock(_Texts(message).word("TimeZoneOffset"), received_at)
    elements = _children(_child(status, "RecipientStatuses"), "RecipientStatus")
    fields = _children(_child(status, "CustomFields"), "CustomField")
    if len(elements) > MAX_RECIPIENTS or len(fields) > MAX_FIELDS:
        return f"it has more than {MAX_RECIPIENTS} recipients or {MAX_FIELDS} custom fields"
    envelope_id = said.word("EnvelopeID").lower()
    if not envelope_id or not said.word("Status"):
        return "it has no EnvelopeID or no Status"
    generated_at = clock.generated(said.word("TimeGenerated"))
    members = [_Member(said=_Texts(one), failed=_failed(one)) for one in elements]
    snapshot = Snapshot(
        envelope_id=envelope_id,
        generated_at=generated_at,
        status=said.word("Status").lower(),
        created_at=clock.moment(said.word("Created")),
        sent_at=clock.moment(said.word("Sent")),
        delivered_at=clock.moment(said.word("Delivered")),
        completed_at=clock.moment(said.word("Completed")),
        declined_at=clock.moment(said.word("Declined")),
        deleted_at=clock.moment(said.word("Deleted")),
        recipients=tuple(_state(one, clock, generated_at) for one in members),
    )
    documents = _children(_child(status, "DocumentStatuses"), "DocumentStatus")
    envelope = {
        "status": snapshot.status,
        "envelopeId": envelope_id,
        **_renamed(said, _ENVELOPE_KEYS, clock),
        "sender": {"userName": said.get("UserName", ""), "email": said.get("Email", "")},
        "customFields": _custom_fields([_Texts(field) for field in fields]),
        "recipients": _recipients(members, clock),
        "envelopeDocuments": [_document(_Texts(document)) for document in documents],
    }
    return Aggregate(snapshot=snapshot, envelope=msgspec.json.encode(envelope))


class _Clock:
    """The account's clock: what its local moments are in UTC."""

    def __init__(self, hours: str, received_at: int) -> None:
        self._received_at = received_at
        self._offset = _UNSAID_OFFSET
        if re.fullmatch(r"[+-]?\d{1,2}", hours, re.ASCII):
            sign = "-" if int(hours) < 0 else "+"
            self._offset = f"{sign}{abs(int(hours)):02d}:00"

    def moment(self, text: str) -> int | None:
        """Return a moment, none later than the message's arrival, or None where none is said."""
        read = stamps.moment(text, offset=self._offset)
        return None if read is None or read <= 0 else min(read, self._received_at)

    def generated(self, text: str) -> int:
        """Return when the message was made, or its arrival where that cannot be true.

        The next message is compared with it, so it stays as said even where it is a little ahead.
        """
        read = stamps.moment(text, offset=self._offset)
        is_likely = read is not None and 0 < read <= self._received_at + stamps.AHEAD
        return read if read is not None and is_likely else self._received_at

    def text(self, text: str) -> str:
        """Return a moment as REST would say it; what is none stays as it is."""
        said = text.strip()
        is_local = stamps.moment(said) is not None and said[-1] != "Z" and said[-6] not in "+-"
        return f"{said}{self._offset}" if is_local else text


# --- recipients -------------------------------------------------------------------------------


def _recipient_id(said: _Texts) -> str:
    """Return the GUID; the envelope-local id is not in the message (contract 8.9)."""
    known = said.word("RecipientId").lower()
    return known or f"{said.word('RoutingOrder')}:{said.word('Email').lower()}"[:100]


def _state(member: _Member, clock: _Clock, generated_at: int) -> RecipientState:
    said = member.said
    failed_at = None if member.failed is None else clock.moment(member.failed) or generated_at
    return RecipientState(
        id=_recipient_id(said),
        status=said.word("Status").lower(),
        sent_at=clock.moment(said.word("Sent")),
        delivered_at=clock.moment(said.word("Delivered")),
        signed_at=clock.moment(said.word("Signed")),
        declined_at=clock.moment(said.word("Declined")),
        failed_at=failed_at,
    )


def _failed(element: _Element) -> str | None:
    for check in _each(_child(element, "RecipientAuthenticationStatus")):
        said = _Texts(check)
        if said.word("Status") == "Failed":
            return said.word("EventTimestamp")
    return None


def _recipients(members: list[_Member], clock: _Clock) -> dict[str, Json]:
    lists: dict[str, Json] = {name: [] for name in _LISTS.values()}
    for member in members:
        role = member.said.word("Type").lower()
        recipient_id = _recipient_id(member.said)
        lists[_LISTS.get(role, "signers")].append(
            {
                **_renamed(member.said, _RECIPIENT_KEYS, clock),
                "recipientId": recipient_id,
                "recipientIdGuid": recipient_id,
                "status": member.said.word("Status").lower(),
                "recipientType": role,
            }
        )
    return lists | {"recipientCount": str(len(members))}


# --- the rest of the envelope -----------------------------------------------------------------


def _custom_fields(fields: list[_Texts]) -> dict[str, Json]:
    lists: dict[str, Json] = {"textCustomFields": [], "listCustomFields": []}
    for said in fields:
        field: dict[str, Json] = {
            "name": said.get("Name", ""),
            "show": said.word("Show").lower(),
            "required": said.word("Required").lower(),
            "value": said.get("Value", ""),
        }
        if said.word("CustomFieldType") == "List":
            items = said.get("ListItems", "").split(";")
            lists["listCustomFields"].append({"listItems": items, **field})
        else:
            lists["textCustomFields"].append(field)
    return lists


def _document(said: _Texts) -> dict[str, Json]:
    return {
        "documentId": said.get("ID", ""),
        "name": said.get("Name", ""),
        "order": said.get("Sequence", ""),
    }


def _renamed(said: _Texts, keys: dict[str, str], clock: _Clock) -> dict[str, Json]:
    return {
        key: clock.text(said[name]) if name in _MOMENTS else said[name]
        for name, key in keys.items()
        if name in said
    }


# --- elements ---------------------------------------------------------------------------------


def _message(root: _Element) -> _Element | None:
    return next(root.iter("{*}DocuSignEnvelopeInformation"), None)


def _name(element: _Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(parent: _Element | None, name: str) -> list[_Element]:
    return [child for child in _each(parent) if _name(child) == name]


def _child(parent: _Element | None, name: str) -> _Element | None:
    return next((child for child in _each(parent) if _name(child) == name), None)


def _each(parent: _Element | None) -> Iterator[_Element]:
    yield from parent if parent is not None else ()
