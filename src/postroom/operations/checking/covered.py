"""Listeners that get nothing of their own, since their lane prefers others."""

from collections.abc import Iterator, Sequence

from postroom.operations.checking import finding
from postroom.operations.checking.finding import CheckFinding
from postroom.operations.checking.subject import Household, Placed
from postroom.routing import words
from postroom.routing.proving.overlap import Apart, Prover
from postroom.routing.wants import may_want


def covered(household: Household, prover: Prover) -> Iterator[CheckFinding]:
    """Yield the listeners whose wishes all go to others that their lane prefers."""
    by_lane: dict[str, dict[str, Placed]] = {}
    for placed in household.listeners:
        listener = placed.listener
        if listener.lane is not None and listener.mode == "live" and may_want(listener):
            by_lane.setdefault(listener.lane, {})[listener.name] = placed
    for name, members in by_lane.items():
        lane = household.lanes.get(name)
        if lane is not None and lane.on_crossing == "hold":
            preferred = [members[one] for one in lane.prefer if one in members]
            for placed in members.values():
                before = _before(placed, preferred)
                if before and _is_covered(placed, before, prover):
                    yield _finding(household, placed, before)


def _before(placed: Placed, preferred: Sequence[Placed]) -> Sequence[Placed]:
    """Return those that have precedence over one."""
    return preferred[: preferred.index(placed)] if placed in preferred else preferred


def _is_covered(placed: Placed, before: Sequence[Placed], prover: Prover) -> bool:
    if isinstance(prover.possible(placed.listener), Apart):
        return False  # that is told already, and why
    answer = prover.outside(placed.listener, *(one.listener for one in before))
    return isinstance(answer, Apart)


def _finding(household: Household, placed: Placed, before: Sequence[Placed]) -> CheckFinding:
    names = [one.listener.name for one in before]
    name = words.clipped(placed.listener.name, 100)
    return CheckFinding(
        rule="covered",
        severity="warning",
        message=f"everything {name} wants goes to {finding.named(names)}, which its lane prefers",
        remedy="narrow what is preferred, or remove it",
        account_id=household.account.id,
        listeners=(placed.listener.name, *names),
        lane=placed.listener.lane,
        path=placed.at("lane"),
    )
