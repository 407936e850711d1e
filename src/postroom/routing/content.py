"""A lazy view of what a notification says: decoded once, key by key, and only when asked.

What can be known and what cannot (contract 3.1): without an `envelopeSummary` a message carries
only its event and ids. With one, keys that come by an include may still be missing, and then
nothing is known about them; any other key that is missing is not there. An XML message tells
fewer things, the same ones always (contract 3.3): of all others nothing is known. What has not
the shape the contract gives it is not known either: hostile content never raises here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from postroom.model import Notification, Noun
from postroom.routing import readings, xml_extent
from postroom.routing.paths import Path
from postroom.vocabulary import INCLUDES

MOST_VALUES = 100_000
"""Values looked at in one place; a message with more there is not decided."""


class Sight(Noun, frozen=True, kw_only=True):
    """What was seen at a path: values, or (no values, no doubt) nothing, or a doubt."""

    values: tuple[str, ...] = ()
    doubt: str | None = None
    """Why it is unknown, in words that end with the remedy if there is one."""
    include: str | None = None
    """The includeData token that would bring it."""


NOTHING = Sight()


class _CustomField(msgspec.Struct):
    name: str
    value: Any = None


class _CustomFields(msgspec.Struct):
    textCustomFields: list[_CustomField] | None = None  # noqa: N815  # Docusign's own word
    listCustomFields: list[_CustomField] | None = None  # noqa: N815  # Docusign's own word


class _MessageData(msgspec.Struct):
    envelopeSummary: dict[str, msgspec.Raw] | None = None  # noqa: N815  # Docusign's own word


class _Message(msgspec.Struct):
    data: _MessageData


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_envelope = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_fields = msgspec.json.Decoder(_CustomFields | None, float_hook=str).decode

_INCLUDE_OF = {key: token for token, keys in reversed(INCLUDES.items()) for key in keys}
"""The include that brings a key of the summary; the first that does, where several do."""
_INCLUDE_INSIDE = {
    ("recipients", "tabs"): "tabs",
    ("envelopeDocuments", "tabs"): "prefill_tabs",
    ("envelopeDocuments", "documentFields"): "document_fields",
    ("envelopeDocuments", "PDFBytes"): "documents",
}
"""Includes that add a key inside what another include brings (contract 3.1)."""

_OBJECTS = {"recipients", "customFields", "sender"}
"""Keys that hold an object, never a list: a list there would hide what it does not hold."""

_Fields = Mapping[str, tuple[str, ...]]


class Content:
    """What one notification says. Not for sharing between threads: it remembers what it decoded."""

    def __init__(self, notification: Notification) -> None:
        self._notification = notification
        self._summaries: list[Mapping[str, msgspec.Raw]] | None = None
        self._keys: dict[str, object] = {}
        self._fields: dict[bool, _Fields | Sight] = {}
        self._seen: dict[str, Sight] = {}

    def look(self, path: Path, *, is_sticky: bool = False) -> Sight:
        """Return what is at a path; `is_sticky` takes the custom fields as first seen."""
        if path.root == "customFields":
            return self._look_at_field(path.segments[0], is_sticky=is_sticky)
        if is_sticky and path.segments[:1] == ("customFields",):
            path_key = f"sticky {path.text}"
        else:
            path_key, is_sticky = path.text, False
        sight = self._seen.get(path_key)
        if sight is None:
            sight = self._look(path, is_sticky=is_sticky)
            if sight == NOTHING and self._notification.is_xml:
                sight = self._missing_in_xml(path)
            self._seen[path_key] = sight
        return sight

    def custom_fields(self, *, is_sticky: bool = False) -> Mapping[str, tuple[str, ...]] | None:
        """Return every custom field's values by its name, or None where they are not known."""
        fields = self._custom_fields(is_sticky=is_sticky)
        return None if isinstance(fields, Sight) else fields

    # --- by root ---

    def _look_at_field(self, name: str, *, is_sticky: bool) -> Sight:
        fields = self._custom_fields(is_sticky=is_sticky)
        if isinstance(fields, Sight):
            return fields
        values = fields.get(name)
        return Sight(values=values) if values else NOTHING

    def _look(self, path: Path, *, is_sticky: bool) -> Sight:
        notification = self._notification
        match path.root:
            case "event":
                return _one(notification.event)
            case "accountId":
                return _one(notification.account_id)
            case "envelopeId":
                return _one(notification.envelope_id)
            case "sender":
                return self._look_at_sender(path)
            case "recipient":
                return self._look_at_recipient(path.segments)
            case _:
                return self._look_at_envelope(path.segments, is_sticky=is_sticky)

    def _look_at_sender(self, path: Path) -> Sight:
        key = path.segments[0]
        if key == "userId" and self._notification.sender_id:
            return _one(self._notification.sender_id)
        found = self._key("sender")
        if isinstance(found, Sight):
            return found if found.doubt else _unseen("the sender")
        sight = _walk(found, ("sender", key))
        if not sight.values:
            return sight if sight.doubt else _unseen(f"the sender's {key}")
        if path.is_identifier:
            return Sight(values=tuple(value.lower() for value in sight.values))
        return sight

    def _look_at_recipient(self, segments: tuple[str, ...]) -> Sight:
        wanted = self._notification.recipient_id
        if wanted is None:
            return NOTHING
        recipients = self._key("recipients")
        if isinstance(recipients, Sight):
            return recipients if recipients.doubt else _unseen(f"recipient {wanted[:40]}")
        if not isinstance(recipients, dict):
            return _malformed("recipients")
        entries = [entry for group in recipients.values() for entry in _flat([group])]
        ours = [
            entry
            for entry in entries
            if isinstance(entry, dict) and readings.value_text(entry.get("recipientId")) == wanted
        ]
        if not ours:
            return _unseen(f"recipient {wanted[:40]}")
        return _walk(ours, ("recipients", *segments))

    def _look_at_envelope(self, segments: tuple[str, ...], *, is_sticky: bool) -> Sight:
        key = segments[0]
        sticky = self._notification.sticky_fields if is_sticky else None
        found = _decoded(key, sticky) if sticky is not None else self._key(key)
        if isinstance(found, Sight):
            return found
        if key in _OBJECTS and not isinstance(found, dict | None):
            return _malformed(key)
        return _walk(found, segments)

    def _missing_in_xml(self, path: Path) -> Sight:
        """Tell what has no value from what the older format cannot tell."""
        is_fetched = any(xml_extent.NEVER_TOLD in source for source in self._sources())
        keys = xml_extent.untold(path, is_fetched=is_fetched)
        if not keys:
            return NOTHING
        return Sight(
            doubt=f"an XML message does not tell {'.'.join(keys)}; set the Connect configuration "
            "to JSON (SIM), or let the envelope be fetched (enrichment)"
        )

    # --- decoding ---

    def _sources(self) -> list[Mapping[str, msgspec.Raw]]:
        """Return the message's summary and the fetched envelope: those there are, in that order."""
        if self._summaries is None:
            fetched = self._notification.enrichment
            both = (_summary(self._notification.body), _envelope(fetched) if fetched else None)
            self._summaries = [summary for summary in both if summary is not None]
        return self._summaries

    def _raw(self, key: str) -> msgspec.Raw | Sight:
        """Return a key of the envelope undecoded, from the message before the fetched one."""
        sources = self._sources()
        for source in sources:
            if key in source:
                return source[key]
        include = _INCLUDE_OF.get(key)
        if not sources:
            wanted = f"the include `{include}`" if include else "any include"
            return Sight(
                doubt=f"the message carries no envelopeSummary; add {wanted} "
                "to the Connect configuration",
                include=include,
            )
        return _not_included(key, include) if include else NOTHING

    def _key(self, key: str) -> object:
        """Return a key of the envelope decoded, or what is known instead as a `Sight`."""
        if key not in self._keys:
            raw = self._raw(key)
            self._keys[key] = raw if isinstance(raw, Sight) else _decoded(key, raw)
        return self._keys[key]

    def _custom_fields(self, *, is_sticky: bool) -> _Fields | Sight:
        sticky = self._notification.sticky_fields if is_sticky else None
        known = self._fields.get(sticky is not None)
        if known is None:
            raw = self._raw("customFields") if sticky is None else sticky
            known = raw if isinstance(raw, Sight) else _fields(raw)
            self._fields[sticky is not None] = known
        return known


