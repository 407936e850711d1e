"""Who plays in the scenarios: accounts, users, keys and envelopes, under the names they have there.

Keys are ASCII ending in "=" and are used as text, never base64-decoded (contract 4).
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from postroom.envelopes.sim_envelope import SimEnvelope, SimRecipient, SimSender

A1 = "a1000000-0000-4000-8000-000000000001"
A2 = "a2000000-0000-4000-8000-000000000002"
A3 = "a3000000-0000-4000-8000-000000000003"
A9 = "a9000000-0000-4000-8000-000000000009"

KA1 = "test-key-of-acme-corp-main-account-01="
KA2 = "test-key-of-acme-uk-sub-account-00002="
KA3 = "test-key-of-acme-wholesale-account-03="
KA9 = "test-key-of-an-account-not-registered="
KEYS = {A1: KA1, A2: KA2, A3: KA3, A9: KA9}


def _user(digits: str, name: str, email: str) -> SimSender:
    return SimSender(user_id=f"5f0c1f3e-0000-4000-8000-{digits:0>12}", name=name, email=email)


U123 = _user("123", "Salesforce service", "svc-salesforce@example.com")
U567 = _user("567", "ERP service", "svc-erp@example.com")
U600 = _user("600", "HR service", "svc-hr@example.com")
ALICE = _user("a11ce", "Alice Almeida", "alice@example.com")
BOB = _user("b0b", "Bob Bauer", "bob@example.com")
USERS = [{"id": user.user_id, "email": user.email} for user in (U123, U567, U600, ALICE, BOB)]


def envelope_id(number: int) -> str:
    """Return the id of E-NNN."""
    return f"e0000000-0000-4000-8000-{number:012d}"


def envelope(
    number: int,
    *,
    account: str = A1,
    sender: SimSender = ALICE,
    signers: int = 1,
    list_fields: tuple[tuple[str, str], ...] = (),
    **text_fields: str,
) -> SimEnvelope:
    """Return E-NNN with signers one after the other; keyword arguments are its text fields."""
    recipients = tuple(
        SimRecipient(
            id=str(order),
            name=f"Signer {order}",
            email=f"signer{order}.e{number}@example.com",
            routing_order=order,
        )
        for order in range(1, signers + 1)
    )
    return SimEnvelope(
        account_id=account,
        id=envelope_id(number),
        sender=sender,
        subject=f"Please sign: E-{number}",
        text_fields=tuple(text_fields.items()),
        list_fields=list_fields,
        recipients=recipients,
    )


def docusign_signature(key: str, body: bytes) -> str:
    """Sign as Docusign does; written out here so that it does not lean on what it tests."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def signed_headers(keys: Sequence[str], body: bytes) -> dict[str, str]:
    """Return the headers of a signed JSON message: one signature for each key, in order."""
    signatures = {
        f"X-DocuSign-Signature-{number}": docusign_signature(key, body)
        for number, key in enumerate(keys, start=1)
    }
    return {
        "Content-Type": "application/json; charset=utf-8",
        "X-Authorization-Digest": "HMACSHA256",
        **signatures,
    }


def account(id_: str, name: str, **more: Any) -> dict[str, Any]:
    """Return an account as `connect.yaml` spells it, with its one key and the users of A1."""
    return {"id": id_, "name": name, "keys": [{"text": KEYS[id_]}], "users": USERS} | more
