"""Content filters: data, not code. Check them when saved, compile them once, say them in words.

A filter is a mapping whose entries must all hold:

- `PATH: VALUE` (equals), `PATH: [VALUES]` (in), or `PATH: {OPERATOR: OPERAND, ...}`;
- `all: [FILTERS]`, `any: [FILTERS]`, `not: FILTER`, which combine filters by Kleene's logic.

Operators: `equals`, `in`, `not`, `exists`, `startsWith`, `endsWith`, `contains`, `glob`,
`equalsIgnoreCase`, `gt`, `gte`, `lt`, `lte`. Under one path, `exists` and `not` speak of all its
values, the others of one and the same value. `PATH: {not: X}` wants a value that is not X, so a
missing field does not match; `not: {PATH: X}` is fulfilled by a missing field too. `gt` and its
like compare numbers as decimals and ISO 8601 dates as moments, by the operand. Loose comparison
trims both sides and ignores case in all text operators.
"""

from collections.abc import Iterator
from typing import Any, Literal

from postroom.errors import InvalidInputError
from postroom.model import Finding, Json, Noun, Truth
from postroom.routing import grammar, words
from postroom.routing.conditions import AllOf, AnyOf, Condition, Negation, Node
from postroom.routing.content import Content, Sight
from postroom.routing.evaluation import Decide, decider
from postroom.routing.grammar import Complaint

__all__ = ["CompiledFilter", "Complaint", "check", "compile", "describe"]

_MOST_SEEN = 5
"""Values shown of one field."""


def check(filter_: Json) -> list[Complaint]:
    """Return what is wrong with a filter; nothing is wrong with None, which wants everything."""
    return list(grammar.read(filter_).complaints)


def describe(filter_: Json) -> str:
    """Return a filter in plain words, or what is wrong with it."""
    reading = grammar.read(filter_)
    if reading.complaints:
        return f"invalid: {_first(reading.complaints)}"
    return words.describe(reading.node)


def compile(  # noqa: A001  # `filters.compile` is the word, and the builtin is not used here
    filter_: Json,
    *,
    comparison: Literal["exact", "loose"] = "exact",
    field_policy: Literal["current", "sticky"] = "current",
) -> "CompiledFilter":
    """Return a filter ready to decide; raises `InvalidInputError` where `check` complains."""
    reading = grammar.read(filter_)
    if reading.complaints:
        raise InvalidInputError(f"the filter is invalid: {_first(reading.complaints)}")
    return CompiledFilter(reading.node, comparison=comparison, field_policy=field_policy)


class Glimpse(Noun, frozen=True, kw_only=True):
    """One condition and what it saw."""

    condition: Condition
    sight: Sight


class CompiledFilter:
    """A filter that decides: `decide(content)` is fast, the rest is for people."""

    def __init__(
        self,
        node: Node | None,
        *,
        comparison: Literal["exact", "loose"],
        field_policy: Literal["current", "sticky"],
    ) -> None:
        self.node = node
        self._comparison = comparison
        self._is_sticky = field_policy == "sticky"
        self.decide: Decide = _always if node is None else self._decider(node)

    def finding(self, content: Content) -> Finding:
        """Return the first condition that fails, else the first undecided one, else the whole."""
        if self.node is None:
            return Finding(truth=Truth.YES, condition=words.describe(None))
        node = self._cause(self.node, content)
        glimpses = list(self._glimpses(node, content))
        truth = self._decider(node)(content)
        doubts = [glimpse.sight.doubt for glimpse in glimpses if glimpse.sight.doubt]
        return Finding(
            truth=truth,
            condition=words.describe(node),
            seen=_seen(glimpses),
            hint=doubts[0] if doubts and truth is Truth.UNKNOWN else None,
        )

    def failing(self, content: Content) -> list[Glimpse]:
        """Return the conditions behind a filter's no, with what they saw; else nothing."""
        if self.node is None or self.decide(content) is not Truth.NO:
            return []
        return list(self._glimpses(self._cause(self.node, content), content))

    def _decider(self, node: Node) -> Decide:
        return decider(
            node,
            comparison=self._comparison,
            field_policy="sticky" if self._is_sticky else "current",
        )

    def _cause(self, node: Node, content: Content) -> Node:
        """Descend into an `all` that does not hold, to the part that keeps it from holding."""
        if not isinstance(node, AllOf):
            return node
        truths = [(self._decider(part)(content), part) for part in node.parts]
        for wanted in (Truth.NO, Truth.UNKNOWN):
            for truth, part in truths:
                if truth is wanted:
                    return self._cause(part, content)
        return node

    def _glimpses(self, node: Node, content: Content) -> Iterator[Glimpse]:
        match node:
            case Condition():
                sight = content.look(node.path, is_sticky=self._is_sticky)
                yield Glimpse(condition=node, sight=sight)
            case Negation():
                yield from self._glimpses(node.part, content)
            case AllOf() | AnyOf():
                for part in node.parts:
                    yield from self._glimpses(part, content)


def _always(_: Content) -> Truth:
    return Truth.YES


def _seen(glimpses: list[Glimpse]) -> Any:
    """Return one condition's value, or values; of several conditions, those by their path."""
    if len(glimpses) == 1:
        return _shown(glimpses[0].sight.values)
    return {
        words.clipped(glimpse.condition.path.text, words.LONGEST_TEXT): _shown(glimpse.sight.values)
        for glimpse in glimpses[:20]
    }


def _shown(values: tuple[str, ...]) -> str | list[str] | None:
    shown = [words.clipped(value, words.LONGEST_TEXT) for value in values[:_MOST_SEEN]]
    return shown[0] if len(shown) == 1 else shown or None


def _first(complaints: tuple[Complaint, ...]) -> str:
    first = complaints[0]
    place = " > ".join(str(key) for key in first.path)
    return words.clipped(f"{place}: {first.message}" if place else first.message, 300)
