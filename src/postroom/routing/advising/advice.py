"""Which of the article's five options is right for which integration: decided, and proved.

Every integration has a ladder of steps, the cheapest first (`steps`). All start at the
bottom; whoever cannot be proved apart climbs, until all are apart or nobody can climb; then each
goes down again as far as all stay apart, so that nothing is asked of anybody that is not needed.
What is told apart by custom fields is so as long as no envelope has two fields of one name.
"""

import itertools
from collections.abc import Iterator
from typing import Literal

from postroom.model import Json, Listener, Noun
from postroom.routing.advising import steps
from postroom.routing.advising.facts import Facts, Integration
from postroom.routing.advising.steps import Place, Step
from postroom.routing.proving.overlap import Answer, Apart, NotDecided, Overlap, Prover

MOST_INTEGRATIONS = 100
"""So many can be compared pairwise, several times over, while somebody waits."""


class Pair(Noun, frozen=True, kw_only=True):
    """Two integrations of one account as advised, and whether they can share an envelope."""

    one: str
    other: str
    verdict: Literal["apart", "overlap", "not-decided"]
    reason: str
    """Why no envelope reaches both; of an overlap, what such an envelope is."""
    witness: Json = None
    """The message that would reach both."""


class Placed(Noun, frozen=True, kw_only=True):
    """Where every integration ended, and the proof that they are apart there."""

    places: tuple[Place, ...]
    """In the order of the integrations; `Step.NONE` for what cannot be told apart."""
    listeners: tuple[Listener, ...]
    """Of those that listen to their account."""
    pairs: tuple[Pair, ...]


def place(facts: Facts) -> Placed:
    """Return where every integration should stand. Pure; a witness for every pair not apart."""
    settling = _Settling(facts)
    settling.climb()
    settling.give_up()
    settling.go_down()
    return Placed(
        places=tuple(settling.place(one) for one in facts.integrations),
        listeners=tuple(settling.listeners()),
        pairs=tuple(settling.pairs()),
    )


