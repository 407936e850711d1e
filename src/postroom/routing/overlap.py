"""Whether two listeners can ever want the same envelope: a proof, or an envelope that both want.

The proof is about messages in the documented shape (contract 3.1). Places are taken as
independent of each other, which can only make more possible; whatever comes out as possible is
made into a message and must convince the very code that routes. What does not, and what is too
large, is "not decided": never a proof.
"""

import itertools
from collections.abc import Iterator, Sequence

from postroom.model import Account, Listener, Noun, Truth
from postroom.routing import texts, witness, words
from postroom.routing.claims import Both, Claims, Demand, Either, Plan
from postroom.routing.content import Content
from postroom.routing.places import Spot
from postroom.routing.readings import OBJECT
from postroom.routing.texts import Verdict
from postroom.routing.users import Directory
from postroom.routing.wants import Wants, may_want
from postroom.routing.witness import Witness

MOST_BRANCHES = 2_000
"""Ways of a pair's conditions to be met that are looked at."""
_COST_OF_UNDECIDED = MOST_BRANCHES // 5
"""A place that is too much to decide costs as much time as so many branches."""
_MOST_TRIED = 20
"""Witnesses that may fail to convince before the pair is given up."""


class Apart(Noun, frozen=True, kw_only=True, tag="apart"):
    """No envelope can reach both."""

    reason: str
    is_by_single_names: bool = False
    """Only as long as no envelope has two custom fields of one name."""


class Overlap(Noun, frozen=True, kw_only=True, tag="overlap"):
    """An envelope that reaches both."""

    witness: Witness
    repeated: tuple[str, ...] = ()
    """The custom fields that it must have more than once to do so."""


class NotDecided(Noun, frozen=True, kw_only=True, tag="not-decided"):
    """Neither was found within the budget."""

    why: str


Answer = Apart | Overlap | NotDecided
_Chosen = dict[Spot, frozenset[Demand]]


