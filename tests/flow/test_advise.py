"""Advice over the API, on a real node: by facts, by traffic, and with nothing to go by."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.acceptance.cast import A1
from tests.flow.office import Office, office
from tests.unit.advice_cast import MAIN, document, integration


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as opened:
        yield opened


async def test_advice_by_facts_changes_nothing_and_names_every_file(desk: Office) -> None:
    told = document(integration("crm", "crm@example.com"), integration("erp", "erp@example.com"))
    advised = await desk.post("/advise", {"facts": told})
    assert [one["options"] for one in advised["advice"]["recommendations"]] == [[4], [4]]
    assert advised["traffic"] is None
    assert [one["name"] for one in advised["files"]["connect"]["listeners"]] == ["crm", "erp"]
    assert (await desk.get("/listeners"))["items"] == []
    assert [one["verb"] for one in (await desk.get("/audit"))["items"]] == ["put-token"]


async def test_a_wrong_fact_is_refused_with_its_place_in_the_facts(desk: Office) -> None:
    told = document(integration("crm", url="nowhere"))
    refused = await desk.post("/advise", {"facts": told}, expect=422)
    assert [one["path"] for one in refused["problems"]] == [["integrations", 0, "url"]]


@pytest.mark.parametrize("question", [{}, {"facts": None, "days": 3}])
async def test_without_facts_and_without_traffic_there_is_nothing_to_go_by(
    desk: Office, question: dict[str, object]
) -> None:
    refused = await desk.post("/advise", question, expect=422)
    assert "tell the facts" in refused["detail"]


async def test_facts_that_are_no_mapping_are_told_what_to_start_with(desk: Office) -> None:
    refused = await desk.post("/advise", {"facts": ["crm"]}, expect=422)
    assert "start with accounts:" in refused["problems"][0]["message"]


@pytest.mark.parametrize("question", [{"days": 0}, {"days": 99999}, {"fact": {}}])
async def test_what_is_no_question_is_refused(desk: Office, question: dict[str, object]) -> None:
    refused = await desk.post("/advise", {"from_traffic": True} | question, expect=400)
    assert refused["problems"]


async def test_traffic_without_listeners_says_what_to_do(desk: Office) -> None:
    refused = await desk.post("/advise", {"from_traffic": True}, expect=422)
    assert "no listeners to advise about" in refused["detail"]


async def test_traffic_of_accounts_that_nobody_asked_about_is_not_told(desk: Office) -> None:
    await desk.apply({"name": "erp"})
    for number in (1, 2, 3):
        await desk.feed(number)
    await desk.quiet()
    mine = document(integration("erp"), accounts=({"id": A1, "name": "Acme Corp"},))
    seen = (await desk.post("/advise", {"facts": mine, "from_traffic": True}))["traffic"]
    assert (seen["envelopes"], seen["is_cut"]) == (3, False)
    elsewhere = MAIN | {"id": A1.replace("a1", "b1")}
    other = document(integration("erp"), accounts=(elsewhere,))
    seen = (await desk.post("/advise", {"facts": other, "from_traffic": True}))["traffic"]
    assert (seen["envelopes"], seen["coverage"]) == (0, [])
