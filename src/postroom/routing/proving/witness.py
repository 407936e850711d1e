"""Make up a message that has given values at given places: a witness that anyone can send."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from postroom.model import Json, Notification, Noun
from postroom.routing import paths
from postroom.routing.proving.places import Spot
from postroom.routing.readings import OBJECT
from postroom.routing.users import Directory

ENVELOPE_ID = "e0000000-0000-4000-8000-000000000000"
SENDER_ID = "00000000-0000-4000-8000-000000000000"
SENDER_EMAIL = "sender@example.com"
_AT = "2026-01-01T00:00:00.0000000Z"

Values = Mapping[Spot, tuple[str, ...]]


class Witness(Noun, frozen=True, kw_only=True):
    """A message that matches: its body in JSON SIM, and what is beside the body."""

    body: dict[str, Any]
    sticky_fields: Json = None
    """`customFields` as first seen, where they must differ from the present ones."""
    attached: tuple[str, ...] = ()
    """The listeners of single envelopes that the envelope carries."""

    def notification(self) -> Notification:
        """Return it as the gateway would keep it."""
        inside = self.body["data"]
        sticky = None if self.sticky_fields is None else json.dumps(self.sticky_fields).encode()
        return Notification(
            id="evt_" + "0" * 32,
            account_id=inside["accountId"],
            envelope_id=inside.get("envelopeId"),
            event=self.body["event"],
            recipient_id=inside.get("recipientId"),
            sender_id=inside["userId"],
            occurred_at=0,
            received_at=0,
            body=msgspec.json.encode(self.body),
            sticky_fields=sticky,
            attached=self.attached,
        )


def build(
    values: Values, *, account_id: str, directory: Directory, attached: tuple[str, ...] = ()
) -> Witness:
    """Return a message with these values, and ordinary ones wherever nothing is asked.

    No values at a place mean that the message says there is none.
    """
    by_root: dict[str, dict[Spot, tuple[str, ...]]] = {}
    for place, texts in values.items():
        by_root.setdefault("sticky" if place.is_sticky else place.root, {})[place] = texts
    summary = _summary(by_root.get("envelope", {}))
    sender = _sender(by_root.get("sender", {}), account_id, directory)
    if isinstance(found := summary.setdefault("sender", {}), dict):
        summary["sender"] = found | sender if not _is_asked(by_root, "sender") else sender | found
    fields = _fields(by_root.get("customFields", {}))
    if not _is_asked(by_root, "customFields"):
        summary["customFields"] = fields
    inside: dict[str, Any] = {"accountId": account_id, "userId": sender["userId"]}
    inside["envelopeId"] = _plain(by_root, "envelopeId", ENVELOPE_ID)
    recipient = {place.segments: texts for place, texts in by_root.get("recipient", {}).items()}
    if any(recipient.values()):
        inside["recipientId"] = _add_recipient(recipient, summary)
    inside["envelopeSummary"] = summary
    return Witness(
        body={
            "event": _plain(by_root, "event", "envelope-completed"),
            "apiVersion": "v2.1",
            "retryCount": 0,
            "generatedDateTime": _AT,
            "data": {key: value for key, value in inside.items() if value is not None},
        },
        sticky_fields=_sticky(by_root.get("sticky", {})),
        attached=attached,
    )


_Asked = dict[Spot, tuple[str, ...]]


def _plain(by_root: Mapping[str, _Asked], root: str, usual: str) -> str | None:
    """Return the one value of a place without parts: the usual one where nothing is asked."""
    asked = by_root.get(root)
    if not asked:
        return usual
    texts = next(iter(asked.values()))
    return texts[0] if texts else None


def _is_asked(by_root: Mapping[str, _Asked], key: str) -> bool:
    return any(place.segments[0] == key for place in by_root.get("envelope", ()))


def _sender(asked: _Asked, account_id: str, directory: Directory) -> dict[str, str]:
    sender = {place.segments[0]: texts[0] for place, texts in asked.items() if texts}
    if "userId" not in sender and "email" in sender:
        ids = directory.ids_by_email.get(sender["email"].strip().casefold(), ())
        if len(ids) == 1:
            sender["userId"] = ids[0]
    sender.setdefault("userId", SENDER_ID)
    known = directory.emails_by_id.get(sender["userId"])
    sender.setdefault("email", min(known) if known else SENDER_EMAIL)
    return {"accountId": account_id, "userName": "Sender"} | sender


def _fields(asked: _Asked) -> dict[str, list[dict[str, str]]]:
    """Return custom fields; a name's second value is in a list field, as it may well be."""
    text: list[dict[str, str]] = []
    listed: list[dict[str, str]] = []
    for place, texts in asked.items():
        for number, value in enumerate(texts):
            (listed if number == 1 else text).append({"name": place.segments[0], "value": value})
    return {"textCustomFields": text, "listCustomFields": listed}


def _sticky(asked: _Asked) -> Json:
    if not asked:
        return None
    inside: dict[str, Any] = {}
    for place, texts in asked.items():
        if place.root == "envelope":
            _insert(inside, place.segments[1:], texts)
    return inside or _fields(asked)


def _summary(asked: _Asked) -> dict[str, Any]:
    summary: dict[str, Any] = {"status": "completed", "recipients": {}}
    for place, texts in sorted(asked.items(), key=lambda item: len(item[0].segments)):
        key = place.segments[0]
        if texts:
            if summary.get(key) == [] or (len(place.segments) == 1 and summary.get(key) == {}):
                del summary[key]
            _insert(summary, place.segments, texts)
        elif len(place.segments) == 1:
            summary[key] = None
        else:
            summary.setdefault(key, {})
    return summary


def _insert(inside: dict[str, Any], segments: tuple[str, ...], texts: tuple[str, ...]) -> None:
    """Put values at the end of a way of objects; several mean a list of objects."""
    key, *rest = segments
    if not rest:
        found = [{} if text == OBJECT else text for text in texts]
        inside.setdefault(key, found[0] if len(found) == 1 else found)
        return
    if len(texts) > 1 and len(rest) == 1 and key != "sender":
        entries = inside.setdefault(key, [])
        entries = entries if isinstance(entries, list) else [entries]
        inside[key] = entries
        for number, text in enumerate(texts):
            if number == len(entries):
                entries.append({})
            _insert(entries[number], (rest[0],), (text,))
        return
    below = inside.setdefault(key, {})
    if isinstance(below, list):
        below = below[0]
    if isinstance(below, dict):
        _insert(below, tuple(rest), texts)


def _add_recipient(
    recipient: Mapping[tuple[str, ...], tuple[str, ...]], summary: dict[str, Any]
) -> str:
    """Add the recipient the event is about, on a list of which nothing else is asked."""
    recipient_id = next(iter(recipient.get(("recipientId",), ())), "1")
    entry: dict[str, Any] = {"recipientId": recipient_id}
    for segments, texts in recipient.items():
        if texts:
            _insert(entry, segments, texts)
    recipients = summary.get("recipients") or {}
    if not isinstance(recipients, dict):
        return recipient_id  # asked to be a text, which no message makes of it: not convincing
    summary["recipients"] = recipients
    free = next(key for key in ("signers", *paths.RECIPIENT_LISTS) if key not in recipients)
    recipients[free] = [entry]
    return recipient_id
