"""Reconcile, on a whole node, against an account that shows whatever a test wants it to."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.acceptance.cast import A1, KA1, account, envelope, envelope_id, signed_headers
from tests.flow.docusign_stub import Said, Stub, said
from tests.flow.office import NOWHERE, Office, office

from postroom.clock import SECOND
from postroom.envelopes import progress, rest_view
from postroom.envelopes.envelope import Envelope
from postroom.envelopes.legacy_xml import envelope_xml
from postroom.envelopes.moments import rest_text
from postroom.envelopes.sim_message import message

HOUR = 3600 * SECOND
SINCE = "2026-03-02T08:00:00Z"
INCLUDE = frozenset({"recipients", "custom_fields"})
EVENTS = ["envelope-sent", "recipient-sent", "envelope-completed", "recipient-completed"]


class Shown:
    """The envelopes an account has, as its list shows them."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.pages = 0
        self.after_page: dict[int, Said] = {}
        """What is answered instead once so many pages were given."""

    def put(self, *envelopes: Envelope) -> None:
        self.envelopes += envelopes

    def __call__(self, path: str, query: dict[str, str]) -> Said:
        assert path == f"/restapi/v2.1/accounts/{A1}/envelopes"
        if self.pages in self.after_page:
            return self.after_page[self.pages]
        self.pages += 1
        start, count = int(query.get("start_position", 0)), int(query["count"])
        chosen = [rest_view.list_view(one, INCLUDE) for one in self._chosen(query)]
        return said(200, {"envelopes": chosen[start : start + count]})

    def _chosen(self, query: dict[str, str]) -> Iterator[Envelope]:
        ids = query.get("envelope_ids", "").split(",")
        for one in sorted(self.envelopes, key=lambda each: each.status_changed_at):
            changed = rest_text(one.status_changed_at)
            if "envelope_ids" in query:
                if one.id in ids:
                    yield one
            elif (
                query["from_date"] <= changed < query.get("to_date", "9")
                and query["status"] in {"any", "sent,delivered"}
                and (query["status"] == "any" or one.status in {"sent", "delivered"})
            ):
                yield one


@pytest.fixture
def shown() -> Shown:
    return Shown()


@pytest.fixture
def stub(shown: Shown) -> Iterator[Stub]:
    one = Stub()
    one.rest = shown
    yield one
    one.close()


@pytest.fixture
async def desk(tmp_path: Path, stub: Stub) -> AsyncIterator[Office]:
    async with office(tmp_path) as opened:
        enrichment = {"base_url": f"{stub.url}/restapi", "token": {"text": "given-token"}}
        await opened.apply(
            {"name": "ERP", "events": EVENTS, "filter": {"customFields.Integration": "ERP"}},
            accounts=[account(A1, "Acme Corp", enrichment=enrichment)],
        )
        yield opened


def state(number: int, event: str, at: int, recipient: str | None = None, **more: Any) -> Envelope:
    """Return E-number as it is once an event happened at a moment."""
    known = envelope(number, Integration="ERP", **more)
    return progress.after(known, event, at=at, recipient_id=recipient)


async def reconcile(desk: Office, *, expect: int = 200, **order: Any) -> Any:
    return await desk.post("/reconcile", {"account": A1, "since": SINCE} | order, expect=expect)


def happened(found: Any) -> set[tuple[str, str, str | None]]:
    return {(one["envelope_id"], one["event"], one["recipient_id"]) for one in found["items"]}


# --- what is missing


async def test_all_that_an_envelope_proves_and_nothing_that_arrived_is_missing(
    desk: Office, shown: Shown
) -> None:
    at = desk.node.clock.now() - HOUR // 2
    shown.put(state(1, "envelope-completed", at))
    await desk.feed(1, "envelope-completed", Integration="ERP")
    found = await reconcile(desk)
    assert happened(found) == {
        (envelope_id(1), "envelope-sent", None),
        (envelope_id(1), "recipient-sent", "1"),
        (envelope_id(1), "recipient-completed", "1"),
    }
    assert found["not_looked_for"] == {"envelope-delivered": 1, "recipient-delivered": 1}
    assert all(one["wanted_by"] == ["ERP"] for one in found["items"])


