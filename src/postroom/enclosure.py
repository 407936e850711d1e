"""What a message carries beside the event, looked up when it is sent.

Documents are kept once, with their envelope, and not in every notification; a listener of states
(`aggregate`, `xml`) hears of the envelope as it is at the moment of sending (contract 3.2, 5).
"""

import msgspec

from postroom.delivery.shape import needs
from postroom.envelopes import certificate, legacy_xml, message
from postroom.envelopes.envelope import Document, Envelope
from postroom.model import Enclosure, Lease, Listener
from postroom.storage.port import Store

_ENVELOPE = msgspec.json.Decoder(Envelope)


async def enclose(store: Store, lease: Lease, listener: Listener, *, now: int) -> Enclosure | None:
    """Return what `listener` needs beside the notification, or None where it needs nothing.

    Raises `UnavailableError` when the store cannot be read now.
    """
    notification = lease.notification
    wanted = needs(listener, notification)
    if not wanted or notification.envelope_id is None:
        return None
    kept = await store.kept_envelope(notification.account_id, notification.envelope_id)
    if kept is None:
        return None
    envelope = _ENVELOPE.decode(kept.body)
    documents: list[tuple[Document, bytes]] = []
    if "documents" in wanted:
        for document in envelope.documents:
            held = await store.envelope_document(envelope.account_id, envelope.id, document.id)
            if held is not None:
                documents.append((document, held))
    made = (
        certificate.certificate_of_completion(envelope, at=now) if "certificate" in wanted else None
    )
    return Enclosure(
        envelope_json=message.aggregate(envelope) if "envelope" in wanted else None,
        documents=tuple((document.id, held) for document, held in documents),
        certificate=made,
        xml=legacy_xml.envelope_xml(
            envelope,
            at=now,
            extras=listener.extras,
            documents=documents,
            certificate=made,
        )
        if "xml" in wanted
        else None,
    )
