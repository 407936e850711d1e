"""Long answers leave the loop to others: the same process takes in and delivers meanwhile."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from tests.acceptance.cast import A1, account, envelope_id
from tests.flow.office import NOWHERE, Office, office

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
    calls = most = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    async def take_turns() -> None:
        nonlocal calls, most
        while True:
            calls = 0
            await asyncio.sleep(0)
            most = max(most, calls)

    others = asyncio.create_task(take_turns())
    sys.setprofile(count)  # of this thread alone
    try:
        await VERBS[verb](desk)
    finally:
        sys.setprofile(None)
        others.cancel()
    assert 0 < max(most, calls) < CALLS