class Prover:
    """Proves things about the listeners of one account; remembers what it worked out."""

    def __init__(
        self,
        account: Account,
        *,
        repeats: bool = True,
        most_branches: int = MOST_BRANCHES,
    ) -> None:
        """`repeats` False takes for granted that an envelope has no two fields of one name."""
        self._account = account
        self._directory = Directory(account)
        self._repeats = repeats
        self._most_branches = most_branches
        self._wants: dict[int, tuple[Listener, Wants]] = {}
        self._puzzles: dict[tuple[bool, bool], _Puzzle] = {}
        self._has_ambiguous_senders = any(
            len(emails) > 1 for emails in self._directory.emails_by_id.values()
        )

    def compare(self, one: Listener, other: Listener) -> Answer:
        """Return whether an envelope can reach both."""
        if flaw := _never(one) or _never(other):
            return Apart(reason=flaw)
        if one.events and other.events and not set(one.events) & set(other.events):
            return Apart(reason="no event is wanted by both")
        is_mixed = one.field_policy != other.field_policy
        return self._answer(((one, True), (other, True)), is_mixed=is_mixed)

    def possible(self, listener: Listener) -> Answer:
        """Return an envelope that reaches a listener, or why none can."""
        if flaw := _never(listener):
            return Apart(reason=flaw)
        return self._answer(((listener, True),), is_mixed=False)

    def outside(self, listener: Listener, other: Listener) -> Answer:
        """Return an envelope that reaches a listener and surely not the other.

        `Apart` means that the other shadows it: whatever reaches it reaches, or may reach, both.
        """
        if flaw := _never(listener):
            return Apart(reason=flaw)
        if _never(other):
            return self.possible(listener)
        is_mixed = listener.field_policy != other.field_policy
        return self._answer(((listener, True), (other, False)), is_mixed=is_mixed)

    def pairs(self, listeners: Sequence[Listener]) -> Iterator[tuple[Listener, Listener, Answer]]:
        """Yield every two listeners with their answer."""
        for one, other in itertools.combinations(listeners, 2):
            yield one, other, self.compare(one, other)

    # --- from simple to odd messages ---

    def _answer(self, goals: tuple[tuple[Listener, bool], ...], *, is_mixed: bool) -> Answer:
        """Try simple envelopes first: fields that never changed, and of different names."""
        answer = self._solve(goals, may_repeat=False, is_sticky_apart=False)
        if isinstance(answer, Apart) and answer.is_by_single_names and is_mixed:
            answer = self._solve(goals, may_repeat=False, is_sticky_apart=True)
        is_settled = isinstance(answer, Overlap) or not self._repeats
        if is_settled or (isinstance(answer, Apart) and not answer.is_by_single_names):
            return answer
        return self._solve(goals, may_repeat=True, is_sticky_apart=is_mixed)

    def _solve(
        self, goals: tuple[tuple[Listener, bool], ...], *, may_repeat: bool, is_sticky_apart: bool
    ) -> Answer:
        key = (may_repeat, is_sticky_apart)
        puzzle = self._puzzles.get(key)
        if puzzle is None:
            puzzle = self._puzzles[key] = _Puzzle(
                may_repeat=may_repeat, is_sticky_apart=is_sticky_apart
            )
        plans: list[Plan] = [puzzle.claims.account(self._account.id)]
        plans += [puzzle.plan(self._ready(one), is_wanted=wanted) for one, wanted in goals]
        attached = tuple(one.name for one, wanted in goals if wanted and one.scope == "envelope")
        attempt = _Attempt(puzzle, self._most_branches)
        for tried, values in enumerate(attempt.solutions(plans)):
            found = witness.build(
                values, account_id=self._account.id, directory=self._directory, attached=attached
            )
            if self._convinces(found, goals):
                return Overlap(witness=found, repeated=_repeated(values))
            attempt.doubts.append("what would meet the conditions does not fit into one message")
            if tried > _MOST_TRIED:
                break
        if self._has_ambiguous_senders and any(one.users for one, _ in goals):
            attempt.doubts.append("a user of the directory has several e-mail addresses")
        if attempt.doubts:
            return NotDecided(why=attempt.doubts[0])
        is_by_single_names = not may_repeat and attempt.is_about_fields
        return Apart(reason=attempt.reason(), is_by_single_names=is_by_single_names)

    def _convinces(self, found: Witness, goals: tuple[tuple[Listener, bool], ...]) -> bool:
        notification = found.notification()
        content = Content(notification)
        for listener, is_wanted in goals:
            wants = self._ready(listener)
            truth = wants.decide(content) if wants.wants_event(notification.event) else Truth.NO
            if truth is not (Truth.YES if is_wanted else Truth.NO):
                return False
        return True

    def _ready(self, listener: Listener) -> Wants:
        known = self._wants.get(id(listener))
        if known is None:
            # The listener is kept beside, so that nothing else gets its identity.
            known = self._wants[id(listener)] = (listener, Wants(listener, self._directory))
        return known[1]


class _Puzzle:
    """Claims under some assumptions, with what every place was found to hold."""

    def __init__(self, *, may_repeat: bool, is_sticky_apart: bool) -> None:
        self.claims = Claims(may_repeat=may_repeat, is_sticky_apart=is_sticky_apart)
        self._plans: dict[tuple[int, bool], Plan] = {}
        self._settled: dict[frozenset[Demand], tuple[str, ...] | Verdict] = {}

    def plan(self, wants: Wants, *, is_wanted: bool) -> Plan:
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


class _Attempt:
    """One walk through the ways to meet some plans, depth first, within a budget."""

    def __init__(self, puzzle: _Puzzle, most_branches: int) -> None:
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
        return f"no value fits all that is asked of {shown}"

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


def _never(listener: Listener) -> str | None:
    """Return why a listener wants nothing at all, or None."""
    if may_want(listener):
        return None
    name = words.clipped(listener.name, 100)
    return f"{name} names no event" if listener.is_active else f"{name} is off"


def _repeated(values: witness.Values) -> tuple[str, ...]:
    return tuple(
        place.segments[0]
        for place, found in values.items()
        if place.root == "customFields" and len(found) > 1
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
