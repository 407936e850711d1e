"""How near a value comes to what a condition wants: misspelt, in a field nearly of that name."""

from collections.abc import Callable, Iterator
from typing import Literal

from postroom.model import Listener, Noun
from postroom.routing import evaluation, readings
from postroom.routing.conditions import Condition, OneOf, Test, TextTest
from postroom.routing.content import Content
from postroom.routing.explaining import spelling
from postroom.routing.paths import Path

MOST_VALUES = 50
"""Values, and names of fields, that are compared for one condition."""
MOST_TEXTS = 200
"""Wanted texts that each is compared with."""
_KINDS_OF_FIELDS = ("textCustomFields", "listCustomFields")
_A_NUMBER = ("the same number, written differently",)


class Nearness(Noun, frozen=True, kw_only=True):
    """A value that would have matched but for the way it is written, or the field it is in."""

    kind: Literal["spelling", "number", "name", "place"]
    """`name`: the field's name is misspelt. `place`: it is in a list field, not in a text one."""
    seen: str
    wanted: str
    how: tuple[str, ...]
    """The differences in words: `trailing space`, `case differs`."""


class Sieve:
    """What one listener's conditions let pass, by its own way of comparing."""

    def __init__(self, listener: Listener, content: Content) -> None:
        self._content = content
        self._is_loose = listener.comparison == "loose"
        self._is_sticky = listener.field_policy == "sticky"

    def passes(self, condition: Condition, values: tuple[str, ...]) -> bool:
        """Return whether some value passes all that the condition wants of one."""
        fold: Callable[[str], str] | None = None
        if condition.path.is_identifier and not self._is_loose:
            fold = str.lower
        passes = evaluation.passes_all(condition.holding, is_loose=self._is_loose, fold=fold)
        return passes is None or any(map(passes, values))

    def near(self, condition: Condition, values: tuple[str, ...]) -> Nearness | None:
        """Return what came nearest to a condition that does not hold; None where nothing did."""
        if not values:
            return self._name(condition) or self._place(condition)
        wants_one = len(condition.holding) == 1 and condition.exists is not False
        if not wants_one or self.passes(condition, values):
            return None
        found = [
            near
            for value in values[:MOST_VALUES]
            for near in self._value(value, condition.holding[0])
        ]
        return min(found, key=lambda near: spelling.weight(near.how), default=None)

    def fields(self) -> dict[str, tuple[str, ...]]:
        """Return the envelope's custom fields, as far as they are known."""
        return dict(self._content.custom_fields(is_sticky=self._is_sticky) or {})

    def _value(self, value: str, test: Test) -> Iterator[Nearness]:
        seen = readings.folded(value) if self._is_loose else value
        for wanted, compared in _candidates(test, seen):
            text = readings.folded(wanted) if self._is_loose else wanted
            if _are_one_number(compared, text):
                yield Nearness(kind="number", seen=value, wanted=wanted, how=_A_NUMBER)
                continue
            how = spelling.differences(compared, text)
            # A beginning that is "close" is most often another word.
            if how and (isinstance(test, OneOf) or how != (spelling.A_CLOSE_SPELLING,)):
                yield Nearness(kind="spelling", seen=value, wanted=wanted, how=how)

    def _name(self, condition: Condition) -> Nearness | None:
        """Find what is wanted under a name that is nearly the field's own."""
        if condition.path.root != "customFields":
            return None
        wanted = condition.path.segments[0]
        for name, values in list(self.fields().items())[:MOST_VALUES]:
            how = spelling.differences(name, wanted)
            if how and self.passes(condition, values):
                return Nearness(kind="name", seen=name, wanted=wanted, how=how)
        return None

    def _place(self, condition: Condition) -> Nearness | None:
        """Find in the list fields what was looked for in the text fields, or the reverse."""
        root, segments = condition.path.root, condition.path.segments
        is_of_kind = root == "envelope" and segments[:1] == ("customFields",) and segments[1:]
        if not is_of_kind or segments[1] not in _KINDS_OF_FIELDS:
            return None
        other = _KINDS_OF_FIELDS[1 - _KINDS_OF_FIELDS.index(segments[1])]
        moved = ("customFields", other, *segments[2:])
        there = Path(text=".".join((root, *moved)), root="envelope", segments=moved)
        values = self._content.look(there, is_sticky=self._is_sticky).values
        if not values or not self.passes(condition, values):
            return None
        return Nearness(kind="place", seen=values[0], wanted=segments[1], how=(f"in {other}",))


def _candidates(test: Test, value: str) -> Iterator[tuple[str, str]]:
    """Yield (text wanted, the part of the value it is compared with)."""
    if isinstance(test, OneOf):
        yield from ((text, value) for text in test.texts[:MOST_TEXTS])
    elif isinstance(test, TextTest):
        yield from ((test.text, part) for part in _parts(test, value))


def _parts(test: TextTest, value: str) -> tuple[str, ...]:
    size = len(test.text)
    match test.operator:
        case "startsWith":
            return value[:size], value.lstrip()[:size]
        case "endsWith":
            return value[-size:], value.rstrip()[-size:]
        case "contains":
            at = value.casefold().find(test.text.casefold())
            return (value[at : at + size],) if at >= 0 else ()
        case "equalsIgnoreCase":
            return (value,)
        case _:
            return ()


def _are_one_number(one: str, other: str) -> bool:
    number = readings.number(one)
    return number is not None and one != other and number == readings.number(other)
