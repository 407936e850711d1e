"""What a message carries beside the event, looked up when it is sent.

Documents are kept once, with their envelope, and not in every notification; a listener of states
(`aggregate`, `xml`) hears of the envelope as it is at the moment of sending (contract 3.2, 5).
"""

import asyncio
from collections.abc import Set as AbstractSet

import msgspec

from postroom.delivery.wanted import soap_namespace
from postroom.envelopes import certificate, legacy_xml, message, sender_account
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

    Raises `UnavailableError` when the store cannot be read now.
    """
    fields = sender_account.fields(account) if account and "sender_account" in wanted else ()
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
