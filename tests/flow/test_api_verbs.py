"""Each verb over the API, on a real node: what it answers, and that it did what it says."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, KA1, KA2
from tests.flow.office import Office, office

ERP = {"customFields.Integration": "ERP"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as opened:
        yield opened


async def test_apply_says_what_it_changed_and_a_second_time_nothing(desk: Office) -> None:
    first = await desk.apply({"name": "erp"})
    assert [(one["kind"], one["action"]) for one in first["changes"]] == [
        ("account", "added"),
        ("listener", "added"),
        ("key", "added"),
    ]
    assert (await desk.apply({"name": "erp"}))["changes"] == []
    changed = await desk.apply({"name": "erp", "concurrency": 3})
    assert changed["changes"][0]["fields"] == {"concurrency": [16, 3]}


async def test_a_dry_run_changes_nothing_and_prune_removes_what_is_not_named(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    document = {"accounts": [{"id": A1}]}
    would = await desk.post("/apply", document, dry_run=True, prune=True)
    assert ("listener", "removed") in {(one["kind"], one["action"]) for one in would["changes"]}
    assert len((await desk.get("/listeners"))["items"]) == 1
    await desk.post("/apply", document, prune=True)
    assert (await desk.get("/listeners"))["items"] == []


async def test_a_paused_listener_is_owed_what_comes_until_it_is_resumed(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    assert (await desk.post("/listeners/erp/pause"))["state"] == "paused"
    await desk.node.keeper.refresh()
    desk.node.worker.roster_changed()
    await desk.feed(1)
    await desk.quiet()
    paused = await desk.get("/listeners/erp", account="Acme Corp")
    assert (paused["backlog"]["due"], paused["paused_at"]) == (1, "2026-03-02T09:00:00.000Z")
    resumed = await desk.post("/listeners/erp/resume")
    assert resumed["state"] == "ok"


async def test_a_removed_listener_is_gone_and_what_it_was_owed_is_dismissed(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    await desk.post("/listeners/erp/pause")
    await desk.node.keeper.refresh()
    await desk.feed(1)
    gone = await desk.ask("DELETE", "/listeners/erp")
    assert (gone["name"], gone["backlog"]["due"]) == ("erp", 1)
    await desk.ask("GET", "/listeners/erp", expect=404)
    assert (await desk.get("/deliveries"))["items"][0]["state"] == "dismissed"


async def test_keys_are_told_by_fingerprint_added_once_and_retired(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    added = await desk.post("/keys", {"account": A1, "text": KA2}, expect=201)
    await desk.post("/keys", {"account": A1, "text": KA2}, expect=409)
    listed = await desk.get("/keys", account="Acme Corp")
    assert {one["id"] for one in listed["items"]} >= {added["id"]}
    assert KA1 not in json.dumps(listed)
    assert KA2 not in json.dumps(listed)
    retired = await desk.post(f"/keys/{added['fingerprint']}/retire", at="2026-04-01T00:00:00Z")
    assert retired["retired_at"] == "2026-04-01T00:00:00.000Z"
    assert (await desk.get(f"/accounts/{A1}"))["active_keys"] == 2


async def test_a_notification_is_shown_with_its_message_deliveries_and_repeats(
    desk: Office,
) -> None:
    await desk.apply({"name": "erp"})
    kept = await desk.feed(1)
    assert await desk.feed(1) == kept
    await desk.quiet()
    found = await desk.get(f"/notifications/{kept}")
    assert found["message"]["event"] == "envelope-completed"
    assert [one["listener"] for one in found["deliveries"]] == ["erp"]
    assert len(found["repeats"]) == 1
    assert found["has_body"] is True


async def test_a_list_goes_on_where_the_page_before_ended(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    kept = [await desk.feed(number) for number in range(5)]
    await desk.quiet()
    for path, name in (("/notifications", "id"), ("/deliveries", "notification_id")):
        seen: list[str] = []
        after: dict[str, Any] = {}
        while True:
            page = await desk.get(path, limit=2, **after)
            seen += [one[name] for one in page["items"]]
            if page["next_after"] is None:
                break
            after = {"after": page["next_after"]}
        assert seen == kept[::-1]


async def test_lists_are_narrowed_by_event_envelope_listener_state_and_time(desk: Office) -> None:
    await desk.apply({"name": "erp"}, {"name": "crm", "events": ["envelope-sent"]})
    sent = await desk.feed(1, "envelope-sent")
    await desk.quiet()
    await desk.post("/clock", {"advance_seconds": 60})
    completed = await desk.feed(2)
    await desk.quiet()

    async def ids(path: str, name: str, **query: Any) -> set[str]:
        return {one[name] for one in (await desk.get(path, **query))["items"]}

    assert await ids("/notifications", "id", events="Completed") == {completed}
    assert await ids("/notifications", "id", events=["Completed", "sent"]) == {sent, completed}
    assert await ids("/notifications", "id", **{"from": "2026-03-02T09:01:00Z"}) == {completed}
    assert await ids("/notifications", "id", until="2026-03-02T09:01:00Z") == {sent}
    assert await ids("/deliveries", "notification_id", listener="crm") == {sent}
    assert await ids("/deliveries", "listener", notification=sent) == {"erp", "crm"}
    assert await ids("/deliveries", "state", states=["delivered", "due"]) == set()


async def test_a_delivery_is_shown_with_every_attempt_and_given_up_ones_are_failures(
    desk: Office,
) -> None:
    await desk.apply({"name": "erp"})
    await desk.feed(1)
    await desk.quiet()
    (failure,) = (await desk.get("/failures", listener="erp"))["items"]
    found = await desk.get(f"/deliveries/{failure['id']}")
    assert found["delivery"]["state"] == "given_up"
    assert [one["failure"] for one in found["attempts"]] == ["connect"]


async def test_an_explanation_answers_for_every_listener_or_for_one(desk: Office) -> None:
    await desk.apply({"name": "erp", "filter": ERP}, {"name": "all"})
    kept = await desk.feed(1, Integration="CRM")
    await desk.quiet()
    everyone = await desk.get(f"/notifications/{kept}/explanation")
    outcomes = {one["listener"]: one["outcome"] for one in everyone["listeners"]}
    assert outcomes == {"all": "given_up", "erp": "not_wanted"}
    (one,) = (await desk.get(f"/notifications/{kept}/explanation", listener="erp"))["listeners"]
    assert one["findings"][-1]["seen"] == ["CRM"] or one["findings"][-1]["seen"] == "CRM"


async def test_what_nobody_wanted_is_unclaimed_with_who_nearly_did(desk: Office) -> None:
    await desk.apply({"name": "erp", "filter": ERP})
    kept = await desk.feed(1, Integration="erp ")
    (found,) = (await desk.get("/unclaimed"))["items"]
    assert found["id"] == kept
    assert any("erp" in sentence for sentence in found["near_misses"])


async def test_what_is_held_is_released_once(desk: Office) -> None:
    await desk.apply({"name": "erp", "filter": ERP})
    kept = await desk.feed(1, include=("recipients",))
    (held,) = (await desk.get("/held", listener="erp"))["items"]
    assert held["notification_id"] == kept
    release = {"listener": "erp", "notification": kept, "to": "dismiss"}
    assert await desk.post("/held/release", release) == {"decided": 1}
    assert await desk.post("/held/release", release) == {"decided": 0}
    assert (await desk.get("/held"))["items"] == []


async def test_what_is_crossed_goes_to_the_listener_that_is_named(desk: Office) -> None:
    await desk.apply({"name": "erp", "lane": "write-back"}, {"name": "crm", "lane": "write-back"})
    kept = await desk.feed(1)
    assert {one["listener"] for one in (await desk.get("/crossed"))["items"]} == {"erp", "crm"}
    await desk.post(f"/crossed/{kept}/resolve", {"to": "hr"}, expect=422)
    assert await desk.post(f"/crossed/{kept}/resolve", {"to": "crm"}) == {"decided": 2}
    await desk.quiet()
    states = {one["listener"]: one["state"] for one in (await desk.get("/deliveries"))["items"]}
    assert states["erp"] == "dismissed"
    await desk.post(f"/crossed/{kept}/resolve", {"to": "crm"}, expect=409)


async def test_a_replay_is_counted_dry_then_queued_under_the_same_notification(
    desk: Office,
) -> None:
    await desk.apply({"name": "erp"})
    kept = await desk.feed(1)
    await desk.quiet()
    order = {"listener": "erp", "events": ["completed"], "from": "2026-03-02T08:00:00Z"}
    dry = await desk.post("/replay", order | {"dry_run": True})
    assert (dry["matched"], dry["queued"], dry["replay_id"]) == (1, 1, None)
    assert len((await desk.get("/deliveries"))["items"]) == 1
    done = await desk.post("/replay", order | {"reason": "try again"})
    assert (done["matched"], done["queued"]) == (1, 1)
    again = (await desk.get("/deliveries"))["items"][0]
    assert (again["notification_id"], again["replay"]) == (kept, done["replay_id"])


async def test_a_replay_tells_its_progress_line_by_line_and_its_result_last(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    for number in range(3):
        await desk.feed(number)
    await desk.quiet()
    answer = await desk.http.post(
        "/api/v1/replay", json={"listener": "erp"}, headers={"Accept": "application/x-ndjson"}
    )
    *told, last = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert told == [{"progress": {"looked_at": 3, "queued": 3}}]
    assert last["result"]["queued"] == 3


async def test_a_replay_that_is_refused_is_refused_before_any_line(desk: Office) -> None:
    for order, status in (({}, 422), ({"delivery": 7}, 404)):
        headers = {"Accept": "application/x-ndjson"}
        answer = await desk.http.post("/api/v1/replay", json=order, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


async def test_health_says_what_is_owed_and_what_waits_for_a_person(desk: Office) -> None:
    fresh = await desk.get("/health")
    assert (fresh["state"], fresh["owed"], fresh["in_hand"], fresh["due_now"]) == ("ok", 0, 0, 0)
    await desk.apply({"name": "erp"})
    await desk.feed(1)
    await desk.quiet()
    found = await desk.get("/health")
    assert found["state"] == "attention"
    assert found["failures"] == 1
    assert any("postroom failures" in one for one in found["attention"])


async def test_what_is_owed_is_due_now_only_while_it_may_be_sent(desk: Office) -> None:
    await desk.apply({"name": "erp", "acknowledgement": True, "retry": [60]})
    await desk.feed(1)
    await desk.quiet()
    waiting = await desk.get("/health")
    assert (waiting["owed"], waiting["due_now"]) == (1, 0)
    await desk.post("/clock", {"advance_seconds": 120})
    await desk.quiet()
    assert (await desk.get("/health"))["owed"] == 0


async def test_a_refused_message_and_every_change_are_listed(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    answer = await desk.http.post(
        "/connect", content=b"{}", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 401
    async with asyncio.timeout(20):
        while not (refused := (await desk.get("/rejections"))["items"]):  # noqa: ASYNC110  # seen from outside only
            await asyncio.sleep(0)  # refusals are written a few times a second
    assert refused[0]["reason"]
    audit = (await desk.get("/audit"))["items"]
    assert {"apply", "put-token"} <= {one["verb"] for one in audit}
    assert {one["actor"] for one in audit if one["verb"] == "apply"} == {"admin"}