def _summary(body: bytes) -> Mapping[str, msgspec.Raw] | None:
    try:
        return _decode_message(body).data.envelopeSummary
    except readings.MALFORMED:
        return None


def _envelope(fetched: bytes) -> Mapping[str, msgspec.Raw] | None:
    try:
        return _decode_envelope(fetched)
    except readings.MALFORMED:
        return None


def _decoded(key: str, raw: bytes | msgspec.Raw) -> object:
    try:
        return readings.read_json(raw)
    except readings.MALFORMED:
        return _malformed(key)


def _fields(raw: bytes | msgspec.Raw) -> _Fields | Sight:
    """Return the values of each custom field; one malformed entry could be any field."""
    try:
        read = _decode_fields(raw)
    except readings.MALFORMED:
        return _malformed("customFields")
    if read is None:
        return {}
    values: dict[str, list[str]] = {}
    for field in (*(read.textCustomFields or ()), *(read.listCustomFields or ())):
        if isinstance(field.value, dict | list):
            return _malformed("customFields")
        text = readings.value_text(field.value)
        if text is not None:
            values.setdefault(field.name, []).append(text)
    return {name: tuple(texts) for name, texts in values.items()}


def _walk(value: object, segments: tuple[str, ...]) -> Sight:
    """Follow the segments after the first, through lists, to texts."""
    here = _flat([value])
    for segment in segments[1:]:
        objects = [item for item in here if isinstance(item, dict)]
        if len(objects) < len(here):
            # A scalar where the path goes on: the message has not the shape we know.
            return _malformed(segments[0])
        here = _flat([item[segment] for item in objects if segment in item])
        include = _INCLUDE_INSIDE.get((segments[0], segment))
        if not here and include and objects:
            return _not_included(f"{segments[0]}.{segment}", include)
    if len(here) > MOST_VALUES:
        return Sight(doubt=f"the message has more than {MOST_VALUES} values there")
    texts = (readings.value_text(item) for item in here)
    return Sight(values=tuple(text for text in texts if text is not None))


def _flat(items: Iterable[object]) -> list[object]:
    """Return the items with lists, however nested, replaced by what is in them; no nulls."""
    flat: list[object] = []
    stack = list(items)[::-1]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif item is not None:
            flat.append(item)
    return flat


def _one(text: str | None) -> Sight:
    return Sight(values=(text,)) if text else NOTHING


def _unseen(what: str) -> Sight:
    return Sight(doubt=f"the message does not carry {what}")


def _malformed(key: str) -> Sight:
    return Sight(doubt=f"the message's {key} cannot be read: it has not the documented shape")


def _not_included(key: str, include: str) -> Sight:
    return Sight(
        doubt=f"the feed does not carry {key}; add the include `{include}` "
        "to the Connect configuration",
        include=include,
    )
