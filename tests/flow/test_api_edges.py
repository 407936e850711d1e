"""The API at its edges: who may ask, and what becomes of input that cannot be used."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.acceptance.cast import A1
from tests.flow.office import TOKEN, Office, office

PROBLEM = {"type", "title", "status", "detail"}
DEEP = b'{"accounts":' + b"[" * 50_000


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edges")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(folder: Path) -> AsyncIterator[Office]:
    """One node for all: nothing here that is refused may change it."""
    async with office(folder) as opened:
        yield opened


async def routes(desk: Office) -> list[tuple[str, str]]:
    document = await desk.get("/openapi.json")
    return [
        (method.upper(), path.replace("{delivery}", "1").replace("{", "").replace("}", ""))
        for path, methods in document["paths"].items()
        for method in methods
    ]


async def test_no_route_answers_without_a_token_that_is_known(desk: Office) -> None:
    asked = await routes(desk)
    assert len(asked) > 25
    for authorization in (None, "Bearer nobody-knows-this-token", f"Basic {TOKEN}", "Bearer "):
        headers = {"Authorization": authorization} if authorization else {}
        async with httpx.AsyncClient(
            transport=desk.http._transport, base_url="http://postroom", headers=headers
        ) as stranger:
            for method, path in asked:
                answer = await stranger.request(method, path)
                assert answer.status_code == httpx.codes.UNAUTHORIZED, (method, path)
                assert answer.headers["www-authenticate"] == "Bearer"
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json().keys() == PROBLEM


async def test_the_openapi_document_is_public_and_names_every_verb_and_its_security(
    desk: Office,
) -> None:
    async with httpx.AsyncClient(
        transport=desk.http._transport, base_url="http://postroom"
    ) as stranger:
        document = (await stranger.get("/api/v1/openapi.json")).json()
    assert document["paths"]["/api/v1/replay"]["post"]["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert all(
        operation["description"]
        for methods in document["paths"].values()
        for operation in methods.values()
    )


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        pytest.param("GET", "/nothing", {}, 404, id="no-such-route"),
        pytest.param("PUT", "/listeners", {}, 405, id="no-such-method"),
        pytest.param("GET", "/accounts/nobody", {}, 404, id="no-such-account"),
        pytest.param("GET", "/listeners/nobody", {}, 404, id="no-such-listener"),
        pytest.param("GET", "/listeners?account=nobody", {}, 404, id="no-such-account-to-narrow"),
        pytest.param("GET", "/notifications/evt_0", {}, 404, id="no-such-notification"),
        pytest.param("GET", "/notifications/evt_0/explanation", {}, 404, id="nothing-to-explain"),
        pytest.param("GET", "/notifications?limit=0", {}, 400, id="limit-too-small"),
        pytest.param("GET", "/notifications?limit=1001", {}, 400, id="limit-too-large"),
        pytest.param("GET", "/notifications?limit=many", {}, 400, id="limit-no-number"),
        pytest.param("GET", "/notifications?after=abc", {}, 422, id="cursor-not-ours"),
        pytest.param("GET", "/notifications?after=" + "9" * 30, {}, 422, id="cursor-too-large"),
        pytest.param("GET", "/notifications?after=" + "9" * 501, {}, 400, id="cursor-too-long"),
        pytest.param("GET", "/notifications?from=yesterday", {}, 422, id="no-moment"),
        pytest.param("GET", "/notifications?account=%ff%00", {}, 404, id="no-text"),
        pytest.param("GET", "/deliveries?states=lost", {}, 422, id="no-such-state"),
        pytest.param("GET", "/deliveries/0", {}, 400, id="delivery-zero"),
        pytest.param("GET", "/deliveries/99999999999999999999", {}, 400, id="beyond-64-bits"),
        pytest.param("GET", "/deliveries/1", {}, 404, id="no-such-delivery"),
        pytest.param("GET", "/deliveries/one", {}, 404, id="delivery-no-number"),
        pytest.param("POST", "/listeners/nobody/pause", {}, 404, id="nobody-to-pause"),
        pytest.param("POST", "/keys/none/retire", {}, 404, id="no-such-key"),
        pytest.param("POST", "/keys", {"json": {"account": "x"}}, 400, id="key-without-text"),
        pytest.param(
            "POST", "/keys", {"json": {"account": "x", "text": "y" * 40}}, 404, id="key-of-nobody"
        ),
        pytest.param("POST", "/apply", {"content": b"{"}, 400, id="broken-json"),
        pytest.param("POST", "/apply", {"content": b"\xff\xfe"}, 400, id="no-utf-8"),
        pytest.param("POST", "/apply", {"content": DEEP}, 400, id="nested-deep"),
        pytest.param("POST", "/apply", {"json": [1]}, 400, id="no-object"),
        pytest.param("POST", "/apply", {"content": b""}, 400, id="no-body"),
        pytest.param("POST", "/apply", {"json": {"acounts": []}}, 422, id="unknown-key"),
        pytest.param("POST", "/replay", {"json": {}}, 422, id="replay-of-everything"),
        pytest.param("POST", "/replay", {"json": {"delivery": 7}}, 404, id="replay-of-nothing"),
        pytest.param(
            "POST", "/replay", {"json": {"delivery": 2**63}}, 400, id="replay-beyond-64-bits"
        ),
        pytest.param(
            "POST",
            "/replay",
            {"json": {"listener": "x", "rate_per_second": 0}},
            422,
            id="replay-at-no-rate",
        ),
        pytest.param("POST", "/replay", {"json": {"lisener": "x"}}, 400, id="replay-misspelt"),
        pytest.param("POST", "/crossed/evt_0/resolve", {"json": {"to": "x"}}, 404, id="not-there"),
        pytest.param(
            "POST", "/held/release", {"json": {"listener": "x", "to": "burn"}}, 400, id="no-choice"
        ),
        pytest.param("POST", "/clock", {"json": {}}, 422, id="clock-nowhere"),
        pytest.param("POST", "/clock", {"json": {"advance_seconds": -1}}, 400, id="clock-back"),
        pytest.param(
            "POST", "/clock", {"json": {"advance_seconds": 1e18}}, 400, id="clock-too-far"
        ),
        pytest.param("POST", "/clock", {"json": {"to": "1999-01-01"}}, 422, id="clock-to-the-past"),
        pytest.param("POST", "/clock", {"json": {"to": "9999-12-31"}}, 422, id="clock-to-the-end"),
    ],
)
async def test_what_cannot_be_used_is_a_problem_that_says_why(
    desk: Office, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    said = await desk.ask(method, path, expect=status, **more)
    assert said.keys() - {"problems"} == PROBLEM
    assert said["status"] == status
    assert said["detail"]
    assert "Traceback" not in str(said)


async def test_a_body_larger_than_two_mebibytes_is_refused(desk: Office) -> None:
    said = await desk.ask("POST", "/apply", content=b" " * (2 * 2**20 + 1), expect=413)
    assert "2 MiB" in said["detail"]


async def test_every_problem_of_a_document_is_told_with_its_place(desk: Office) -> None:
    document = {
        "accounts": [{"id": A1}],
        "listeners": [{"name": "erp", "account": A1, "url": "https://erp.example.com", "filtr": 1}],
        "lane": [],
    }
    said = await desk.post("/apply", document, expect=422)
    places = [tuple(one["path"]) for one in said["problems"]]
    assert sorted(places) == [("lane",), ("listeners", 0, "filtr")]
    assert any("filter" in one["message"] for one in said["problems"])
    assert (await desk.get("/accounts"))["items"] == []


async def test_our_own_fault_is_answered_without_a_word_about_our_inside(
    desk: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken() -> None:
        raise RuntimeError("a detail of the inside")

    monkeypatch.setattr(desk.node.store, "registry", broken)
    said = await desk.ask("GET", "/accounts", expect=500)
    assert "inside" not in str(said)
    shown = capsys.readouterr()
    assert TOKEN not in shown.out + shown.err


async def test_the_machines_clock_cannot_be_moved(tmp_path: Path) -> None:
    async with office(tmp_path, virtual_clock=None) as desk:
        assert (await desk.get("/clock"))["is_virtual"] is False
        said = await desk.post("/clock", {"advance_seconds": 5}, expect=409)
        assert "--virtual-clock" in said["detail"]


async def test_a_virtual_clock_stands_until_it_is_moved(desk: Office) -> None:
    assert (await desk.get("/clock"))["now"] == "2026-03-02T09:00:00.000Z"
    await desk.post("/clock", {"advance_seconds": 90})
    assert (await desk.get("/clock"))["now"] == "2026-03-02T09:01:30.000Z"
    moved = await desk.post("/clock", {"to": "2026-03-02T11:00:00+01:00"})
    assert moved == {"now": "2026-03-02T10:00:00.000Z", "is_virtual": True}
