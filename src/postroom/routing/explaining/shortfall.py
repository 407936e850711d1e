"""By what a message falls short of a filter: the conditions it misses, and how near it came.

Of an `any` it is the branch that came closest: the one with the least missing, where a value that
is only misspelt counts as less than one that is another.
"""

from postroom.model import Listener, Noun, Truth
from postroom.routing import evaluation, readings, words
from postroom.routing.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Negation,
    Node,
    NumberTest,
    Test,
)
from postroom.routing.content import Content, Sight
from postroom.routing.explaining.nearness import MOST_VALUES, Nearness, Sieve

MOST_SHOWN = 3
"""Values of a field, and conditions, that are told one by one."""
_UNKNOWN, _NEAR, _FAR = 0.2, 0.3, 1.0
"""How much a missed condition counts: undecided, misspelt, another value."""


class Missed(Noun, frozen=True, kw_only=True):
    """One condition that does not hold, or cannot be decided."""

    truth: Truth
    path: str
    sentence: str
    near: Nearness | None = None


class Shortfall(Noun, frozen=True, kw_only=True):
    """The branch of a filter that came closest, by what it misses."""

    missed: tuple[Missed, ...]
    branches: int
    """How many ways to match the filter has; 1 where it has no `any`."""

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        sentences = list(dict.fromkeys(one.sentence for one in self.missed))
        told = "; ".join(sentences[:MOST_SHOWN])
        more = len(sentences) - MOST_SHOWN
        told += f"; and {more} more conditions" if more > 0 else ""
        if self.branches > 1:
            told = f"of {self.branches} alternatives this came closest: {told}"
        return words.clipped(told, words.LONGEST_SENTENCE)

    @property
    def is_near(self) -> bool:
        """Whether spelling is all that keeps it from matching."""
        return bool(self.missed) and all(one.near is not None for one in self.missed)


def of(node: Node, listener: Listener, content: Content) -> Shortfall:
    """Return by what a message falls short of a listener's filter, which does not hold for it."""
    looker = _Looker(listener, content)
    _, _, missed = looker.missed(node)
    return Shortfall(missed=tuple(missed), branches=_branches(node))


def _branches(node: Node) -> int:
    match node:
        case AnyOf():
            return sum(map(_branches, node.parts))
        case AllOf():
            return max(map(_branches, node.parts), default=1)
        case _:
            return 1


_Cost = tuple[float, int, list[Missed]]
"""What is missing, counted; conditions that hold, as less than none; what is missing."""


class _Looker:
    def __init__(self, listener: Listener, content: Content) -> None:
        self._content = content
        self._sieve = Sieve(listener, content)
        self._is_sticky = listener.field_policy == "sticky"
        self._comparison = listener.comparison
        self._field_policy = listener.field_policy

    def missed(self, node: Node) -> _Cost:
        match node:
            case AllOf():
                costs = [self.missed(part) for part in node.parts]
                return (
                    sum(cost for cost, _, _ in costs),
                    sum(held for _, held, _ in costs),
                    [one for _, _, missed in costs for one in missed],
                )
            case AnyOf():
                return min((self.missed(part) for part in node.parts), key=lambda cost: cost[:2])
            case Negation():
                return self._of(self._negation(node))
            case Condition():
                return self._of(self._condition(node))

    def _of(self, missed: Missed | None) -> _Cost:
        if missed is None:
            return 0.0, -1, []
        if missed.truth is Truth.UNKNOWN:
            return _UNKNOWN, 0, [missed]
        return (_FAR if missed.near is None else _NEAR), 0, [missed]

    def _truth(self, node: Node) -> Truth:
        decide = evaluation.decider(
            node, comparison=self._comparison, field_policy=self._field_policy
        )
        return decide(self._content)

    def _negation(self, node: Negation) -> Missed | None:
        truth = self._truth(node)
        if truth is Truth.YES:
            return None
        said = words.describe(node.part)
        if truth is Truth.UNKNOWN:
            sentence = f"whether {said} is not known"
        else:
            sentence = f"{said}, and must not"
        return Missed(truth=truth, path="not", sentence=sentence)

    def _condition(self, condition: Condition) -> Missed | None:
        truth = self._truth(condition)
        if truth is Truth.YES:
            return None
        sight = self._content.look(condition.path, is_sticky=self._is_sticky)
        near = None
        if truth is Truth.UNKNOWN:
            sentence = lacking(sight)
        else:
            near = self._sieve.near(condition, sight.values)
            sentence = self._sentence(condition, sight, near)
        path = words.clipped(condition.path.text, words.LONGEST_TEXT)
        return Missed(truth=truth, path=path, sentence=sentence, near=near)

    # --- in words ---

    def _sentence(self, condition: Condition, sight: Sight, near: Nearness | None) -> str:
        place = words.place(condition.path)
        if not sight.values:
            return f"{place} is missing{self._instead(condition, near)}"
        was = f"{place} was {_shown(sight.values, near)}"
        if condition.exists is False:
            return f"{was}, wanted none"
        if self._sieve.passes(condition, sight.values):
            return f"{was}, which must not {words.unwished(condition.failing)}"
        how = _unread(condition.holding, sight.values) if near is None else _how(condition, near)
        told = f" ({how})" if how else ""
        return f"{was}{told}, wanted {words.wish(condition.holding)}"

    def _instead(self, condition: Condition, near: Nearness | None) -> str:
        """Say what was wanted where there is nothing, and what is there in its stead."""
        wanted = f", wanted {words.wish(condition.holding)}" if condition.holding else ""
        if near is not None and near.kind == "name":
            wanted += f"; the envelope has {words.quoted(near.seen)} ({', '.join(near.how)})"
        elif near is not None:
            wanted += f"; {words.quoted(near.seen)} is {near.how[0]}"
        elif condition.path.root == "customFields":
            fields = self._sieve.fields()
            names = [words.quoted(name) for name in list(fields)[:MOST_SHOWN]]
            more = f" and {len(fields) - len(names)} more" if len(fields) > len(names) else ""
            wanted += f"; the envelope has {', '.join(names)}{more}" if names else ""
        return wanted


def lacking(sight: Sight) -> str:
    """Say why a condition cannot be decided, and what to do about it."""
    if sight.include is not None:
        return (
            f"the feed carries no {sight.include}; add it to the feed's includeData, "
            "or configure enrichment"
        )
    return sight.doubt or "the message does not say"


def _how(condition: Condition, near: Nearness) -> str:
    told = ", ".join(near.how)
    is_clear = words.wish(condition.holding) == words.quoted(near.wanted)
    return told if is_clear else f"nearly {words.quoted(near.wanted)}: {told}"


def _unread(tests: tuple[Test, ...], values: tuple[str, ...]) -> str:
    """Say of what was to be a number that it is none."""
    wants_number = len(tests) == 1 and isinstance(tests[0], NumberTest)
    is_read = any(readings.number(value) is not None for value in values[:MOST_VALUES])
    return "which reads as no number" if wants_number and not is_read else ""


def _shown(values: tuple[str, ...], near: Nearness | None) -> str:
    if near is not None and near.seen in values:
        return words.quoted(near.seen)
    shown = " and ".join(words.quoted(value) for value in values[:MOST_SHOWN])
    more = len(values) - MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
