"""JSON SIM made again: what was asked for stays byte for byte, the rest is left out."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from postroom import vocabulary

UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)

Raws = dict[str, msgspec.Raw]
_RAWS = msgspec.json.Decoder(Raws)
_LISTS_OF_RAWS = msgspec.json.Decoder(list[Raws])
_INSIDE_RECIPIENTS = {"tabs": "tabs", "payment_tabs": "paymentTabs"}
_INSIDE_DOCUMENTS = {
    "documents": "PDFBytes",
    "prefill_tabs": "tabs",
    "document_fields": "documentFields",
}
_EMAIL = re.compile(
    r"""(?:[\w.!#$%&'*+/=?^`{|}~-]{1,64}|"[^"@]{1,64}")@[\w-]{1,63}(?:\.[\w-]{1,63})*"""
)
"""Wider than the standard where that hides more: names of any script, hosts without a dot."""
MASKED_DEPTH = 200


def sim(
    body: bytes,
    *,
    enrichment: bytes | None,
    include: tuple[str, ...] | None,
    masks_emails: bool,
) -> bytes:
    """Return a JSON SIM message with no more than `include` (None: all that is carried).

    An empty `include` gives the minimal message without an envelope summary (contract 3.1).
    `enrichment` (envelope JSON) fills in what was asked for and is not carried; being of a later
    moment than the event, it gives nothing else, except where no summary is carried at all.
    Raises one of `UNREADABLE` if the body is no JSON object.
    """
    message = _RAWS.decode(body)
    inner = _RAWS.decode(message["data"]) if "data" in message else {}
    if include is not None and "data" in message:
        summary = _summary(inner.pop("envelopeSummary", None), enrichment, include)
        if summary is not None:
            inner["envelopeSummary"] = summary
        message["data"] = _raw(inner)
    shaped = msgspec.json.encode(message)
    return msgspec.json.encode(_masked(msgspec.json.decode(shaped))) if masks_emails else shaped


def _summary(
    carried: msgspec.Raw | None, enrichment: bytes | None, include: tuple[str, ...]
) -> msgspec.Raw | None:
    if not include:
        return None
    if carried is None and enrichment is None:
        return None
    fetched = _RAWS.decode(enrichment) if enrichment is not None else {}
    summary = _RAWS.decode(carried) if carried is not None else fetched
    wanted = {key for token in include for key in vocabulary.INCLUDES.get(token, ())}
    if set(include) & _INSIDE_RECIPIENTS.keys():
        wanted.add("recipients")
    if set(include) & _INSIDE_DOCUMENTS.keys():
        wanted.add("envelopeDocuments")
    for key, value in fetched.items():
        if key in wanted:
            summary.setdefault(key, value)
    optional = {key for keys in vocabulary.INCLUDES.values() for key in keys}
    kept = {key: raw for key, raw in summary.items() if key not in optional or key in wanted}
    if "recipients" in kept:
        kept["recipients"] = _recipients(kept["recipients"], _dropped(_INSIDE_RECIPIENTS, include))
    if "envelopeDocuments" in kept:
        kept["envelopeDocuments"] = _documents(
            kept["envelopeDocuments"], _dropped(_INSIDE_DOCUMENTS, include)
        )
    return _raw(kept)


def _dropped(inside: Mapping[str, str], include: tuple[str, ...]) -> frozenset[str]:
    kept = {key for token, key in inside.items() if token in include}
    return frozenset(inside.values()) - kept


def _recipients(raw: msgspec.Raw, drop: frozenset[str]) -> msgspec.Raw:
    """Leave tabs out of every recipient; lists without any keep their bytes."""
    if not any(f'"{key}"'.encode() in bytes(raw) for key in drop):
        return raw
    kinds = _RAWS.decode(raw)
    return _raw({kind: _documents(members, drop) for kind, members in kinds.items()})


def _documents(raw: msgspec.Raw, drop: frozenset[str]) -> msgspec.Raw:
    """Leave keys out of every object of a list; what is no such list stays as it is."""
    if not bytes(raw).lstrip().startswith(b"["):
        return raw
    members = _LISTS_OF_RAWS.decode(raw)
    return _raw([{k: v for k, v in member.items() if k not in drop} for member in members])


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _masked(value: Any, depth: int = 0) -> Any:
    """Return a JSON value with every e-mail address hidden but for its first letter."""
    if isinstance(value, str):
        return _EMAIL.sub(_hidden, value) if "@" in value else value
    if depth > MASKED_DEPTH:
        return None  # nothing of Docusign's is nested so: better hidden than shown
    if isinstance(value, list):
        return [_masked(one, depth + 1) for one in value]
    if isinstance(value, dict):
        return {key: _masked(one, depth + 1) for key, one in value.items()}
    return value


def _hidden(found: re.Match[str]) -> str:
    name, _, domain = found[0].partition("@")
    return f"{name[0]}***@{domain}"
