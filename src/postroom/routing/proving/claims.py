"""What must be so for a listener to want, or not to want, a notification: demands on places.

Kleene's logic, turned around: a condition that holds, or does not hold, asks something of the
values at its place, sometimes one of several things. Of a group that nobody listed anybody may be
a member, or not: it asks nothing, so that what is proved holds whoever is in it.
"""

from collections.abc import Sequence
from typing import Literal

from postroom import vocabulary
from postroom.model import Listener, Noun
from postroom.routing import grammar, paths
from postroom.routing.conditions import AllOf, AnyOf, Condition, Negation, Node, OneOf
from postroom.routing.proving.places import Spot, spot
from postroom.routing.proving.texts import Language
from postroom.routing.users import CompiledUsers

Ask = Literal["some", "never", "present", "absent"]


class Demand(Noun, frozen=True, kw_only=True, eq=False):
    """What is asked of the values at a place; compared by identity, which is fast.

    - `some`: one of them is in the language; `never`: none of them is;
    - `present`: there is one; `absent`: there is none.
    """

    spot: Spot
    ask: Ask
    language: Language | None = None


class Both:
    """All of these must be so."""

    def __init__(self, parts: Sequence["Plan"]) -> None:
        self.parts = tuple(parts)


class Either:
    """One of these must be so; of none, nothing is."""

    def __init__(self, parts: Sequence["Plan"]) -> None:
        self.parts = tuple(parts)


Plan = Demand | Both | Either

IMPOSSIBLE = Either(())
NOTHING_ASKED = Both(())


class Claims:
    """Listeners of one account as plans; equal demands are one object, to be compared fast."""

    def __init__(self, *, may_repeat: bool, is_sticky_apart: bool) -> None:
        self._may_repeat = may_repeat
        self._is_sticky_apart = is_sticky_apart
        self._spots: dict[tuple[str, tuple[str, ...], bool], Spot] = {}
        self._demands: dict[tuple[Spot, Ask, Language | None], Demand] = {}

    def plan(self, listener: Listener, users: CompiledUsers | None, *, is_wanted: bool) -> Plan:
        """Return what makes a listener want a notification, or (`is_wanted` False) decline it."""
        parts = [
            self._events(listener, is_wanted=is_wanted),
            self._users(users, is_wanted=is_wanted),
            self._filter(listener, is_wanted=is_wanted),
        ]
        return Both(parts) if is_wanted else Either(parts)

    def account(self, account_id: str) -> Demand:
        """Return the demand that every message is one of this account."""
        place = self._spot(_ACCOUNT, is_sticky=False)
        return self._demand(place, "some", Language(tests=(OneOf(texts=(account_id,)),)))

    def events(self, events: tuple[str, ...], *, is_wanted: bool) -> Plan:
        """Return the demand that a message tells, or does not tell, one of these events."""
        condition = Condition(path=_EVENT, holding=(OneOf(texts=events),))
        return self._condition(condition, is_wanted=is_wanted, is_loose=False, is_sticky=False)

    def _events(self, listener: Listener, *, is_wanted: bool) -> Plan:
        if not listener.events:
            return NOTHING_ASKED if is_wanted else IMPOSSIBLE
        # Those that there are come first: they make a witness that convinces people, too.
        known_first = sorted(listener.events, key=lambda event: event not in vocabulary.EVENTS)
        return self.events(tuple(known_first), is_wanted=is_wanted)

    def _users(self, users: CompiledUsers | None, *, is_wanted: bool) -> Plan:
        if users is None:
            return NOTHING_ASKED if is_wanted else IMPOSSIBLE
        is_among = is_wanted == users.is_only
        known = (
            # Ids are lower case already, addresses are compared trimmed and in any case.
            (_SENDER_ID, users.wanted_ids, False),
            (_SENDER_EMAIL, users.wanted_emails, True),
        )
        parts: list[Plan] = [
            self._condition(
                Condition(path=path, holding=(OneOf(texts=tuple(sorted(texts))),)),
                is_wanted=is_among,
                is_loose=is_loose,
                is_sticky=False,
            )
            for path, texts, is_loose in known
            if texts
        ]
        if not is_among:
            return Both(parts)
        # Those who are surely among them come first: only they make a witness that convinces.
        return Either([*parts, NOTHING_ASKED] if users.has_unknown_groups else parts)

    def _filter(self, listener: Listener, *, is_wanted: bool) -> Plan:
        if listener.filter is None:
            return NOTHING_ASKED if is_wanted else IMPOSSIBLE
        node = grammar.read(listener.filter).node
        if node is None:
            return IMPOSSIBLE  # flawed: it stays undecided, whatever comes
        return self._node(
            node,
            is_wanted=is_wanted,
            is_loose=listener.comparison == "loose",
            is_sticky=listener.field_policy == "sticky" and self._is_sticky_apart,
        )

    def _node(self, node: Node, *, is_wanted: bool, is_loose: bool, is_sticky: bool) -> Plan:
        match node:
            case Condition():
                return self._condition(
                    node, is_wanted=is_wanted, is_loose=is_loose, is_sticky=is_sticky
                )
            case Negation():
                return self._node(
                    node.part, is_wanted=not is_wanted, is_loose=is_loose, is_sticky=is_sticky
                )
            case AllOf() | AnyOf():
                parts = [
                    self._node(part, is_wanted=is_wanted, is_loose=is_loose, is_sticky=is_sticky)
                    for part in node.parts
                ]
                return Both(parts) if isinstance(node, AllOf) is is_wanted else Either(parts)

    def _condition(
        self, condition: Condition, *, is_wanted: bool, is_loose: bool, is_sticky: bool
    ) -> Plan:
        place = self._spot(condition.path, is_sticky=is_sticky)
        holding, failing = (
            Language(tests=tests, is_loose=is_loose, is_identifier=condition.path.is_identifier)
            if tests
            else None
            for tests in (condition.holding, condition.failing)
        )
        if condition.exists is False:
            if holding or failing:  # no value passes anything, and one is not absent
                return NOTHING_ASKED if not is_wanted else IMPOSSIBLE
            return self._demand(place, "absent" if is_wanted else "present")
        if is_wanted:
            asked: list[Plan] = [self._demand(place, "present")]
            asked += [self._demand(place, "some", holding)] if holding else []
            asked += [self._demand(place, "never", failing)] if failing else []
            return Both(asked)
        refused: list[Plan] = []
        # What never passes may also be absent; without a test, absence is all that is left.
        refused.append(
            self._demand(place, "never", holding) if holding else self._demand(place, "absent")
        )
        refused += [self._demand(place, "some", failing)] if failing else []
        return Either(refused)

    def _spot(self, path: paths.Path, *, is_sticky: bool) -> Spot:
        key = (path.root, path.segments, is_sticky)
        if key not in self._spots:
            self._spots[key] = spot(path, is_sticky=is_sticky, may_repeat=self._may_repeat)
        return self._spots[key]

    def _demand(self, place: Spot, ask: Ask, language: Language | None = None) -> Demand:
        key = (place, ask, language)
        if key not in self._demands:
            self._demands[key] = Demand(spot=place, ask=ask, language=language)
        return self._demands[key]


def _path(text: str) -> paths.Path:
    path = paths.parse(text)
    assert isinstance(path, paths.Path)  # noqa: S101  # constants below, every one a path
    return path


_EVENT = _path("event")
_ACCOUNT = _path("accountId")
_SENDER_ID = _path("sender.userId")
_SENDER_EMAIL = _path("sender.email")
