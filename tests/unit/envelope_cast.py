"""An account, its sender, and definitions that read as the service's own examples do."""

import base64
from collections.abc import Callable
from itertools import count

from postroom.envelopes.definition import Draft, read_definition
from postroom.envelopes.envelope import Sender
from postroom.model import Account, AccountField, Json, User

NOON = 1_768_305_600_000_000
"""2026-01-13T12:00:00Z."""
SENDER = Sender(
    user_id="5f0c1f3e-0000-4000-8000-000000000123",
    name="Sam Sender",
    email="sam@example.com",
    ip_address="192.0.2.10",
)
ANN_ID = "5f0c1f3e-0000-4000-8000-000000000777"
ACCOUNT = Account(
    id="a1000000-0000-4000-8000-000000000001",
    name="Acme",
    users=(User(id=ANN_ID, email="Ann@Example.com"),),
)
ENVELOPE_ID = "e0000000-0000-4000-8000-000000000101"
PDF = base64.b64encode(b"%PDF-1.4 << /Type /Pages >> << /Type /Page >> <</Type/Page>>").decode()
ANN = {"name": "Ann Adams", "email": "ann@example.com", "recipientId": "1", "routingOrder": "1"}


def guids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"f0000000-0000-4000-8000-{next(numbers):012d}"


def document(document_id: str = "1", **more: Json) -> Json:
    return {"documentId": document_id, "name": "a.pdf", "documentBase64": PDF} | more


def definition(**more: Json) -> Json:
    return {
        "emailSubject": "Please sign",
        "documents": [document()],
        "recipients": {"signers": [ANN]},
    } | more


def read(body: Json, *fields: AccountField, **more: Json) -> Draft:
    account = Account(id=ACCOUNT.id, name=ACCOUNT.name, users=ACCOUNT.users, fields=fields)
    return read_definition(
        body,
        account=account,
        sender=SENDER,
        envelope_id=ENVELOPE_ID,
        now=NOON,
        new_guid=guids(),
        **more,
    )
