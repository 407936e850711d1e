"""What a checked filter says, as values: small enough to evaluate, to describe and to prove with.

A text test denotes a regular language, an order test an interval: keep it so.
"""

from decimal import Decimal
from typing import Literal

from postroom.model import Noun
from postroom.routing.paths import Path

TextOperator = Literal["startsWith", "endsWith", "contains", "glob", "equalsIgnoreCase"]
OrderOperator = Literal["gt", "gte", "lt", "lte"]


class OneOf(Noun, frozen=True, kw_only=True, tag="one-of"):
    """The value is one of these texts: `equals` and `in`."""

    texts: tuple[str, ...]


class TextTest(Noun, frozen=True, kw_only=True, tag="text"):
    """The value as a whole, or its beginning, end or inside, reads so."""

    operator: TextOperator
    text: str


class NumberTest(Noun, frozen=True, kw_only=True, tag="number"):
    """The value is a number, and on this side of the bound."""

    operator: OrderOperator
    bound: Decimal


class MomentTest(Noun, frozen=True, kw_only=True, tag="moment"):
    """The value is a date or a time, and on this side of the bound."""

    operator: OrderOperator
    bound: int
    """Microseconds since the epoch; a time without a zone is UTC."""
    text: str
    """The bound as it was written."""


Test = OneOf | TextTest | NumberTest | MomentTest


class Condition(Noun, frozen=True, kw_only=True, tag="condition"):
    """What is asked of the values at one path; every part that is given must hold.

    - `exists`: there is a value, or (False) there is none.
    - `holding`: some one value passes all of these tests.
    - `failing`: there is a value, and no value passes all of these tests (the field's `not`).
    """

    path: Path
    exists: bool | None = None
    holding: tuple[Test, ...] = ()
    failing: tuple[Test, ...] = ()


class AllOf(Noun, frozen=True, kw_only=True, tag="all"):
    """Every part holds: a mapping, or `all`."""

    parts: tuple["Node", ...]


class AnyOf(Noun, frozen=True, kw_only=True, tag="any"):
    """Some part holds: `any`."""

    parts: tuple["Node", ...]


class Negation(Noun, frozen=True, kw_only=True, tag="not"):
    """The part does not hold: `not` around conditions, plain Kleene negation."""

    part: "Node"


Node = Condition | AllOf | AnyOf | Negation


def conjuncts(node: Node | None) -> tuple[Node, ...]:
    """Return what must hold whatever else: the parts of the outermost `all`, flattened."""
    if node is None:
        return ()
    if isinstance(node, AllOf):
        return tuple(inner for part in node.parts for inner in conjuncts(part))
    return (node,)


def pinned_texts(node: Node) -> tuple[str, tuple[str, ...]] | None:
    """Return (custom field's name, texts) if the node holds only where it has one of them."""
    if not isinstance(node, Condition) or node.path.root != "customFields":
        return None
    for test in node.holding:
        if isinstance(test, OneOf):
            return node.path.segments[0], test.texts
    return None
