"""Say a filter in plain words, for tables and explanations."""

import json

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
from postroom.routing.paths import Path

MOST_ENTRIES = 5
"""Values of a list that are named; the rest is counted."""
LONGEST_TEXT = 120
LONGEST_SENTENCE = 600

_TEXT_WORDS = {
    "startsWith": "starts with",
    "endsWith": "ends with",
    "contains": "contains",
    "glob": "matches",
    "equalsIgnoreCase": "equals, in any case,",
}
_TEXT_WORDS_PLURAL = {
    "startsWith": "start with",
    "endsWith": "end with",
    "contains": "contain",
    "glob": "match",
    "equalsIgnoreCase": "equal, in any case,",
}
_ORDER_WORDS = {"gt": "above", "gte": "at least", "lt": "below", "lte": "at most"}
_MOMENT_WORDS = {"gt": "after", "gte": "at or after", "lt": "before", "lte": "at or before"}


def describe(node: Node | None) -> str:
    """Return what a filter asks for, at most `LONGEST_SENTENCE` characters."""
    if node is None:
        return "all content"
    return clipped(_words(node), LONGEST_SENTENCE)


def place(path: Path) -> str:
    """Return where a condition looks, as the subject of a sentence: `custom field Integration`."""
    name = clipped(".".join(path.segments), LONGEST_TEXT)
    match path.root:
        case "customFields":
            return f"custom field {name}"
        case "sender" | "recipient":
            return f"the {path.root}'s {name}"
        case "envelope" if len(path.segments) == 1:
            return f"the envelope's {name}"
        case _:
            return clipped(path.text, LONGEST_TEXT)


def wish(tests: tuple[Test, ...]) -> str:
    """Return what tests want as an object: `"ERP"`, `one that starts with "PO "`."""
    if len(tests) == 1 and isinstance(tests[0], OneOf):
        return _one_of(tests[0].texts, "").lstrip()
    return f"one that {' and '.join(_test(test) for test in tests)}"


def unwished(tests: tuple[Test, ...]) -> str:
    """Return what the field's `not` rules out, after `must not`: `equal "ERP"`."""
    return " and ".join(_test(test, is_plural=True) for test in tests)


def quoted(text: str) -> str:
    """Return a text in quotes with control characters escaped, clipped."""
    return json.dumps(clipped(text, LONGEST_TEXT), ensure_ascii=False)


def clipped(text: str, longest: int) -> str:
    """Return a text, cut short with an ellipsis where it is too long."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _words(node: Node, *, is_inside: bool = False) -> str:
    match node:
        case Condition():
            return _condition(node)
        case Negation():
            return f"not ({_words(node.part)})"
        case AllOf() | AnyOf():
            word = " and " if isinstance(node, AllOf) else " or "
            # A thousand parts would be cut off anyway.
            parts = node.parts[: LONGEST_SENTENCE // 5]
            sentence = word.join(_words(part, is_inside=True) for part in parts)
            return f"({sentence})" if is_inside and len(node.parts) > 1 else sentence


def _condition(condition: Condition) -> str:
    parts: list[str] = []
    if condition.exists is not None:
        parts.append("is present" if condition.exists else "is absent")
    parts += [_test(test) for test in condition.holding]
    if condition.failing:
        failing = " and ".join(_test(test, is_plural=True) for test in condition.failing)
        parts.append(f"does not {failing}")
    return f"{clipped(condition.path.text, LONGEST_TEXT)} {' and '.join(parts)}"


def _test(test: Test, *, is_plural: bool = False) -> str:
    match test:
        case OneOf():
            return _one_of(test.texts, "equal" if is_plural else "equals")
        case TextTest():
            words = _TEXT_WORDS_PLURAL if is_plural else _TEXT_WORDS
            return f"{words[test.operator]} {quoted(test.text)}"
        case NumberTest():
            return f"{'lie' if is_plural else 'is'} {_ORDER_WORDS[test.operator]} {test.bound}"
        case MomentTest():
            return f"{'lie' if is_plural else 'is'} {_MOMENT_WORDS[test.operator]} {test.text}"


def _one_of(texts: tuple[str, ...], verb: str) -> str:
    if len(texts) == 1:
        return f"{verb} {quoted(texts[0])}"
    named = ", ".join(map(quoted, texts[:MOST_ENTRIES]))
    more = len(texts) - MOST_ENTRIES
    return f"{verb} one of {named}" + (f" and {more} more" if more > 0 else "")
