"""JSON SIM made again: what was asked for stays byte for byte, the rest is left out."""

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

import msgspec

from postroom import vocabulary
from postroom.clock import SECOND
from postroom.model import Notification, Noun

UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)

Raws = dict[str, msgspec.Raw]
_RAWS = msgspec.json.Decoder(Raws)
_LISTS = msgspec.json.Decoder(list[msgspec.Raw])
_LISTS_OF_RAWS = msgspec.json.Decoder(list[Raws])
_OPTIONAL = frozenset(key for keys in vocabulary.INCLUDES.values() for key in keys)
"""The keys of an envelope that are there only where an include asks for them."""
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


_WIRE_ORDER = (
    "event",
    "apiVersion",
    "uri",
    "retryCount",
    "configurationId",
    "generatedDateTime",
    "data",
)
_CERTIFICATE = "certificate"
_CERTIFICATE_ENTRY = {
    "documentId": _CERTIFICATE,
    "name": "Summary",
    "type": "summary",
    "order": "999",
    "display": "inline",
    "includeInDownload": "true",
    "signerMustAcknowledge": "no_interaction",
    "templateRequired": "false",
    "authoritativeCopy": "false",
}


class Marks(Noun, frozen=True, kw_only=True):
    """The numbers by which a message tells its attempt and its configuration (contract 8.8)."""

    retry_count: int
    configuration_id: int


class Additions(Noun, frozen=True, kw_only=True):
    """What is put into an envelope, or hidden, for one listener."""

    hides_void_reason: bool = False
    sender_account: tuple[tuple[str, str], ...] = ()
    """Custom fields as (name, value), for the end of those that are included."""
    documents: tuple[tuple[str, bytes], ...] = ()
    """PDF bytes by document id, for the documents that are included."""
    certificate: bytes | None = None


AS_IT_IS = Additions()


def sim(  # the message, and what a listener wants of it
    body: bytes,
    *,
    enrichment: bytes | None,
    include: tuple[str, ...] | None,
    masks_emails: bool,
    marks: Marks | None = None,
    additions: Additions = AS_IT_IS,
) -> bytes:
    """Return a JSON SIM message with no more than `include` (None: all that is carried).

    An empty `include` gives the minimal message without an envelope summary (contract 3.1),
    unless a certificate is added. `enrichment` (envelope JSON) fills in what was asked for and is
    not carried; being of a later moment than the event, it gives nothing else, except where no
    summary is carried at all. Raises one of `UNREADABLE` if the body is no JSON object.
    """
    message = _RAWS.decode(body)
    inner = _RAWS.decode(message["data"]) if "data" in message else {}
    if include is not None and "data" in message:
        summary = _summary(inner.pop("envelopeSummary", None), enrichment, include, additions)
        if summary is not None:
            inner["envelopeSummary"] = _raw(summary)
        message["data"] = _raw(inner)
    if marks is not None:
        message["retryCount"] = _raw(marks.retry_count)
        message["configurationId"] = _raw(marks.configuration_id)
        message = {key: message[key] for key in _WIRE_ORDER if key in message} | message
    return _masked_json(message, masks_emails=masks_emails)


def derived(notification: Notification) -> bytes:
    """Return the JSON SIM message that an event derived from an XML one would have been.

    Its `envelopeSummary` is what the XML tells. No XML names its configuration, and few the
    sender's id: the one is 0, the other left out where it was not fetched.
    """
    account, envelope = notification.account_id, notification.envelope_id
    inner: dict[str, Any] = {
        "accountId": account,
        "userId": notification.sender_id or _sender_id(notification.enrichment),
        "envelopeId": envelope,
        "recipientId": notification.recipient_id,
    }
    inner = {key: value for key, value in inner.items() if value is not None}
    if notification.enrichment is not None:
        inner["envelopeSummary"] = msgspec.Raw(notification.enrichment)
    return msgspec.json.encode(
        {
            "event": notification.event,
            "apiVersion": "v2.1",
            "uri": f"/restapi/v2.1/accounts/{account}/envelopes/{envelope}",
            "retryCount": 0,
            "configurationId": 0,
            "generatedDateTime": _generated_text(notification.occurred_at),
            "data": inner,
        }
    )


def aggregate(
    envelope: bytes,
    *,
    include: tuple[str, ...] | None,
    masks_emails: bool,
    additions: Additions = AS_IT_IS,
) -> bytes:
    """Return envelope JSON with no more than `include` (None: all), as contract 3.2 has it.

    Raises one of `UNREADABLE` if it is no JSON object.
    """
    carried = _RAWS.decode(envelope)
    kept = carried if include is None else _stripped(carried, include)
    return _masked_json(_added(kept, carried, additions), masks_emails=masks_emails)


def carried_summary(body: bytes, enrichment: bytes | None) -> bytes | None:
    """Return the envelope that a message carries, or else the fetched one; None without either.

    Raises one of `UNREADABLE` if the body is no JSON object.
    """
    message = _RAWS.decode(body)
    inner = _RAWS.decode(message["data"]) if "data" in message else {}
    summary = inner.get("envelopeSummary")
    return enrichment if summary is None else bytes(summary)


def whole_summary(body: bytes, enrichment: bytes | None) -> bytes | None:
    """Return the envelope that a message carries, with what an include adds and only was fetched.

    None where there is neither. Raises one of `UNREADABLE` if the body is no JSON object.
    """
    carried = carried_summary(body, enrichment)
    if carried is None or enrichment is None:
        return carried
    fetched = {k: raw for k, raw in _RAWS.decode(enrichment).items() if k in _OPTIONAL}
    return msgspec.json.encode(fetched | _RAWS.decode(carried))


