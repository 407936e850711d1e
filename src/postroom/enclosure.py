"""What a message carries beside the event, looked up when it is sent.

Documents are kept once, with their envelope, and not in every notification; a listener of states
(`aggregate`, `xml`) hears of the envelope as it is at the moment of sending (contract 3.2, 5).
"""

import asyncio
from collections.abc import Set as AbstractSet

import msgspec

from postroom.delivery import reshape
from postroom.delivery.shape import ShapeError
from postroom.delivery.wanted import soap_namespace
from postroom.envelopes import certificate, from_summary, legacy_xml, message, sender_account
from postroom.envelopes.envelope import Document, Envelope
from postroom.model import Account, Enclosure, Listener, Notification
from postroom.storage.port import Store

_ENVELOPE = msgspec.json.Decoder(Envelope)


async def enclose(
    store: Store,
    notification: Notification,
    listener: Listener,
    wanted: AbstractSet[str],
    account: Account | None,
    *,
    now: int,
) -> Enclosure:
    """Return what `wanted` names (`delivery.shape.needs`), as far as it is kept here.

    Raises `UnavailableError` when the store cannot be read now, `ShapeError` where the message of
    a feed tells too little of its envelope.
    """
    fields = sender_account.fields(account) if account and "sender_account" in wanted else ()
    if notification.origin in {"feed", "derived"}:
        xml = _of_feed(notification, listener, fields) if "xml" in wanted else None
        return Enclosure(xml=xml, sender_account=fields)
    envelope = await _envelope(store, notification)
    if envelope is None:
        return Enclosure(sender_account=fields)
    documents = await _documents(store, envelope) if "documents" in wanted else ()
    paper = None
    if "certificate" in wanted:
        paper = await asyncio.to_thread(certificate.certificate_of_completion, envelope, at=now)
    return Enclosure(
        envelope_json=message.aggregate(envelope) if "envelope" in wanted else None,
        documents=tuple((document.id, content) for document, content in documents),
        certificate=paper,
        xml=legacy_xml.envelope_xml(
            envelope,
            at=now,
            extras=listener.extras,
            sender_account=fields,
            documents=documents,
            certificate=paper,
            soap_namespace=soap_namespace(listener),
        )
        if "xml" in wanted
        else None,
        sender_account=fields,
    )


def _of_feed(
    notification: Notification, listener: Listener, fields: tuple[tuple[str, str], ...]
) -> bytes | None:
    """Make XML of a feed's JSON: the state as the event saw it, the same at every attempt."""
    try:
        summary = reshape.whole_summary(notification.body, notification.enrichment)
    except reshape.UNREADABLE as problem:
        raise ShapeError(f"the message cannot be re-shaped: {str(problem)[:200]}") from None
    if summary is None or notification.envelope_id is None:
        return None
    if lacking := from_summary.missing(summary):
        raise ShapeError(
            "format xml tells of what the feed does not carry; add to its Connect configuration:"
            f" {', '.join(lacking)}"
        )
    envelope = from_summary.envelope(
        summary,
        account_id=notification.account_id,
        envelope_id=notification.envelope_id,
        at=notification.occurred_at,
    )
    return legacy_xml.envelope_xml(
        envelope,
        at=notification.occurred_at,
        extras=listener.extras,
        sender_account=fields,
        soap_namespace=soap_namespace(listener),
    )


async def _envelope(store: Store, notification: Notification) -> Envelope | None:
    if notification.envelope_id is None:
        return None
    kept = await store.kept_envelope(notification.account_id, notification.envelope_id)
    return None if kept is None else _ENVELOPE.decode(kept.body)


async def _documents(store: Store, envelope: Envelope) -> tuple[tuple[Document, bytes], ...]:
    """Return the documents as PDF; purged ones are left out."""
    found = []
    for document in envelope.documents:
        held = await store.envelope_document(envelope.account_id, envelope.id, document.id)
        if held is not None:
            pdf = await asyncio.to_thread(certificate.pdf_of, document, held)
            found.append((document, pdf))
    return tuple(found)
