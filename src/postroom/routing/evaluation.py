"""Turn what a filter says into a function from a message's content to a truth.

- An unknown value makes its condition unknown, whatever is asked.
- "Missing data is not a match": where there is no value, only `exists: false` holds.
- Where there are several values, `holding` wants one that passes, `failing` wants none that does.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Literal

from postroom.model import Truth
from postroom.routing import readings, truth
from postroom.routing.conditions import (
    AllOf,
    AnyOf,
    Condition,
    MomentTest,
    Negation,
    Node,
    NumberTest,
    OneOf,
    Test,
    TextTest,
)
from postroom.routing.content import Content
from postroom.routing.globs import Glob

Decide = Callable[[Content], Truth]
_Passes = Callable[[str], bool]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def decider(
    node: Node,
    *,
    comparison: Literal["exact", "loose"] = "exact",
    field_policy: Literal["current", "sticky"] = "current",
) -> Decide:
    """Return the function that decides a filter; it never raises."""
    match node:
        case Condition():
            return _condition(node, is_loose=comparison == "loose", field_policy=field_policy)
        case Negation():
            inner = decider(node.part, comparison=comparison, field_policy=field_policy)
            return lambda content: truth.negation(inner(content))
        case AllOf() | AnyOf():
            parts = [
                decider(part, comparison=comparison, field_policy=field_policy)
                for part in node.parts
            ]
            combine = truth.conjunction if isinstance(node, AllOf) else truth.disjunction
            return lambda content: combine(part(content) for part in parts)


def _condition(
    condition: Condition, *, is_loose: bool, field_policy: Literal["current", "sticky"]
) -> Decide:
    path, exists = condition.path, condition.exists
    is_sticky = field_policy == "sticky"
    fold = str.lower if path.is_identifier and not is_loose else None
    holding = passes_all(condition.holding, is_loose=is_loose, fold=fold)
    failing = passes_all(condition.failing, is_loose=is_loose, fold=fold)
    holds_without_value = exists is False and holding is None and failing is None

    def decide(content: Content) -> Truth:
        sight = content.look(path, is_sticky=is_sticky)
        if sight.doubt is not None:
            return Truth.UNKNOWN
        values = sight.values
        if not values:
            return Truth.YES if holds_without_value else Truth.NO
        if exists is False or (holding is not None and not any(map(holding, values))):
            return Truth.NO
        if failing is not None and any(map(failing, values)):
            return Truth.NO
        return Truth.YES

    return decide


def passes_all(
    tests: Sequence[Test], *, is_loose: bool, fold: Callable[[str], str] | None
) -> _Passes | None:
    """Return whether one value passes all of the tests, or None where there are none.

    `fold` is what is done to values and texts before exact comparison: `str.lower` for
    identifiers; loose comparison has its own.
    """
    if is_loose:
        fold = readings.folded
    passes = [_passes(test, fold) for test in tests]
    if not passes:
        return None
    if len(passes) == 1:
        return passes[0]
    return lambda value: all(passed(value) for passed in passes)


def _passes(test: Test, fold: Callable[[str], str] | None) -> _Passes:
    match test:
        case OneOf():
            return _one_of(test.texts, fold)
        case TextTest():
            return _text(test, fold)
        case NumberTest():
            return _ordered(test.operator, test.bound, readings.number, fold)
        case MomentTest():
            return _ordered(test.operator, test.bound, readings.moment, fold)


def _one_of(texts: Sequence[str], fold: Callable[[str], str] | None) -> _Passes:
    if fold is None:
        return frozenset(texts).__contains__
    wanted = frozenset(map(fold, texts))
    return lambda value: fold(value) in wanted


def _text(test: TextTest, fold: Callable[[str], str] | None) -> _Passes:
    if fold is None and test.operator == "equalsIgnoreCase":
        fold = str.casefold
    text = fold(test.text) if fold else test.text
    plain = _plain_text(test.operator, text)
    if fold is None:
        return plain
    fold_value = fold
    return lambda value: plain(fold_value(value))


def _plain_text(operator_: str, text: str) -> _Passes:
    match operator_:
        case "startsWith":
            return lambda value: value.startswith(text)
        case "endsWith":
            return lambda value: value.endswith(text)
        case "contains":
            return lambda value: text in value
        case "glob":
            return Glob(text).matches
        case _:
            return text.__eq__


def _ordered(
    operator_: str,
    bound: object,
    read: Callable[[str], object],
    fold: Callable[[str], str] | None,
) -> _Passes:
    compare = _ORDER[operator_]

    def passes(value: str) -> bool:
        found = read(value.strip() if fold is readings.folded else value)
        return found is not None and compare(found, bound)

    return passes
