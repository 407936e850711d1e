"""The search behind the prover: ways to meet some plans, one after the other, within a budget."""

from collections.abc import Iterator, Sequence

from postroom.routing import words
from postroom.routing.proving import texts
from postroom.routing.proving.claims import Both, Claims, Demand, Either, Plan
from postroom.routing.proving.places import Spot
from postroom.routing.proving.texts import Verdict
from postroom.routing.readings import OBJECT
from postroom.routing.wants import Wants

MOST_BRANCHES = 2_000
"""Ways of a pair's conditions to be met that are looked at."""
_COST_OF_UNDECIDED = MOST_BRANCHES // 5
"""A place that is too much to decide costs as much time as so many branches."""
_Chosen = dict[Spot, frozenset[Demand]]


class Puzzle:
    """Claims under some assumptions, with what every place was found to hold."""

    def __init__(self, *, may_repeat: bool, is_sticky_apart: bool) -> None:
        self.claims = Claims(may_repeat=may_repeat, is_sticky_apart=is_sticky_apart)
        self._plans: dict[tuple[int, bool], Plan] = {}
        self._settled: dict[frozenset[Demand], tuple[str, ...] | Verdict] = {}

    def plan(self, wants: Wants, *, is_wanted: bool) -> Plan:
        """Return what makes a listener want a notification, or decline it; worked out once."""
        key = (id(wants), is_wanted)
        if key not in self._plans:
            self._plans[key] = self.claims.plan(wants.listener, wants.users, is_wanted=is_wanted)
        return self._plans[key]

    def settle(self, place: Spot, demands: frozenset[Demand]) -> tuple[str, ...] | Verdict:
        """Return values that meet all demands at one place."""
        found = self._settled.get(demands)
        if found is None:
            found = self._settled[demands] = _values(place, demands, None)
        return found


class Attempt:
    """One walk through the ways to meet some plans, depth first, within a budget."""

    def __init__(self, puzzle: Puzzle, most_branches: int) -> None:
        self._puzzle = puzzle
        self._left = most_branches
        self._conflicts: dict[Spot, None] = {}
        self.doubts: list[str] = []

    def solutions(self, plans: Sequence[Plan]) -> Iterator[dict[Spot, tuple[str, ...]]]:
        """Yield values for places that meet the plans, each place by itself."""
        stack: list[tuple[list[Plan], _Chosen]] = [(list(plans), {})]
        while stack:
            self._left -= 1
            if self._left < 0:
                self.doubts.append("the conditions can be met in too many ways to look at all")
                return
            todo, chosen = stack.pop()
            taken = self._take(todo, dict(chosen))
            if taken is None:
                continue
            chosen, choices = taken
            if choices:
                choices.sort(key=lambda choice: len(choice.parts))
                first, *rest = choices
                stack += [([part, *rest], chosen) for part in reversed(first.parts)]
                continue
            values = self._whole(chosen)
            if values is not None:
                yield values

    @property
    def is_about_fields(self) -> bool:
        """Whether some conflict is about a custom field."""
        return any("customFields" in (one.root, *one.segments[:1]) for one in self._conflicts)

    def reason(self) -> str:
        """Return why nothing was found, in words."""
        named = [words.clipped(place.text, 100) for place in self._conflicts]
        if not named:
            return "what is asked can never be decided so"
        shown = ", ".join(named[: words.MOST_ENTRIES])
        return no_value(shown)

    def _take(self, todo: list[Plan], chosen: _Chosen) -> tuple[_Chosen, list[Either]] | None:
        """Take what must be so; return it with the choices left open, or None if it cannot be."""
        choices: list[Either] = []
        touched: dict[Spot, None] = {}
        while todo:
            plan = todo.pop()
            if isinstance(plan, Demand):
                known = chosen.get(plan.spot, frozenset())
                if plan not in known:
                    chosen[plan.spot] = known | {plan}
                    touched[plan.spot] = None
            elif isinstance(plan, Both):
                todo.extend(plan.parts)
            elif len(plan.parts) > 1:
                choices.append(plan)
            elif plan.parts:
                todo.append(plan.parts[0])
            else:
                return None
        for place in touched:
            settled = self._puzzle.settle(place, chosen[place])
            if settled is Verdict.NONE:
                self._conflicts[place] = None
                return None
            if settled is Verdict.UNDECIDED:
                self._left -= _COST_OF_UNDECIDED
        return chosen, [one for one in choices if not _is_met(one, chosen)]

    def _whole(self, chosen: _Chosen) -> dict[Spot, tuple[str, ...]] | None:
        """Return every place's values; where one lies inside another, that holds objects only."""
        values: dict[Spot, tuple[str, ...]] = {}
        for place, demands in chosen.items():
            among = (OBJECT,) if any(other.is_inside(place) for other in chosen) else None
            settled = self._puzzle.settle(place, demands)
            found = settled if among is None else _values(place, demands, among)
            if found is Verdict.NONE:
                self._conflicts[place] = None
                return None
            if isinstance(found, Verdict):
                self.doubts.append(f"too much is asked of {place.text} to decide it")
                return None
            values[place] = found
        return values


def _is_met(choice: Either, chosen: _Chosen) -> bool:
    return any(
        isinstance(part, Demand) and part in chosen.get(part.spot, ()) for part in choice.parts
    )


def _values(
    place: Spot, demands: frozenset[Demand], among: tuple[str, ...] | None
) -> tuple[str, ...] | Verdict:
    asked: dict[str, list[texts.Language]] = {}
    for demand in demands:
        asked.setdefault(demand.ask, []).extend([demand.language] if demand.language else [])
    is_needed = "some" in asked or "present" in asked or place.is_required
    if "absent" in asked:
        return Verdict.NONE if is_needed else ()
    if not is_needed:
        return ()
    unwanted, wanted = asked.get("never", []), asked.get("some", [])

    def find(languages: list[texts.Language]) -> str | Verdict:
        return texts.find(languages, unwanted, is_lower=place.is_lower, among=among)

    together = find(wanted)
    if isinstance(together, str):
        return (together,)
    if place.is_single or len(wanted) < 2:  # noqa: PLR2004  # of fewer there is no other way
        return together
    found = [find([language]) for language in wanted]
    if Verdict.NONE in found:
        return Verdict.NONE
    several = tuple(dict.fromkeys(text for text in found if isinstance(text, str)))
    return Verdict.UNDECIDED if Verdict.UNDECIDED in found else several


def no_value(places: str) -> str:
    """Return why there is none, in words."""
    return f"no value fits all that is asked of {places}"
