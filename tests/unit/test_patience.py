"""Recurring work: what one turn of it may do, and what is told of it."""

import pytest
from structlog.testing import capture_logs

from postroom.errors import InvalidInputError, PostroomError, UnavailableError
from postroom.workers.patience import Patience


class Work:
    def __init__(self, *turns: Exception | None) -> None:
        self._turns = list(turns)

    async def turn(self) -> None:
        if (problem := self._turns.pop(0)) is not None:
            raise problem


async def told_of(*turns: Exception | None) -> list[str]:
    patience, work = Patience("roster"), Work(*turns)
    with capture_logs() as lines:
        for _ in turns:
            await patience.do(work.turn)
    assert all(one["work"] == "roster" for one in lines)
    return [str(one["event"]) for one in lines]


AWAY = UnavailableError("away")


async def test_trouble_is_told_when_it_begins_and_when_it_is_over() -> None:
    assert await told_of(None, AWAY, AWAY, AWAY, None, None) == ["put off", "goes on"]


async def test_another_trouble_is_told_too() -> None:
    assert await told_of(AWAY, UnavailableError("full"), AWAY) == ["put off"] * 3


@pytest.mark.parametrize("problem", [InvalidInputError("sealed with another key"), KeyError("x")])
async def test_no_trouble_of_one_turn_ends_the_work(problem: Exception) -> None:
    first = "put off" if isinstance(problem, PostroomError) else "failed"
    assert (await told_of(problem, None))[0] == first
