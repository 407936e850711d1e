"""A message and a lease on its delivery, for the tests of what goes on the wire."""

import json
from typing import Any

from postroom.clock import SECOND
from postroom.model import Lease, Notification

NOW = 1_772_000_000 * SECOND
KEYS = ["first-key=", "second-key="]
SUMMARY = {
    "status": "completed",
    "emailSubject": "For bob@example.com",
    "sender": {"userName": "Alice", "email": "alice@example.com"},
    "customFields": {"textCustomFields": [{"name": "PO", "value": "7"}]},
    "recipients": {
        "signers": [{"email": "s@example.com", "recipientId": "1", "tabs": {"textTabs": []}}],
        "recipientCount": "1",
    },
    "envelopeDocuments": [{"documentId": "1", "name": "a.pdf", "PDFBytes": "JVBERi0="}],
}


def message(summary: Any = SUMMARY) -> bytes:
    inner = {"accountId": "a", "envelopeId": "e"}
    if summary is not None:
        inner["envelopeSummary"] = summary
    return json.dumps(
        {"event": "envelope-completed", "retryCount": 0, "data": inner}, separators=(",", ":")
    ).encode()


def lease(body: bytes, **more: Any) -> Lease:
    asked = ("enrichment", "content_type", "origin")
    noted = {key: more.pop(key) for key in asked if key in more}
    notification = Notification(
        id="evt_1",
        account_id="a",
        envelope_id="e",
        event=more.pop("event", "envelope-completed"),
        recipient_id=None,
        sender_id=None,
        occurred_at=NOW,
        received_at=NOW,
        body=body,
        **noted,
    )
    given_ = {"delivery_id": 1, "listener_id": 1, "token": 1, "leased_until": NOW, "attempt": 2}
    return Lease(notification=notification, **(given_ | more))
