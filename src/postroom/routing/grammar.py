"""Read a filter as people write it into what it says, or into complaints with their remedy."""

from postroom.model import Json, Noun
from postroom.routing import operands, paths
from postroom.routing.conditions import AllOf, AnyOf, Condition, Negation, Node, Test

DEEPEST = 32
"""Levels of `all`, `any` and `not` inside each other."""
MOST_CONDITIONS = 1_000
"""Conditions and combinators in one filter."""
MOST_COMPLAINTS = 100

COMBINATORS = ("all", "any", "not")
FIELD_OPERATORS = ("exists", "not", *operands.OPERATORS)


class Complaint(Noun, frozen=True, kw_only=True):
    """What is wrong at one place of a filter, and what to do about it."""

    path: tuple[str | int, ...]
    """Keys and indexes from the filter's outside to the place."""
    message: str


class Reading(Noun, frozen=True, kw_only=True):
    """A filter read: what it says, or (`node` is None) why it says nothing."""

    node: Node | None
    complaints: tuple[Complaint, ...] = ()


def read(filter_: Json) -> Reading:
    """Read a filter; None, the filter of a listener that wants all content, has no node."""
    if filter_ is None:
        return Reading(node=None)
    reader = _Reader()
    node = reader.mapping(filter_, (), depth=1)
    if reader.complaints:
        return Reading(node=None, complaints=tuple(reader.complaints))
    return Reading(node=node)


Place = tuple[str | int, ...]


class _Reader:
    """Walks a filter once, collecting complaints; after one, what it returns is not used."""

    def __init__(self) -> None:
        self.complaints: list[Complaint] = []
        self._conditions = 0
        self._entries = 0

    def mapping(self, filter_: Json, place: Place, *, depth: int) -> Node | None:
        """Read a mapping of paths and combinators, all of which must hold."""
        if not isinstance(filter_, dict):
            self._complain(place, "write a mapping here, such as customFields.NAME: VALUE")
            return None
        if not filter_:
            self._complain(place, "an empty condition says nothing; fill it or remove it")
            return None
        if depth > DEEPEST:
            self._complain(place, f"nested deeper than {DEEPEST} levels; flatten it")
            return None
        parts: list[Node] = []
        for key, operand in filter_.items():
            if not self._has_room(place):
                return None
            part = self._entry(key, operand, place, depth)
            if part is not None:
                parts.append(part)
        return parts[0] if len(parts) == 1 else AllOf(parts=tuple(parts))

    def _entry(self, key: object, operand: Json, place: Place, depth: int) -> Node | None:
        if not isinstance(key, str):
            self._complain(
                (*place, key if isinstance(key, int) else str(key)),
                "a path is text; put the key in quotes",
            )
            return None
        inside = (*place, key)
        if key == "not":
            part = self.mapping(operand, inside, depth=depth + 1)
            return None if part is None else Negation(part=part)
        if key in COMBINATORS:
            parts = self._parts(key, operand, inside, depth)
            return AllOf(parts=parts) if key == "all" else AnyOf(parts=parts)
        if key in FIELD_OPERATORS:
            self._complain(
                inside, f"`{key}` is an operator; put it under a path: PATH: {{{key}: …}}"
            )
            return None
        path = paths.parse(key)
        if isinstance(path, paths.Misfit):
            self._complain(inside, path.message)
            return None
        return self._condition(path, operand, inside)

    def _parts(self, key: str, operand: Json, place: Place, depth: int) -> tuple[Node, ...]:
        if not isinstance(operand, list) or not operand:
            self._complain(place, f"`{key}` wants a list of conditions with at least one in it")
            return ()
        parts: list[Node] = []
        for index, filter_ in enumerate(operand):
            if not self._has_room(place):
                return ()
            part = self.mapping(filter_, (*place, index), depth=depth + 1)
            if part is not None:
                parts.append(part)
        return tuple(parts)

    def _condition(self, path: paths.Path, operand: Json, place: Place) -> Condition | None:
        if not isinstance(operand, dict):
            test = self._test("in" if isinstance(operand, list) else "equals", operand, place)
            return None if test is None else Condition(path=path, holding=(test,))
        exists: bool | None = None
        failing: tuple[Test, ...] = ()
        plain = {key: value for key, value in operand.items() if key not in {"exists", "not"}}
        if "exists" in operand:
            exists = self._exists(operand["exists"], (*place, "exists"))
        if "not" in operand:
            failing = self._failing(operand["not"], (*place, "not"))
        if not operand:
            self._complain(place, "an empty mapping asks nothing; name an operator and a value")
        holding = self._tests(plain, place)
        return Condition(path=path, exists=exists, holding=holding, failing=failing)

    def _exists(self, operand: Json, place: Place) -> bool | None:
        if isinstance(operand, bool):
            return operand
        self._complain(place, "`exists` wants true or false, without quotes")
        return None

    def _failing(self, operand: Json, place: Place) -> tuple[Test, ...]:
        if isinstance(operand, dict) and operand:
            return self._tests(operand, place, within_not=True)
        test = self._test("in" if isinstance(operand, list) else "equals", operand, place)
        return (test,) if test else ()

    def _tests(
        self, tests: dict[object, Json], place: Place, *, within_not: bool = False
    ) -> tuple[Test, ...]:
        found: list[Test] = []
        for key, operand in tests.items():
            if not self._has_room(place):
                break
            inside = (*place, key if isinstance(key, str | int) else str(key))
            if isinstance(key, str) and key in operands.OPERATORS:
                test = self._test(key, operand, inside)
                if test is not None:
                    found.append(test)
            else:
                self._complain(inside, _not_an_operator(key, within_not=within_not))
        return tuple(found)

    def _test(self, operator: str, operand: Json, place: Place) -> Test | None:
        self._entries += len(operand) if isinstance(operand, list) else 1
        if self._entries > operands.MOST_IN_A_FILTER:
            self._complain(
                place, f"more than {operands.MOST_IN_A_FILTER} values in one filter; split it"
            )
            return None
        test = operands.read(operator, operand)
        if isinstance(test, operands.Misfit):
            where = place if test.index is None else (*place, test.index)
            self._complain(where, test.message)
            return None
        return test

    def _has_room(self, place: Place) -> bool:
        """Count one more condition; aliases let a small file unfold into a huge filter."""
        self._conditions += 1
        if self._conditions == MOST_CONDITIONS + 1:
            self._complain(place, f"more than {MOST_CONDITIONS} conditions; split the listener")
        return self._conditions <= MOST_CONDITIONS

    def _complain(self, place: Place, message: str) -> None:
        if len(self.complaints) < MOST_COMPLAINTS:
            self.complaints.append(Complaint(path=place, message=message))


def _not_an_operator(key: object, *, within_not: bool) -> str:
    word = paths.shown(str(key))
    if within_not and key in {"not", "exists"}:
        return f"a field's `not` cannot hold `{word}`; write not: {{PATH: {{{word}: …}}}} around it"
    if key in {"all", "any"}:
        return f"`{word}` combines conditions, not values; put it beside the path, not under it"
    close = paths.suggest(word, FIELD_OPERATORS)
    if close:
        return f"`{word}` is not an operator; did you mean `{close}`?"
    return f"`{word}` is not an operator; there are {', '.join(FIELD_OPERATORS)}"
