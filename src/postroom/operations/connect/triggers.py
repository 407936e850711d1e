"""What a configuration of either level asks for: which events, in what form, with what inside."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from postroom import vocabulary
from postroom.errors import DocusignError
from postroom.model import Json, Noun
from postroom.operations.connect.listener_url import refusal
from postroom.operations.connect.requests import MAX_LISTED, keys_of, text_of, texts_of
from postroom.vocabulary import Kind

Format = Literal["sim", "aggregate", "xml"]

KINDS: dict[str, Kind | None] = {
    "envelopeEvents": "envelope",
    "recipientEvents": "recipient",
    "events": None,
}
"""The three lists of events, in the order they are read, and whose events each names."""

_MODES = {"": "", "sim": "sim", "aggregate": "aggregate"}
_VERSIONS = {"": "", "legacy": "legacy", "restv2.1": "restv2.1"}


class Trigger(Noun, frozen=True, kw_only=True):
    """One event of a configuration."""

    spelt: str
    """As given."""
    kind: Kind | None
    """Of which list it was; None for `events`."""
    event: str
    """The SIM name, or the given one in lower case where it is outside the vocabulary."""
    has_documents: bool = False
    """Whether its own `includeDocuments` asks for the documents."""


class EventData(Noun, frozen=True, kw_only=True):
    """The object `eventData`, read."""

    version: str = ""
    format: str = ""
    include: tuple[str, ...] = ()
    """As given."""


def of_list(said: Mapping[str, Any], key: str, warnings: list[str]) -> tuple[Trigger, ...]:
    """Return the triggers of one of the lists in `KINDS`.

    Both shapes of contract 8.3 are read: texts, and objects with a status code.
    """
    kind, value = KINDS[key], said.get(key.lower())
    if isinstance(value, list):
        if len(value) > MAX_LISTED:
            raise refusal(f"{key} has more than {MAX_LISTED} entries; send fewer.")
        entries = [_entry(one, key, kind) for one in value]
    else:
        entries = [(text, False) for text in texts_of(said, key)]
    return tuple(
        Trigger(spelt=text, kind=kind, event=event, has_documents=has_documents)
        for text, has_documents in entries
        if (event := _event(text, kind, key, warnings))
    )


def _entry(entry: Json, key: str, kind: Kind | None) -> tuple[str, bool]:
    if isinstance(entry, str):
        return entry, False
    if not isinstance(entry, Mapping):
        raise DocusignError("INVALID_REQUEST_BODY", f"{key} has an entry that names no event.")
    said = keys_of(entry)
    code = text_of(said, f"{kind or 'envelope'}EventStatusCode")
    return code, text_of(said, "includeDocuments").lower() == "true"


def _event(text: str, kind: Kind | None, key: str, warnings: list[str]) -> str:
    name = text.strip()
    known = vocabulary.canonical(name, kind)
    if known is not None:
        return known
    shown = name[: vocabulary.MAX_CHARACTERS]
    meant = vocabulary.suggest(name)
    hint = f"; did you mean {meant}?" if meant else ""
    warnings.append(f"{key}: {shown!r} is not a known event{hint}")
    # Outside the vocabulary it may be new: a feed that brings it is believed.
    return shown.lower() if kind is None or not shown else f"{kind}-{shown.lower()}"


def event_data(value: Json, warnings: list[str]) -> EventData:
    """Read `eventData`; what is odd about it is warned of."""
    if value is None:
        return EventData()
    said = keys_of(value)
    read = EventData(
        version=text_of(said, "version"),
        format=text_of(said, "format"),
        include=texts_of(said, "includeData"),
    )
    if read.format.lower() not in {"", "json", "xml"}:
        warnings.append(f"eventData.format: {read.format[:40]!r} is neither json nor xml")
    if read.format.lower() == "xml" and read.version.lower() == "restv2.1":
        warnings.append("eventData.format: xml is reserved for restv2.1; JSON is sent")
    warnings += _odd_tokens(read.include)
    return read


def _odd_tokens(tokens: tuple[str, ...]) -> Iterator[str]:
    for token in tokens:
        if token.lower() not in vocabulary.INCLUDES:
            close = difflib.get_close_matches(token[:40].lower(), vocabulary.INCLUDES, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            yield f"eventData.includeData: {token[:40]!r} adds nothing{hint}"


def included(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Return includeData tokens as a listener has them: known, lower case, each once."""
    lowered = dict.fromkeys(token.lower() for token in tokens)
    return tuple(token for token in lowered if token in vocabulary.INCLUDES)


def format_of(mode: str, version: str, *, empty_mode: str) -> Format:
    """Return the message model that `deliveryMode` and `eventData.version` ask for.

    An explicit `legacy` is XML in either mode, as XML SIM is retired; so is aggregate without a
    version (contract 1.1). `empty_mode` is what a mode not given means.
    Raises `DocusignError` for words that are neither.
    """
    chosen_version = _VERSIONS.get(version.strip().lower())
    if chosen_version is None:
        raise refusal("eventData.version is restv2.1 or legacy; choose one.")
    chosen = _MODES.get(mode.strip().lower())
    if chosen is None:
        raise refusal("deliveryMode is SIM or Aggregate; choose one.")
    if chosen_version == "legacy":
        return "xml"
    if (chosen or empty_mode.lower()) == "sim":
        return "sim"
    return "aggregate" if chosen_version == "restv2.1" else "xml"
