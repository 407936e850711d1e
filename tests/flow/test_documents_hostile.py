"""Documents and facts that are no use, and huge: refused in bounds, and others are served."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.cast import A1
from tests.flow.office import Office, office
from tests.flow.turns import most_calls_in_one_go

from postroom.operations.document import MOST_PROBLEMS

MANY = 20_000
CALLS = 20_000
STRANGE: dict[str, Any] = {f"key-{number}": 1 for number in range(MANY)}
LISTENERS = {"listeners": [{"name": f"l{n}", "account": A1, "strange": 1} for n in range(MANY)]}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/diff", STRANGE),
        ("/plan", {"document": LISTENERS}),
        ("/advise", {"facts": STRANGE}),
    ],
)
async def test_problems_are_listed_up_to_a_bound_and_the_others_counted(
    desk: Office, path: str, body: Any
) -> None:
    found = (await desk.ask("POST", path, json=body, expect=422))["problems"]
    assert len(found) == MOST_PROBLEMS + 1
    assert "more problems are not listed" in found[-1]["message"]


async def test_facts_are_read_while_others_have_their_turn(desk: Office) -> None:
    asked = desk.ask("POST", "/advise", json={"facts": STRANGE}, expect=422)
    assert 0 < await most_calls_in_one_go(asked) < CALLS


@pytest.mark.parametrize("path", ["/plan", "/diff", "/advise", "/reconcile", "/shadow"])
async def test_a_body_that_is_no_utf_8_is_the_senders_fault(desk: Office, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await desk.http.post(f"/api/v1{path}", content=b'{"\xff": 1}', headers=headers)
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["detail"] == "the body is not UTF-8"
