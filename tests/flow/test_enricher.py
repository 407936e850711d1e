"""The enricher on a whole node: what it fetches is decided by, and what fails is said to people."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, account, envelope_id
from tests.flow.docusign_stub import INTEGRATION, PRIVATE, USER, Stub, said
from tests.flow.office import Office, office

from postroom.clock import SECOND, VirtualClock

FIELDS = {"customFields": {"textCustomFields": [{"name": "Integration", "value": "ERP"}]}}


@pytest.fixture
def stub() -> Iterator[Stub]:
    one = Stub()
    one.rest = lambda _path, _query: said(200, FIELDS)
    yield one
    one.close()


@pytest.fixture
async def desk(tmp_path: Path, stub: Stub) -> AsyncIterator[Office]:
    async with office(tmp_path) as opened:
        await apply(opened, stub)
        yield opened


async def apply(desk: Office, stub: Stub, **more: Any) -> Any:
    jwt = {
        "integration_key": INTEGRATION,
        "user_id": USER,
        "private_key": {"text": PRIVATE},
        "oauth_base": stub.url,
    }
    enrichment = {"base_url": f"{stub.url}/restapi", "jwt": jwt | more}
    return await desk.apply(
        {"name": "ERP", "filter": {"customFields.Integration": "ERP"}},
        accounts=[account(A1, "Acme Corp", enrichment=enrichment)],
    )


async def feed_held(desk: Office, number: int) -> str:
    """Feed an event whose fields the feed leaves out."""
    return await desk.feed(number, include=("recipients",))


async def reasons(desk: Office) -> dict[str, str]:
    held = (await desk.get("/held"))["items"]
    return {one["envelope_id"]: one["reason"] for one in held}


async def attention(desk: Office) -> str:
    found = (await desk.get("/health"))["attention"]
    return "\n".join(one for one in found if "enrichment" in one)


def pass_time(desk: Office, seconds: int) -> None:
    clock = desk.node.clock
    assert isinstance(clock, VirtualClock)
    clock.advance_to(clock.now() + seconds * SECOND)


async def test_one_answer_decides_every_notification_of_an_envelope(
    desk: Office, stub: Stub
) -> None:
    await feed_held(desk, 1)
    await desk.feed(1, "envelope-sent", include=("recipients",))
    await desk.node.enricher.work()
    assert await reasons(desk) == {}
    assert len(stub.asked) == 1


async def test_a_rest_that_the_account_wants_is_told_with_its_end_and_kept_to(
    desk: Office, stub: Stub
) -> None:
    stub.rest = lambda _path, _query: said(429, Retry_After="600")
    for number in (1, 2):
        await feed_held(desk, number)
    await desk.node.enricher.work()
    for reason in (await reasons(desk)).values():
        assert "it cannot be fetched: the account's API limit is reached" in reason
    told = await attention(desk)
    assert "enrichment of Acme Corp: the account's API limit is reached" in told
    assert "not asked again before 2026-03-02T09:10:00.000Z" in told
    pass_time(desk, 599)
    await desk.node.enricher.work()
    assert len(stub.asked) == 1
    stub.rest = lambda _path, _query: said(200, FIELDS)
    pass_time(desk, 6)
    await desk.node.enricher.work()
    assert await reasons(desk) == {}
    assert await attention(desk) == ""


async def test_a_missing_consent_is_told_with_the_address_to_open(desk: Office, stub: Stub) -> None:
    stub.token = lambda: said(400, {"error": "consent_required"})
    await feed_held(desk, 1)
    await desk.node.enricher.work()
    assert f"{stub.url}/oauth/auth?response_type=code" in await attention(desk)
    assert "consent_required" in (await reasons(desk))[envelope_id(1)]


async def test_an_envelope_that_the_account_does_not_know_keeps_no_other_waiting(
    desk: Office, stub: Stub
) -> None:
    stub.rest = lambda path, _query: said(404 if path.endswith(envelope_id(1)) else 200, FIELDS)
    for number in (1, 2):
        await feed_held(desk, number)
    await desk.node.enricher.work()
    [(envelope, reason)] = (await reasons(desk)).items()
    assert envelope == envelope_id(1)
    assert reason.endswith("it cannot be fetched: the account does not know this envelope")
    assert "envelopes that cannot be fetched: 1;" in await attention(desk)


async def test_what_a_person_has_released_is_no_failure_any_more(desk: Office, stub: Stub) -> None:
    stub.rest = lambda _path, _query: said(404)
    await feed_held(desk, 1)
    await desk.node.enricher.work()
    await desk.post("/held/release", {"listener": "ERP", "to": "dismiss"})
    await desk.node.enricher.work()
    assert await attention(desk) == ""


async def test_an_account_applied_anew_is_asked_at_once(desk: Office, stub: Stub) -> None:
    stub.token = lambda: said(400, {"error": "invalid_grant"})
    await feed_held(desk, 1)
    await desk.node.enricher.work()
    assert await attention(desk) != ""
    stub.token = lambda: said(200, {"access_token": "good"})
    await apply(desk, stub, user_id="5f0c1f3e-0000-4000-8000-000000000568")
    await desk.node.enricher.work()
    assert await reasons(desk) == {}
    assert await attention(desk) == ""


async def test_without_enrichment_nobody_is_asked(desk: Office, stub: Stub) -> None:
    await desk.apply({"name": "ERP", "filter": {"customFields.Integration": "ERP"}})
    await feed_held(desk, 1)
    await desk.node.enricher.work()
    assert (stub.asked, stub.assertions) == ([], [])
    assert "cannot be fetched" not in (await reasons(desk))[envelope_id(1)]


async def test_what_failed_is_known_after_a_new_start(tmp_path: Path, stub: Stub) -> None:
    stub.rest = lambda _path, _query: said(429, Retry_After="600")
    async with office(tmp_path) as desk:
        await apply(desk, stub)
        await feed_held(desk, 1)
        await desk.node.enricher.work()
    async with office(tmp_path) as desk:
        assert "limit is reached" in await attention(desk)
        await desk.node.enricher.work()
    assert len(stub.asked) == 1
