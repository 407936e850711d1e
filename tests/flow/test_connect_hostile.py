"""A sender with bad intentions: what would keep the server busy, or fill it, is refused."""

from pathlib import Path
from typing import Any

import httpx
from msgspec.structs import replace
from tests.flow.office import Office, office

from postroom.operations.connect import offline

ACCOUNT = f"/restapi/v2.1/accounts/{offline.ACCOUNT_ID}"
DOCUMENT = {
    "documentId": "1",
    "name": "a.txt",
    "fileExtension": "txt",
    "documentBase64": "QSBkb2N1bWVudA==",
}


def envelope(count: int = 1, **more: Any) -> dict[str, Any]:
    signers = [
        {"recipientId": str(at), "name": "Ann Adams", "email": f"ann{at}@example.com"}
        for at in range(1, count + 1)
    ]
    return {
        "status": "sent",
        "emailSubject": "Please sign",
        "documents": [DOCUMENT],
        "recipients": {"signers": signers},
    } | more


async def refused(desk: Office, method: str, path: str, body: Any, *, status: int = 400) -> str:
    """Make a request that must be refused with a status; return Docusign's code for why."""
    answer = await desk.http.request(method, f"{ACCOUNT}{path}", json=body)
    assert answer.status_code == status, answer.text
    return str(answer.json()["errorCode"])


async def test_what_all_recipients_would_be_told_is_bounded(tmp_path: Path) -> None:
    async with office(tmp_path, offline=True) as desk:
        connect = desk.node.connect
        connect.envelope_limits = replace(connect.envelope_limits, told_bytes=200_000)
        assert await refused(desk, "POST", "/envelopes", envelope(60)) == "ENVELOPE_TOO_LARGE"
        known = await desk.get("/notifications")
        assert known["items"] == []
        one_by_one = envelope(60)
        for at, signer in enumerate(one_by_one["recipients"]["signers"], start=1):
            signer["routingOrder"] = str(at)
        answer = await desk.http.post(f"{ACCOUNT}/envelopes", json=one_by_one)
        assert answer.status_code == httpx.codes.CREATED, answer.text
