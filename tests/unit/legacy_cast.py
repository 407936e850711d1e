"""An envelope for the legacy message and the certificate to tell of."""

from typing import Any

from postroom.envelopes.envelope import (
    CustomField,
    Document,
    Envelope,
    Recipient,
    Sender,
    Trace,
)

SECOND = 1_000_000
WINTER = 1_768_461_025_120_000
"""2026-01-15T07:10:25.12Z."""
SUMMER = 1_783_580_400_000_000
"""2026-07-09T07:00:00Z."""
ACCOUNT = "a1000000-0000-4000-8000-000000000001"
ENVELOPE = "e0000000-0000-4000-8000-000000000901"

TABS = {
    "signHereTabs": [{"documentId": "1", "pageNumber": "2", "xPosition": "208", "yPosition": 99.5}],
    "dateSignedTabs": [{"tabLabel": "Date Signed", "value": "1/15/2026", "documentId": 1}],
    "textTabs": [{"tabLabel": "PO", "value": "PO-7781", "documentId": "1", "originalValue": ""}],
    "checkboxTabs": [{"tabLabel": "Terms", "selected": "true"}],
    "radioGroupTabs": [
        {
            "groupName": "Colour",
            "documentId": "1",
            "radios": [{"value": "red", "selected": "false"}, {"value": "blue", "selected": True}],
        }
    ],
    "listTabs": [
        {
            "tabLabel": "Size",
            "value": "M",
            "listItems": [{"text": "S", "value": "S"}, {"text": "M", "value": "M"}],
        }
    ],
    "notarizeTabs": [{"tabLabel": "of a kind that the schema does not know"}],
}


def recipient(number: int = 1, **more: Any) -> Recipient:
    given: dict[str, Any] = {
        "id": str(number),
        "guid": f"b0000000-0000-4000-8000-00000000000{number}",
        "name": f"Signer {number}",
        "email": f"signer{number}@example.com",
        "user_id": f"5f0c1f3e-0000-4000-8000-00000000000{number}",
        "routing_order": number,
    }
    return Recipient(**(given | more))


def signed(number: int = 1, **more: Any) -> Recipient:
    moments = {"sent_at": WINTER, "delivered_at": WINTER + SECOND, "signed_at": WINTER + 2 * SECOND}
    return recipient(number, status="completed", **(moments | more))


def envelope(**more: Any) -> Envelope:
    given: dict[str, Any] = {
        "account_id": ACCOUNT,
        "id": ENVELOPE,
        "sender": Sender(
            user_id="5f0c1f3e-0000-4000-8000-000000000567",
            name="Sam Sender",
            email="sam.sender@example.com",
            ip_address="192.0.2.20",
        ),
        "status": "completed",
        "subject": 'Vertrag „Müller & Söhne" <unterschreiben>',
        "recipients": (signed(1, tabs=TABS), signed(2, role="carbonCopies", signed_at=None)),
        "documents": (Document(id="1", guid="d1", name="agreement.pdf", fields=(("PO", "7"),)),),
        "fields": (
            CustomField(id="3", name="AccountSite", value="demo", is_shown=False),
            CustomField(id="1", name="PO Number", value="PO-7781", is_shown=True),
            CustomField(id="2", name="Region", value="EMEA", kind="list", items=("EMEA", "APAC")),
        ),
        "created_at": WINTER - 60 * SECOND,
        "modified_at": WINTER,
        "status_changed_at": WINTER,
        "sent_at": WINTER,
        "delivered_at": WINTER + SECOND,
        "completed_at": WINTER + 2 * SECOND,
        "trail": (
            Trace(
                at=WINTER,
                user_id="5f0c1f3e-0000-4000-8000-000000000567",
                user_name="Sam Sender",
                action="Sent Invitations",
                message="Sam Sender sent invitations to Signer 1",
                envelope_status="sent",
                ip_address="192.0.2.20",
            ),
        ),
    }
    return Envelope(**(given | more))