def _summary(
    carried: msgspec.Raw | None,
    enrichment: bytes | None,
    include: tuple[str, ...],
    additions: Additions,
) -> Raws | None:
    if not include and additions.certificate is None:
        return None
    if carried is None and enrichment is None:
        return None
    fetched = _RAWS.decode(enrichment) if enrichment is not None else {}
    summary = _RAWS.decode(carried) if carried is not None else fetched
    wanted = _wanted(include)
    for key, value in fetched.items():
        if key in wanted:
            summary.setdefault(key, value)
    return _added(_stripped(summary, include), summary, additions)


def _wanted(include: tuple[str, ...]) -> set[str]:
    """Return the optional keys of an envelope that the tokens ask for."""
    wanted = {key for token in include for key in vocabulary.INCLUDES.get(token, ())}
    if set(include) & _INSIDE_RECIPIENTS.keys():
        wanted.add("recipients")
    if set(include) & _INSIDE_DOCUMENTS.keys():
        wanted.add("envelopeDocuments")
    return wanted


def _stripped(summary: Raws, include: tuple[str, ...]) -> Raws:
    """Return an envelope without what was not asked for."""
    wanted = _wanted(include)
    kept = {key: raw for key, raw in summary.items() if key not in _OPTIONAL or key in wanted}
    if "recipients" in kept:
        kept["recipients"] = _recipients(kept["recipients"], _dropped(_INSIDE_RECIPIENTS, include))
    if "envelopeDocuments" in kept:
        kept["envelopeDocuments"] = _documents(
            kept["envelopeDocuments"], _dropped(_INSIDE_DOCUMENTS, include)
        )
    return kept


def _added(kept: Raws, carried: Raws, additions: Additions) -> Raws:
    """Return an envelope with what is added; `carried` is the same before it was stripped."""
    if additions is AS_IT_IS:
        return kept
    made = dict(kept)
    if additions.hides_void_reason:
        made.pop("voidedReason", None)
    if additions.sender_account and "customFields" in made:
        made["customFields"] = _with_fields(made["customFields"], additions.sender_account)
    if additions.documents and "envelopeDocuments" in made:
        made["envelopeDocuments"] = _with_bytes(
            _LISTS_OF_RAWS.decode(made["envelopeDocuments"]), dict(additions.documents)
        )
    if additions.certificate is not None:
        entries = _LISTS_OF_RAWS.decode(made.get("envelopeDocuments", b"[]"))
        if not any(_document_id(entry) == _CERTIFICATE for entry in entries):
            entries.append(_certificate_entry(carried.get("envelopeDocuments")))
        made["envelopeDocuments"] = _with_bytes(entries, {_CERTIFICATE: additions.certificate})
        made = {key: made[key] for key in carried if key in made} | made  # where it stood
    return made


def _with_fields(raw: msgspec.Raw, fields: tuple[tuple[str, str], ...]) -> msgspec.Raw:
    """Return `customFields` with text fields at the end, where they disturb no one's positions."""
    if not _begins(raw, b"{"):
        return raw
    custom = _RAWS.decode(raw)
    carried = custom.get("textCustomFields")
    texts = _LISTS.decode(carried) if _begins(carried, b"[") else []
    for name, value in fields:
        field = {"name": name, "show": "false", "required": "false", "value": value}
        texts.append(_raw(field))
    custom["textCustomFields"] = _raw(texts)
    return _raw(custom)


def _certificate_entry(carried: msgspec.Raw | None) -> Raws:
    """Return the entry of the certificate that a message carries, or one like it."""
    for entry in _LISTS_OF_RAWS.decode(carried) if _begins(carried, b"[") else ():
        if _document_id(entry) == _CERTIFICATE:
            return entry
    return {key: _raw(value) for key, value in _CERTIFICATE_ENTRY.items()}


def _with_bytes(entries: list[Raws], pdfs: Mapping[str, bytes]) -> msgspec.Raw:
    for entry in entries:
        pdf = pdfs.get(_document_id(entry))
        if pdf is not None:
            entry["PDFBytes"] = msgspec.Raw(b'"%b"' % b64encode(pdf))
    return _raw(entries)


def _document_id(entry: Raws) -> str:
    return str(msgspec.json.decode(entry.get("documentId", b'""')))


def _masked_json(made: Raws, *, masks_emails: bool) -> bytes:
    shaped = msgspec.json.encode(made)
    return msgspec.json.encode(_masked(msgspec.json.decode(shaped))) if masks_emails else shaped


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
    if not _begins(raw, b"["):
        return raw
    members = _LISTS_OF_RAWS.decode(raw)
    return _raw([{k: v for k, v in member.items() if k not in drop} for member in members])


def _begins(raw: msgspec.Raw | None, bracket: bytes) -> TypeGuard[msgspec.Raw]:
    return raw is not None and bytes(raw).lstrip().startswith(bracket)


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


def _sender_id(envelope: bytes | None) -> str | None:
    """Return the sender's GUID from an envelope's JSON, where it says one."""
    sender = _RAWS.decode(envelope).get("sender") if envelope is not None else None
    if not _begins(sender, b"{"):
        return None
    said = msgspec.json.decode(_RAWS.decode(sender).get("userId", b"null"))
    return said if isinstance(said, str) else None


def _generated_text(at: int) -> str:
    """Return a moment as `generatedDateTime` has it: UTC, seven fractional digits."""
    whole = datetime.fromtimestamp(at // SECOND, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{at % SECOND:06d}0Z"


def _hidden(found: re.Match[str]) -> str:
    name, _, domain = found[0].partition("@")
    return f"{name[0]}***@{domain}"
