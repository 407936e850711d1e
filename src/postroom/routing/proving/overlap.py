"""Whether two listeners can ever want the same envelope: a proof, or an envelope that both want.

The proof is about messages in the documented shape (contract 3.1). Places are taken as
independent of each other, which can only make more possible; whatever comes out as possible is
made into a message and must convince the very code that routes. What does not, and what is too
large, is "not decided": never a proof.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

from postroom.model import Account, Listener, Noun, Truth
from postroom.routing import words
from postroom.routing.content import Content
from postroom.routing.proving import pins, witness
from postroom.routing.proving.claims import Plan
from postroom.routing.proving.pins import Pins
from postroom.routing.proving.search import MOST_BRANCHES, Attempt, Puzzle, no_value
from postroom.routing.proving.witness import Witness
from postroom.routing.users import Directory
from postroom.routing.wants import Wants, may_want

_MORE_OF_MANY = 2
"""Further branches for each listener beyond two: a crowd needs one to be walked through at all."""
_UNFITTING = "what would meet the conditions does not fit into one message"
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
Goals = tuple[tuple[Listener, bool], ...]
"""Listeners, each with whether an envelope shall reach it or surely not."""


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
        self._pins: dict[int, Pins] = {}
        self._puzzles: dict[tuple[bool, bool], Puzzle] = {}
        self._has_ambiguous_senders = any(
            len(emails) > 1 for emails in self._directory.emails_by_id.values()
        )

    def compare(self, one: Listener, other: Listener) -> Answer:
        """Return whether an envelope can reach both."""
        if flaw := _never(one) or _never(other):
            return Apart(reason=flaw)
        if shortcut := self._apart_at_sight(self._pins_of(one), self._pins_of(other)):
            return shortcut
        goals = ((one, True), (other, True))
        return self._answer(goals, is_mixed=_is_mixed(goals))

    def possible(self, listener: Listener) -> Answer:
        """Return an envelope that reaches a listener, or why none can."""
        if flaw := _never(listener):
            return Apart(reason=flaw)
        return self._answer(((listener, True),), is_mixed=False)

    def outside(self, listener: Listener, *others: Listener) -> Answer:
        """Return an envelope that reaches a listener and surely none of the others.

        `Apart` means that they cover it: whatever reaches it reaches, or may reach, one of them.
        """
        if flaw := _never(listener):
            return Apart(reason=flaw)
        goals = ((listener, True), *((one, False) for one in others if may_want(one)))
        return self._answer(goals, is_mixed=_is_mixed(goals))

    def nobody(self, listeners: Iterable[Listener], event: str) -> Answer:
        """Return an envelope whose event surely reaches none of these listeners.

        `Apart` means that there is no gap: every such event reaches, or may reach, one of them.
        What only envelopes bring with them (`scope: envelope`) closes no gap and is passed over.
        """
        standing = (one for one in listeners if one.scope == "account" and may_want(one))
        goals = tuple((one, False) for one in standing if self._ready(one).wants_event(event))
        return self._answer(goals, is_mixed=_is_mixed(goals), event=event)

    def pairs(self, listeners: Sequence[Listener]) -> Iterator[tuple[Listener, Listener, Answer]]:
        """Yield every two listeners with their answer."""
        for one, other in itertools.combinations(listeners, 2):
            yield one, other, self.compare(one, other)

    # --- from simple to odd messages ---

    def _answer(self, goals: Goals, *, is_mixed: bool, event: str | None = None) -> Answer:
        """Try simple envelopes first: fields that never changed, and of different names."""
        answer = self._solve(goals, event, may_repeat=False, is_sticky_apart=False)
        if isinstance(answer, Apart) and answer.is_by_single_names and is_mixed:
            answer = self._solve(goals, event, may_repeat=False, is_sticky_apart=True)
        is_settled = isinstance(answer, Overlap) or not self._repeats
        if is_settled or (isinstance(answer, Apart) and not answer.is_by_single_names):
            return answer
        return self._solve(goals, event, may_repeat=True, is_sticky_apart=is_mixed)

    def _solve(
        self, goals: Goals, event: str | None, *, may_repeat: bool, is_sticky_apart: bool
    ) -> Answer:
        key = (may_repeat, is_sticky_apart)
        puzzle = self._puzzles.get(key)
        if puzzle is None:
            puzzle = self._puzzles[key] = Puzzle(
                may_repeat=may_repeat, is_sticky_apart=is_sticky_apart
            )
        plans: list[Plan] = [puzzle.claims.account(self._account.id)]
        plans += [puzzle.plan(self._ready(one), is_wanted=wanted) for one, wanted in goals]
        if event is not None:
            plans.append(puzzle.claims.events((event,), is_wanted=True))
        attached = tuple(one.name for one, wanted in goals if wanted and one.scope == "envelope")
        attempt = Attempt(puzzle, self._most_branches + _MORE_OF_MANY * (len(goals) - 2))
        for tried, values in enumerate(attempt.solutions(plans)):
            found = witness.build(
                values, account_id=self._account.id, directory=self._directory, attached=attached
            )
            if self._convinces(found, goals):
                return Overlap(witness=found, repeated=_repeated(values))
            attempt.doubts.append(self._unknown_group(goals) or _UNFITTING)
            if tried > _MOST_TRIED:
                break
        if self._has_ambiguous_senders and any(one.users for one, _ in goals):
            attempt.doubts.append("a user of the directory has several e-mail addresses")
        if attempt.doubts:
            return NotDecided(why=attempt.doubts[0])
        is_by_single_names = not may_repeat and attempt.is_about_fields
        return Apart(reason=attempt.reason(), is_by_single_names=is_by_single_names)

    def _unknown_group(self, goals: Goals) -> str | None:
        for listener, _ in goals:
            for group in listener.users.groups if listener.users else ():
                if group not in self._directory.members:
                    return f"who is in group {words.clipped(group, 100)} is not known"
        return None

    def _convinces(self, found: Witness, goals: Goals) -> bool:
        notification = found.notification()
        content = Content(notification)
        for listener, is_wanted in goals:
            wants = self._ready(listener)
            truth = wants.decide(content) if wants.wants_event(notification.event) else Truth.NO
            if truth is not (Truth.YES if is_wanted else Truth.NO):
                return False
        return True

    def _pins_of(self, listener: Listener) -> Pins:
        known = self._pins.get(id(listener))
        if known is None:
            known = self._pins[id(listener)] = pins.pins(self._ready(listener))
        return known

    def _apart_at_sight(self, one: Pins, other: Pins) -> Apart | None:
        """Return a proof that needs no search: most pairs of a large set have one."""
        if one.events and other.events and one.events.isdisjoint(other.events):
            return Apart(reason="no event is wanted by both")
        if one.senders and other.senders and one.senders.isdisjoint(other.senders):
            return Apart(reason="no sender is wanted by both")
        if self._repeats or one.field_policy != other.field_policy:
            return None
        for name, wanted in one.fields.items():
            if name in other.fields and wanted.isdisjoint(other.fields[name]):
                place = words.clipped(f"customFields.{name}", 100)
                return Apart(reason=no_value(place), is_by_single_names=True)
        return None

    def _ready(self, listener: Listener) -> Wants:
        known = self._wants.get(id(listener))
        if known is None:
            # The listener is kept beside, so that nothing else gets its identity.
            known = self._wants[id(listener)] = (listener, Wants(listener, self._directory))
        return known[1]


def _is_mixed(goals: Goals) -> bool:
    """Tell whether some go by the custom fields as first seen, and some by the present ones."""
    return len({listener.field_policy for listener, _ in goals}) > 1


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
