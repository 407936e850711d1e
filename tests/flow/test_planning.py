"""Plan, apply of a plan, and diff, on a real node with real traffic."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, A2, KEYS, account
from tests.flow.office import NOWHERE, Office, office

ERP = {"customFields.Integration": "ERP"}
HR = {"customFields.Integration": "HR"}
LANE = "write-back"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as opened:
        yield opened


def document(*listeners: dict[str, Any], **more: Any) -> dict[str, Any]:
    named = [{"account": A1, "url": NOWHERE, "acknowledgement": False} | one for one in listeners]
    return {"accounts": [account(A1, "Acme Corp")], "listeners": named} | more


async def planned(desk: Office, said: dict[str, Any], **more: Any) -> Any:
    return await desk.post("/plan", {"document": said, **more})


def counts(plan: Any) -> dict[str, tuple[int, int, int, int]]:
    return {
        one["listener"]: (
            one["before"],
            one["after"],
            one["gained"]["count"],
            one["lost"]["count"],
        )
        for one in plan["effects"]["listeners"]
    }


async def feed(desk: Office, fields: list[str | None]) -> None:
    for number, value in enumerate(fields, start=1):
        text: dict[str, Any] = {} if value is None else {"Integration": value}
        await desk.feed(number, **text)


async def test_a_plan_tells_gains_and_losses_by_listener_with_examples_and_why(
    desk: Office,
) -> None:
    await desk.apply({"name": "erp"}, {"name": "old"})
    await feed(desk, ["ERP", "erp ", "HR", None])
    said = document({"name": "erp", "filter": ERP}, {"name": "hr", "filter": HR})
    plan = await planned(desk, said, prune=True)
    assert [(one["name"], one["action"]) for one in plan["changes"]] == [
        ("erp", "changed"),
        ("hr", "added"),
        ("old", "removed"),
    ]
    assert counts(plan) == {"erp": (4, 1, 0, 3), "hr": (0, 1, 1, 0), "old": (4, 0, 0, 4)}
    lost = next(one for one in plan["effects"]["listeners"] if one["listener"] == "erp")["lost"]
    assert "erp " in lost["examples"][0]["why"]
    assert plan["effects"]["newly_unclaimed"]["count"] == 2
    assert plan["effects"]["notifications"] == 4
    assert (await desk.get("/listeners"))["items"][0]["filter"] is None, "a plan changes nothing"


async def test_a_plan_does_not_prune_unless_told(desk: Office) -> None:
    await desk.apply({"name": "erp"}, {"name": "old"})
    await feed(desk, ["ERP"])
    plan = await planned(desk, document({"name": "erp", "filter": HR}))
    assert counts(plan) == {"erp": (1, 0, 0, 1), "old": (1, 1, 0, 0)}


async def test_a_plan_tells_what_would_cross_and_what_would_be_held(desk: Office) -> None:
    await desk.apply({"name": "erp", "filter": ERP, "lane": LANE}, {"name": "hr", "lane": LANE})
    await feed(desk, ["HR", "ERP"])
    await desk.feed(3, include=("recipients",))
    plan = await planned(
        desk, document({"name": "erp", "lane": LANE}, {"name": "hr", "filter": HR, "lane": LANE})
    )
    effects = plan["effects"]
    assert counts(plan) == {"erp": (0, 1, 1, 0), "hr": (1, 0, 0, 1)}
    assert effects["newly_crossed"]["count"] == 1
    assert effects["no_longer_crossed"]["count"] == 1
    assert effects["newly_held"]["count"] == 0
    assert effects["newly_crossed"]["examples"][0]["envelope_id"].endswith("0001")
    assert "crossed with" in effects["newly_crossed"]["examples"][0]["why"]


async def test_traffic_outside_the_period_and_of_untouched_accounts_is_not_decided(
    desk: Office,
) -> None:
    await desk.apply({"name": "erp"})
    await feed(desk, ["ERP"])
    changed = document({"name": "erp", "filter": HR})
    later = {"from": "2026-03-03T00:00:00Z"}
    assert (await planned(desk, changed, **later))["effects"]["notifications"] == 0
    assert (await planned(desk, changed, days=1))["effects"]["notifications"] == 1
    other = {"accounts": [{"id": A2, "name": "Acme UK", "keys": [{"text": KEYS[A2]}]}]}
    assert (await planned(desk, other))["effects"]["notifications"] == 0
    await desk.post("/plan", {"document": changed, "days": 1, **later}, expect=422)


async def test_a_plan_that_changes_nothing_asks_no_traffic(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    await feed(desk, ["ERP"])
    plan = await planned(desk, document({"name": "erp"}))
    assert (plan["changes"], plan["effects"]["notifications"]) == ([], 0)


async def test_what_was_planned_is_applied_and_nothing_else(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    said = document({"name": "erp", "filter": ERP})
    plan = await planned(desk, said)
    other = document({"name": "erp", "filter": HR})
    refused = await desk.post("/apply", other, plan=plan["fingerprint"], expect=409)
    assert "plan again" in refused["detail"]
    await desk.post("/apply", said, plan=plan["fingerprint"], prune=True, expect=200)
    assert (await desk.get("/listeners"))["items"][0]["filter"] == ERP
    await desk.post("/apply", said, plan=plan["fingerprint"], expect=409)


async def test_a_plan_is_void_once_the_system_has_changed(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    said = document({"name": "erp", "filter": ERP})
    plan = await planned(desk, said)
    await desk.apply({"name": "hr", "filter": HR})
    await desk.post("/apply", said, plan=plan["fingerprint"], expect=409)


async def test_a_wrong_document_is_refused_with_its_places(desk: Office) -> None:
    said = document({"name": "erp", "filter": {"customFields.Integration": {"equal": "ERP"}}})
    refused = await desk.post("/plan", {"document": said}, expect=422)
    assert refused["problems"][0]["path"][:2] == ["listeners", 0]


async def test_diff_tells_both_directions_and_nothing_once_they_agree(desk: Office) -> None:
    await desk.apply({"name": "erp"}, {"name": "old"})
    said = document({"name": "erp", "filter": ERP}, {"name": "hr"})
    found = await desk.post("/diff", said)
    assert [one["name"] for one in found["only_in_file"]] == ["hr"]
    assert [one["name"] for one in found["only_in_system"]] == ["old"]
    assert [(one["name"], one["fields"]) for one in found["differing"]] == [
        ("erp", {"filter": [None, ERP]})
    ]
    await desk.post("/apply", said, prune=True)
    found = await desk.post("/diff", said)
    assert (found["only_in_file"], found["only_in_system"], found["differing"]) == ([], [], [])


async def test_an_example_that_concerns_many_listeners_says_why_of_a_few(desk: Office) -> None:
    many = [{"name": f"l{number}"} for number in range(40)]
    await desk.apply(*many)
    await desk.feed(1, include=("recipients",), Integration="ERP")
    plan = await planned(desk, document(*({**one, "filter": ERP} for one in many)))
    held = plan["effects"]["newly_held"]
    assert held["count"] == 1
    assert held["examples"][0]["why"].count("held:") == 3
    assert held["examples"][0]["why"].endswith("; and so for 37 more")


async def test_of_several_that_apply_one_plan_at_once_only_the_first_does(
    desk: Office,
) -> None:
    await desk.apply({"name": "erp"})
    said = document({"name": "erp", "filter": ERP})
    plan = (await planned(desk, said))["fingerprint"]
    answers = await asyncio.gather(
        *(desk.http.post("/api/v1/apply", json=said, params={"plan": plan}) for _ in range(4))
    )
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
    assert len((await desk.get("/listeners"))["items"]) == 1