class _Settling:
    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._ladders = {_key(one): steps.ladder(one, facts) for one in facts.integrations}
        self._steps = {key: ladder[0] for key, ladder in self._ladders.items()}
        self._provers = {one.id: Prover(one, repeats=False) for one in facts.accounts}
        self._numbers = {_key(one): number for number, one in enumerate(facts.integrations, 1)}
        self._listeners: dict[tuple[str, str, Step], Listener] = {}
        self._answers: dict[frozenset[tuple[str, str, Step]], Answer] = {}

    # --- up and down ---

    def climb(self) -> None:
        """Let whoever is not apart from somebody take their next step, until that changes nothing.

        Each round takes at least one step and no step twice, so this ends.
        """
        while movers := {
            _key(one)
            for pair in self._crossing()
            for one in pair
            if self._next(one) is not self._step(one)
        }:
            for key in movers:
                ladder = self._ladders[key]
                self._steps[key] = ladder[ladder.index(self._steps[key]) + 1]

    def give_up(self) -> None:
        """Take out whoever is still not apart, the one first that has the least to be told by."""
        while crossing := list(self._crossing()):
            standing = [one for one in crossing[0] if self.place(one).is_listening]
            is_marked = {one.name: self._step(one) in steps.BY_FIELD for one in standing}
            for one in [one for one in standing if not is_marked[one.name]] or standing:
                self._steps[_key(one)] = Step.NONE

    def go_down(self) -> None:
        """Let each take the cheapest step at which it stays apart from all others."""
        costly = (Step.MOVE, Step.ENVELOPE)
        for one in sorted(self._facts.integrations, key=lambda one: self._step(one) not in costly):
            found = self._step(one)
            for step in self._ladders[_key(one)] if found is not Step.NONE else ():
                self._steps[_key(one)] = step
                if step is found or not any(self._crossing(one)):
                    break

    def _step(self, one: Integration) -> Step:
        return self._steps[_key(one)]

    def _next(self, one: Integration) -> Step:
        ladder, now = self._ladders[_key(one)], self._step(one)
        return ladder[min(ladder.index(now) + 1, len(ladder) - 1)] if now in ladder else now

    # --- who is apart from whom ---

    def _crossing(
        self, among: Integration | None = None
    ) -> Iterator[tuple[Integration, Integration]]:
        """Yield every two that want their own and are not proved apart; `among` is one of them."""
        wanting = [one for one in self._facts.integrations if not one.wants_all]
        for one, other in itertools.combinations(wanting, 2):
            is_asked = among is None or among is one or among is other
            if (
                is_asked
                and self._is_concerned(one, other)
                and not isinstance(self._compare(one, other), Apart)
            ):
                yield one, other

    def _is_concerned(self, one: Integration, other: Integration) -> bool:
        """Return whether both are of one account, and a listener of it may be told of either."""
        both = (self._step(one), self._step(other))
        is_told = any(step in steps.HERE for step in both)
        return one.account_id == other.account_id and Step.MOVE not in both and is_told

    def _compare(self, one: Integration, other: Integration) -> Answer:
        """Return whether what one listens to can reach the other, or be the other's."""
        key = frozenset({(*_key(one), self._step(one)), (*_key(other), self._step(other))})
        if key not in self._answers:
            prover = self._provers[one.account_id]
            self._answers[key] = prover.compare(self._wanted(one), self._wanted(other))
        return self._answers[key]

    def _wanted(self, one: Integration) -> Listener:
        """Return what an integration listens to, whatever the event; or what its envelopes are."""
        step = self._step(one)
        key = (*_key(one), step)
        if key not in self._listeners:
            number = self._numbers[_key(one)]
            made = (
                steps.listener(Place(one=one, step=step), self._facts, number, in_lane=False)
                if step in steps.HERE
                else steps.envelopes_of(one, self._facts, number)
            )
            self._listeners[key] = without_events(made)
        return self._listeners[key]

    # --- what came of it ---

    def place(self, one: Integration) -> Place:
        return Place(one=one, step=self._step(one))

    def listeners(self) -> Iterator[Listener]:
        for one in self._facts.integrations:
            place = self.place(one)
            if place.is_listening:
                rivals = self._facts.rivals(one)
                in_lane = any(self.place(other).is_listening for other in rivals)
                number = self._numbers[_key(one)]
                yield steps.listener(place, self._facts, number, in_lane=in_lane)

    def pairs(self) -> Iterator[Pair]:
        for one, other in itertools.combinations(self._facts.integrations, 2):
            if not (one.wants_all or other.wants_all):
                yield self._pair(one, other)

    def _pair(self, one: Integration, other: Integration) -> Pair:
        both = {self._step(one), self._step(other)}
        if one.account_id != other.account_id or Step.MOVE in both:
            return _apart(one, other, "accounts never see each other's envelopes")
        if both == {Step.ENVELOPE}:
            return _apart(one, other, "each envelope names its own listener")
        if not self._is_concerned(one, other):
            return _apart(one, other, "no listener of the account is told of either")
        answer = self._compare(one, other)
        if isinstance(answer, Apart):
            unless = (
                "; as long as no envelope has a field twice" if answer.is_by_single_names else ""
            )
            return _apart(one, other, f"{answer.reason}{unless}")
        is_open = isinstance(answer, NotDecided)
        return Pair(
            one=one.name,
            other=other.name,
            verdict="not-decided" if is_open else "overlap",
            reason=answer.why if isinstance(answer, NotDecided) else _shown(answer),
            witness=answer.witness.body if isinstance(answer, Overlap) else None,
        )


def without_events(listener: Listener) -> Listener:
    """Return a listener that wants every event: whose an envelope is does not depend on that."""
    kept = {name: getattr(listener, name) for name in listener.__struct_fields__}
    return Listener(**kept | {"events": ()})


def _apart(one: Integration, other: Integration, reason: str) -> Pair:
    return Pair(one=one.name, other=other.name, verdict="apart", reason=reason)


def _shown(found: Overlap) -> str:
    """Return in words which envelope reaches both."""
    summary = found.witness.body["data"]["envelopeSummary"]
    fields = summary.get("customFields") or {}
    marks = [
        f"{one['name']} = {one['value']}"
        for one in (*fields.get("textCustomFields", ()), *fields.get("listCustomFields", ()))
    ]
    marked = f" marked {', '.join(marks)}" if marks else ""
    return f"an envelope sent by {summary['sender']['email']}{marked} would reach both"


def _key(one: Integration) -> tuple[str, str]:
    return one.account_id, one.name
