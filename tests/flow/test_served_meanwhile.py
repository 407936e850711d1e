"""Long answers leave the loop to others: the same process takes in and delivers meanwhile."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, account, envelope_id
from tests.flow.office import NOWHERE, Office, office
from tests.flow.turns import most_calls_in_one_go

LISTENERS = 1000
CALLS = 10_000
"""Functions called in one go: some milliseconds. All that is asked here calls many times more."""
CHANGED = {"customFields.Integration": "Another"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as opened:
        await opened.post("/apply", document())
        await opened.node.keeper.refresh()
        yield opened


def document(last: Any = None) -> dict[str, Any]:
    listeners = [
        {
            "name": f"listener-{number}",
            "account": A1,
            "url": NOWHERE,
            "filter": {"customFields.Integration": f"Integration {number}"},
        }
        for number in range(LISTENERS)
    ]
    listeners[-1]["filter"] = last or listeners[-1]["filter"]
    return {"accounts": [account(A1, "Acme Corp")], "listeners": listeners}


async def explained(desk: Office) -> Any:
    return await desk.get(f"/notifications/{await desk.feed(1)}/explanation")


async def explained_envelope(desk: Office) -> Any:
    await desk.feed(1)
    return await desk.get(f"/envelopes/{envelope_id(1)}/explanation")


VERBS: dict[str, Callable[[Office], Awaitable[Any]]] = {
    "plan": lambda desk: desk.post("/plan", {"document": document(CHANGED)}),
    "diff": lambda desk: desk.post("/diff", document(CHANGED)),
    "apply": lambda desk: desk.post("/apply", document(CHANGED), dry_run=True),
    "export": lambda desk: desk.get("/export"),
    "explain": explained,
    "explain --envelope": explained_envelope,
}


@pytest.mark.parametrize("verb", VERBS)
async def test_others_have_their_turn_meanwhile(desk: Office, verb: str) -> None:
    assert 0 < await most_calls_in_one_go(VERBS[verb](desk)) < CALLS


async def test_others_have_their_turn_while_the_rivals_of_a_crowded_lane_are_explained(
    desk: Office,
) -> None:
    named = [
        {"name": f"rival-{number}", "account": A1, "url": NOWHERE, "lane": "one"}
        for number in range(100)
    ]
    await desk.post("/apply", {"listeners": named})
    await desk.node.keeper.refresh()
    assert 0 < await most_calls_in_one_go(explained(desk)) < CALLS
