"""A sender with bad intentions: what would keep the server busy, or fill it, is refused."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from msgspec.structs import replace
from tests.flow.office import Office, office

from postroom import observe
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


async def test_a_return_url_that_cannot_stand_in_a_header_is_refused(tmp_path: Path) -> None:
    async with office(tmp_path, offline=True) as desk:
        made = await desk.http.post(f"{ACCOUNT}/envelopes", json=envelope())
        path = f"/envelopes/{made.json()['envelopeId']}/views/recipient"
        for url in (
            "https://x.example/\0",
            "https://x.example/\r\nSet-Cookie: a=b",
            "https://x.example/\N{CJK UNIFIED IDEOGRAPH-65E5}",
            "https://x.example/a b",
            "http://[",
            "https://",
            "https://x.example:99999/",
            "javascript:alert(1)",
        ):
            code = await refused(desk, "POST", path, {"returnUrl": url, "recipientId": "1"})
            assert code == "INVALID_REQUEST_PARAMETER", url


async def test_numbers_are_bounded_however_they_are_padded(tmp_path: Path) -> None:
    async with office(tmp_path, offline=True) as desk:
        made = await desk.http.post(f"{ACCOUNT}/envelopes", json=envelope())
        lock = f"/envelopes/{made.json()['envelopeId']}/lock"
        for seconds in ("0" * 10 + "9" * 5_000, "00000000009999", "1" * 30):
            code = await refused(desk, "POST", lock, {"lockDurationInSeconds": seconds})
            assert code == "INVALID_REQUEST_PARAMETER"


async def test_a_template_is_an_object_of_bounded_depth_and_fullness(tmp_path: Path) -> None:
    deep: Any = "end"
    for _ in range(200):
        deep = {"deeper": deep}
    async with office(tmp_path, offline=True) as desk:
        made = await desk.http.post(f"{ACCOUNT}/templates", json={"name": "NDA"})
        place = f"/templates/{made.json()['templateId']}"
        for body in (None, [1], deep, {"many": [1] * 200_000}):
            if isinstance(body, dict):
                assert await refused(desk, "POST", "/templates", body) == "INVALID_REQUEST_BODY"
            if body is not None:
                assert await refused(desk, "PUT", place, body) == "INVALID_REQUEST_BODY"
        answer = await desk.http.put(f"{ACCOUNT}{place}", content=b"null")
        assert answer.status_code == httpx.codes.BAD_REQUEST


async def test_a_document_is_given_out_as_nothing_a_browser_runs(tmp_path: Path) -> None:
    page = DOCUMENT | {"name": 'a"; b\\', "fileExtension": "html"}
    async with office(tmp_path, offline=True) as desk:
        made = await desk.http.post(f"{ACCOUNT}/envelopes", json=envelope(documents=[page]))
        path = f"{ACCOUNT}/envelopes/{made.json()['envelopeId']}/documents/1"
        headers = (await desk.http.get(path)).headers
        assert headers["content-disposition"] == 'file; filename="a_; b_"; documentid="1"'
        assert headers["content-security-policy"] == "sandbox"
        assert headers["x-content-type-options"] == "nosniff"


async def test_the_log_never_holds_a_signing_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    observe.configure(level="info", form="json")
    async with office(tmp_path, offline=True) as desk:
        made = await desk.http.post(f"{ACCOUNT}/envelopes", json=envelope())
        path = f"{ACCOUNT}/envelopes/{made.json()['envelopeId']}/views/recipient"
        said = {"returnUrl": "https://x.example/", "recipientId": "1"}
        address = (await desk.http.post(path, json=said)).json()["url"]
        # A store that breaks in a way nobody expects, so that the request itself fails.
        monkeypatch.setattr(desk.node.connect, "store", None)
        answer = await desk.http.get(urlsplit(address).path)
        assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    captured = capsys.readouterr()
    logged = captured.out + captured.err
    assert "a request failed" in logged
    assert urlsplit(address).path.removeprefix("/signing/") not in logged


async def test_a_draft_does_not_grow_beyond_bounds_document_by_document(tmp_path: Path) -> None:
    async with office(tmp_path, offline=True) as desk:
        connect = desk.node.connect
        connect.envelope_limits = replace(connect.envelope_limits, documents=3, documents_bytes=25)
        made = await desk.http.post(f"{ACCOUNT}/envelopes", json=envelope(status="created"))
        place = f"/envelopes/{made.json()['envelopeId']}/documents"
        second = {"documents": [DOCUMENT | {"documentId": "2"}]}
        answer = await desk.http.put(f"{ACCOUNT}{place}", json=second)
        assert answer.status_code == httpx.codes.OK, answer.text
        third = {"documents": [DOCUMENT | {"documentId": "3"}]}
        assert await refused(desk, "PUT", place, third) == "DOCUMENT_TOO_LARGE"
        small = DOCUMENT | {"documentBase64": "QQ=="}
        more = {"documents": [small | {"documentId": str(at)} for at in (3, 4)]}
        assert await refused(desk, "PUT", place, more) == "INVALID_REQUEST_PARAMETER"


async def test_who_has_proved_nothing_cannot_have_a_large_body_read(tmp_path: Path) -> None:
    async with office(tmp_path, offline=True) as desk:
        for path in ("/oauth/token", "/oauth/auth", "/signing"):
            answer = await desk.http.post(path, content=b"a=" + b"x" * 1024 * 1024)
            assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE, path
