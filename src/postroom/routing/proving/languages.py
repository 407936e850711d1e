"""Whether one text can pass several tests: their automata, walked side by side.

The alphabet is cut down to characters that no automaton tells apart.
"""

import functools
import sys
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence

from postroom.routing.proving.automata import Automaton, Folded, Words, trimmed

MOST_STATES = 20_000
"""States looked at before a question is given up."""
MOST_STEPS = 200_000
"""Steps from state to state likewise: some tenths of a second."""

_State = tuple[Hashable, ...]
_Graph = dict[_State, list[tuple[str, _State]]]

_SURROGATES = range(0xD800, 0xE000)
_SPELLING = "0123456789+-.,:eETtZzWw \n"
"""Characters that mean something in numbers and moments."""
_MOST_INSIDE = 300
"""Characters of a range that are looked at singly."""
_PLEASANT = "xaX0-_ "


class TooManyStates(Exception):  # noqa: N818  # it is no error of anybody's: a budget is spent
    """The question is too large for the budget."""


def alphabet(automata: Sequence[Automaton], *, is_lower: bool) -> list[str]:
    """Return characters that stand for all others: as many as the automata tell apart."""
    is_folded = [isinstance(one, Folded) and one.is_folding for one in automata]
    mentioned = frozenset[str]().union(*(one.mentioned for one in automata))
    found: dict[Hashable, str] = {}
    every = [*_PLEASANT, *sorted(mentioned), *_between(mentioned, is_lower=is_lower)]
    if any(isinstance(one, Folded) for one in automata):
        every += _spaces()
    if any(is_folded) and (is_lower or not all(is_folded)):
        # Where every test folds, a text may as well be folded already: none of these is in it.
        inside = _inside({one for automaton in automata for one in automaton.ranges})
        every += _specials() if inside is None else _specials_beside(mentioned | inside)
    for char in every:
        if not is_lower or char.lower() == char:
            found.setdefault(tuple(one.trait(char) for one in automata), char)
    return list(found.values())


class Question:
    """Which texts every automaton of `wanted` accepts, and of each group in `unwanted` not all."""

    def __init__(
        self,
        wanted: Sequence[Automaton],
        unwanted: Sequence[Sequence[Automaton]],
        *,
        is_lower: bool,
        is_ordered: bool = False,
    ) -> None:
        """`is_ordered`: tell apart what numbers and moments are spelt with, whoever asks."""
        self._automata = [*wanted, *(one for group in unwanted for one in group)]
        self._wanted = len(wanted)
        self._steps_left = MOST_STEPS
        self._groups: list[range] = []
        at = self._wanted
        for group in unwanted:
            self._groups.append(range(at, at + len(group)))
            at += len(group)
        told_apart = [*self._automata, trimmed(Words(_SPELLING), is_loose=is_ordered)]
        self._alphabet = alphabet(told_apart if is_ordered else self._automata, is_lower=is_lower)

    def shortest(self) -> str | None:
        """Return a shortest such text, or None if there is none; raises `TooManyStates`."""
        start = self._start()
        seen = {start: ""}
        queue = deque([start])
        while queue:
            state = queue.popleft()
            if self._accepts(state):
                return seen[state]
            for char, after in self._steps(state):
                if after not in seen:
                    seen[after] = seen[state] + char
                    queue.append(after)
            if len(seen) > MOST_STATES:
                raise TooManyStates
        return None

    def texts(self) -> Iterator[str]:
        """Yield all such texts, short ones first, made of the alphabet.

        Raises `TooManyStates` where there are too many, or too long ones, to go on.
        """
        graph = self._graph()
        live = _leading_to(graph, [state for state in graph if self._accepts(state)])
        start = self._start()
        queue = deque([(start, "")] if start in live else [])
        looked_at = 0
        while queue:
            looked_at += 1
            if looked_at > MOST_STATES // 4:
                raise TooManyStates
            state, text = queue.popleft()
            if self._accepts(state):
                yield text
            queue.extend((after, text + char) for char, after in graph[state] if after in live)

    def _graph(self) -> _Graph:
        graph: _Graph = {}
        queue = [self._start()]
        while queue:
            state = queue.pop()
            if state in graph:
                continue
            graph[state] = list(self._steps(state))
            queue += [after for _, after in graph[state]]
            if len(graph) > MOST_STATES // 4:
                raise TooManyStates
        return graph

    def _start(self) -> _State:
        return tuple(one.start for one in self._automata)

    def _steps(self, state: _State) -> Iterator[tuple[str, _State]]:
        self._steps_left -= len(self._alphabet)
        if self._steps_left < 0:
            raise TooManyStates
        for char in self._alphabet:
            after = tuple(
                None if inside is None else one.step(inside, char)
                for one, inside in zip(self._automata, state, strict=True)
            )
            if None not in after[: self._wanted]:
                yield char, after

    def _accepts(self, state: _State) -> bool:
        def is_accepted(at: int) -> bool:
            return state[at] is not None and self._automata[at].accepts(state[at])

        return all(map(is_accepted, range(self._wanted))) and not any(
            all(map(is_accepted, group)) for group in self._groups
        )