async def test_a_signer_among_several_is_missed_though_the_envelopes_status_has_not_changed(
    desk: Office, shown: Shown
) -> None:
    now = desk.node.clock.now()
    signed = state(2, "recipient-completed", now - HOUR // 2, "1", signers=2)
    shown.put(replace(signed, status_changed_at=now - 30 * 24 * HOUR))
    found = await reconcile(desk, events=["recipient-completed"])
    assert happened(found) == {(envelope_id(2), "recipient-completed", "1")}


async def test_what_is_younger_than_five_minutes_may_be_on_its_way(
    desk: Office, shown: Shown
) -> None:
    shown.put(state(3, "envelope-completed", desk.node.clock.now() - 200 * SECOND))
    found = await reconcile(desk, events=["envelope-completed"])
    assert (found["envelopes"], found["missing"]) == (1, 0)


async def test_of_a_feed_of_xml_what_arrived_is_known_by_the_guid_of_the_recipient(
    desk: Office, shown: Shown
) -> None:
    at = desk.node.clock.now() - HOUR // 2
    done, other = state(4, "envelope-completed", at), state(5, "envelope-completed", at)
    shown.put(done, other)
    await feed_xml(desk, done)
    found = await reconcile(desk, inject=True)
    assert {one["envelope_id"] for one in found["items"]} == {envelope_id(5)}
    guids = {one["recipient_id"] for one in found["items"] if one["recipient_id"]}
    assert guids == {other.recipients[0].guid}
    await feed_xml(desk, other)
    kept = await desk.get("/notifications", envelope=envelope_id(5))
    made_up = {one["event"] for one in found["items"]}
    assert {one["event"] for one in kept["items"] if one["repeats"]} == made_up


async def feed_xml(desk: Office, one: Envelope) -> None:
    body = envelope_xml(one, at=desk.node.clock.now(), extras=("time_zone",))
    headers = signed_headers([KA1], body) | {"Content-Type": "text/xml"}
    answer = await desk.http.post(f"/connect/{A1}", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


# --- what is made up


async def test_a_genuine_message_half_a_second_later_than_the_account_says_is_a_repeat(
    desk: Office, shown: Shown
) -> None:
    at = desk.node.clock.now() - HOUR // 2
    shown.put(state(6, "envelope-sent", at))
    done = await reconcile(desk, inject=True)
    assert done["injected"] == 2
    assert (await reconcile(desk, inject=True))["missing"] == 0
    for event, later in (("envelope-sent", SECOND // 2), ("envelope-sent", HOUR // 4)):
        body = message(envelope(6, Integration="ERP"), event, at=at + later)
        await desk.http.post("/connect", content=body, headers=signed_headers([KA1], body))
    kept = (await desk.get("/notifications", envelope=envelope_id(6)))["items"]
    assert sorted(one["repeats"] for one in kept if one["event"] == "envelope-sent") == [0, 1]


async def test_who_made_up_what_is_in_the_audit_log(desk: Office, shown: Shown) -> None:
    shown.put(state(7, "envelope-sent", desk.node.clock.now() - HOUR // 2))
    await reconcile(desk)
    assert "reconcile" not in str(await desk.get("/audit"))
    await reconcile(desk, inject=True)
    [ended, begun] = (await desk.get("/audit", limit=2))["items"]
    assert (begun["verb"], ended["verb"]) == ("begin-reconcile", "reconcile")
    assert ended["details"]["injected"] == 2


# --- the account's list


async def test_an_envelope_that_changes_while_the_list_is_read_hides_none(
    desk: Office, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desk.node.clock.now() - HOUR // 2
    shown.put(*(state(n, "envelope-sent", first + n // 2 * SECOND) for n in range(100, 350)))
    given = shown._chosen

    def moving(query: dict[str, str]) -> Iterator[Envelope]:
        yield from given(query)
        if query.get("to_date") is None and shown.pages == 2:
            moved = shown.envelopes.pop(10)
            later = desk.node.clock.now() - 400 * SECOND
            shown.put(state(110, "envelope-completed", later))
            assert moved.id == envelope_id(110)

    monkeypatch.setattr(shown, "_chosen", moving)
    found = await reconcile(desk, events=["envelope-sent"])
    assert (found["envelopes"], found["missing"]) == (250, 250)


async def test_more_envelopes_of_one_moment_than_a_page_holds_are_all_seen(
    desk: Office, shown: Shown
) -> None:
    at = desk.node.clock.now() - HOUR // 2
    shown.put(*(state(number, "envelope-sent", at) for number in range(100, 450)))
    found = await reconcile(desk)
    assert (found["envelopes"], found["missing"], len(found["items"])) == (350, 700, 700)


async def test_where_the_account_wants_a_rest_the_answer_says_until_when(
    desk: Office, shown: Shown
) -> None:
    at = desk.node.clock.now() - HOUR // 2
    shown.put(*(state(number, "envelope-sent", at) for number in range(100, 350)))
    shown.after_page[2] = said(429, Retry_After="600")
    found = await reconcile(desk, events=["envelope-sent"], inject=True)
    assert found["problem"] == (
        "the account's API limit is reached; not before 2026-03-02T09:10:00.000Z"
    )
    assert found["injected"] == found["missing"] == 100


async def test_an_account_that_tells_nothing_is_an_error(desk: Office, shown: Shown) -> None:
    shown.after_page[0] = said(400, {"errorCode": "USER_LACKS_PERMISSIONS"})
    answer = await reconcile(desk, expect=503)
    assert answer["detail"] == "the account answered 400 (USER_LACKS_PERMISSIONS)"


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"envelopes": 7},
        {"envelopes": [7]},
        {"envelopes": [{}]},
        {"envelopes": [{"envelopeId": 7}]},
        {"envelopes": [{"envelopeId": "../accounts"}]},
    ],
)
async def test_what_is_no_list_of_envelopes_is_an_error(
    desk: Office, shown: Shown, answer: Any
) -> None:
    shown.after_page[0] = said(200, answer)
    assert "no list of envelopes" in (await reconcile(desk, expect=503))["detail"]


async def test_an_envelope_of_any_shape_does_no_harm(desk: Office, shown: Shown) -> None:
    moment = rest_text(desk.node.clock.now() - HOUR // 2)
    recipients = [
        {"recipientId": {}, "status": 3},
        4,
        {"recipientId": "9" * 200, "status": "completed", "signedDateTime": moment},
        {"recipientId": "1\x1b[2J", "status": "completed", "signedDateTime": moment},
        {"recipientId": 7, "status": "completed", "signedDateTime": moment},
    ]
    odd = {
        "envelopeId": envelope_id(10).upper(),
        "status": "completed",
        "completedDateTime": moment,
        "recipients": {"signers": recipients, "agents": 7},
        "customFields": [],
        "sender": {"userId": "\x00" * 500},
    }
    shown.after_page[0] = said(200, {"envelopes": [odd]})
    found = await reconcile(desk, events=["recipient-completed"], inject=True)
    assert found["problem"] is None
    assert happened(found) == {(envelope_id(10), "recipient-completed", "7")}


# --- what is odd, and what cannot be asked


async def test_what_arrived_and_the_account_does_not_know_is_named(
    desk: Office, shown: Shown
) -> None:
    known = state(8, "envelope-completed", desk.node.clock.now() - 48 * HOUR)
    shown.put(known)
    for number in (8, 9):
        await desk.feed(number, "envelope-completed", Integration="ERP")
    desk.node.clock.advance_to(desk.node.clock.now() + HOUR)  # type: ignore[attr-defined]  # it is virtual here
    assert (await reconcile(desk))["unknown"] == [envelope_id(9)]


@pytest.mark.parametrize(
    ("order", "said_of_it"),
    [
        ({"since": "yesterday"}, "since: 'yesterday' is not a moment"),
        ({"since": "2026-03-02T08:59:00Z"}, "at least five minutes ago"),
        ({"until": "2026-03-02T07:00:00Z"}, "before until"),
        ({"since": "2025-01-01"}, "row_retention_days"),
        ({"events": ["reminder"]}, "does not prove"),
    ],
)
async def test_what_cannot_be_compared_is_refused_with_the_reason(
    desk: Office, shown: Shown, order: dict[str, Any], said_of_it: str
) -> None:
    assert said_of_it in (await reconcile(desk, expect=422, **order))["detail"]
    assert shown.pages == 0


async def test_an_account_that_nobody_may_ask_is_refused(desk: Office) -> None:
    await desk.apply({"name": "ERP", "url": NOWHERE})
    assert "enrichment" in (await reconcile(desk, expect=409))["detail"]