def _leading_to(graph: _Graph, ends: Iterable[_State]) -> set[_State]:
    """Return the states from which one of the ends can be reached."""
    before: dict[_State, list[_State]] = {}
    for state, steps in graph.items():
        for _, after in steps:
            before.setdefault(after, []).append(state)
    live: set[_State] = set()
    queue = list(ends)
    while queue:
        state = queue.pop()
        if state not in live:
            live.add(state)
            queue += before.get(state, ())
    return live


def _between(mentioned: frozenset[str], *, is_lower: bool) -> Iterator[str]:
    """Yield a character from each gap between those mentioned: an ordinary one if there is one.

    In the gap of `[K-N]` are only `L` and `M`, which fold to others: one of them stands for both.
    """
    edges = sorted({0, *(ord(char) + after for char in mentioned for after in (0, 1))})
    for low, high in zip(edges, [*edges[1:], sys.maxunicode + 1], strict=True):
        others: list[str] = []
        for point in range(low, high):
            if point in _SURROGATES or (is_lower and chr(point).lower() != chr(point)):
                continue
            if not chr(point).isspace() and chr(point) not in _special_set():
                yield chr(point)
                break
            others.append(chr(point))
        else:
            yield from others[-1:]


@functools.cache
def _specials() -> tuple[str, ...]:
    """Return the characters whose folding is not themselves: some fifteen hundred."""
    every = (chr(point) for point in range(sys.maxunicode + 1) if point not in _SURROGATES)
    return tuple(char for char in every if char.casefold() != char)


def _inside(ranges: Iterable[tuple[str, str]]) -> frozenset[str] | None:
    """Return the characters in some ranges, None for more than are worth looking at singly."""
    found: set[str] = set()
    for low, high in ranges:
        if ord(high) - ord(low) > _MOST_INSIDE:
            return None
        found.update(map(chr, range(ord(low), ord(high) + 1)))
    return frozenset(found)


def _specials_beside(mentioned: frozenset[str]) -> Iterator[str]:
    """Yield those that a test may tell from others: by itself, by its folding, or that's length.

    Any other folds to one character that nobody mentions, and reads like an ordinary one.
    """
    by_folding, long = _foldings()
    for char in sorted(mentioned):
        yield from by_folding.get(char, ())
        yield from (char,) if char in _special_set() else ()
    yield from long


@functools.cache
def _foldings() -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Return the special characters by the one they fold to, and those that fold to several."""
    by_folding: dict[str, list[str]] = {}
    for char in _specials():
        if len(folding := char.casefold()) == 1:
            by_folding.setdefault(folding, []).append(char)
    return by_folding, tuple(char for char in _specials() if len(char.casefold()) > 1)


@functools.cache
def _special_set() -> frozenset[str]:
    return frozenset(_specials())


@functools.cache
def _spaces() -> tuple[str, ...]:
    return tuple(chr(point) for point in range(0x3001) if chr(point).isspace())
