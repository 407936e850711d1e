"""Text tests as automata that read real characters: whether one text can pass several of them.

Loose comparison and identifiers fold texts before they compare. A folded test is read through its
folding, character by character, so that exact and folded tests can be asked of the same text.
The alphabet is cut down to characters that no test tells apart.
"""

import functools
import sys
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Protocol

from postroom.routing.conditions import MomentTest, NumberTest, OneOf, Test, TextTest
from postroom.routing.globs import OneChar, Place, split
from postroom.routing.readings import folded

MOST_STATES = 20_000
"""States looked at before a question is given up."""
MOST_STEPS = 200_000
"""Steps from state to state likewise: some tenths of a second."""

_State = tuple[Hashable, ...]
_Graph = dict[_State, list[tuple[str, _State]]]

_SURROGATES = range(0xD800, 0xE000)
_SPELLING = "0123456789+-.,:eETtZzWw \n"
"""Characters that mean something in numbers and moments."""
_PLEASANT = "xaX0-_ "


class TooManyStates(Exception):  # noqa: N818  # it is no error of anybody's: a budget is spent
    """The question is too large for the budget."""


class Automaton(Protocol):
    """Reads a text one character at a time; None is a state nothing is accepted from."""

    start: Hashable
    mentioned: frozenset[str]
    """Characters it may tell from others, with the first and last of each of its ranges."""

    def step(self, state: Hashable, char: str) -> Hashable:
        """Return the state after one more character."""
        ...

    def accepts(self, state: Hashable) -> bool:
        """Return whether the text may end here."""
        ...

    def trait(self, char: str) -> Hashable:
        """Return the same for characters that it does not tell apart."""
        ...


class Pattern:
    """Places with stars between them, as a set of positions: one bit each."""

    def __init__(self, pieces: Sequence[Sequence[Place]]) -> None:
        self._places = [place for piece in pieces for place in piece]
        self._goal = 1 << len(self._places)
        self._stars = 0
        at = 0
        for piece in pieces[:-1]:
            at += len(piece)
            self._stars |= 1 << at
        self._masks: dict[str, int] = {}
        self.start: Hashable = 1
        self.mentioned = frozenset(char for place in self._places for char in _edges(place))

    def step(self, state: Hashable, char: str) -> Hashable:
        """Return the positions after one more character."""
        assert isinstance(state, int)  # noqa: S101  # for the type checker: our own state
        state = (state & self.trait(char)) << 1 | (state & self._stars)
        if state & self._goal & self._stars:
            return self._goal
        return state or None

    def accepts(self, state: Hashable) -> bool:
        """Return whether the last position is among those reached."""
        return isinstance(state, int) and bool(state & self._goal)

    def trait(self, char: str) -> int:
        """Return the places that the character fits."""
        mask = self._masks.get(char)
        if mask is None:
            mask = sum(1 << n for n, place in enumerate(self._places) if _fits(place, char))
            self._masks[char] = mask
        return mask


class Words:
    """Some texts; the state is what was read, as long as one of them begins so."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = sorted(set(texts))
        self.start: Hashable = ""
        self.mentioned = frozenset(char for text in self._texts for char in text)

    def step(self, state: Hashable, char: str) -> Hashable:
        """Return what was read, or None where no text goes on so."""
        read = f"{state}{char}"
        at = bisect_left(self._texts, read)
        return read if at < len(self._texts) and self._texts[at].startswith(read) else None

    def accepts(self, state: Hashable) -> bool:
        """Return whether what was read is one of the texts."""
        at = bisect_left(self._texts, str(state))
        return at < len(self._texts) and self._texts[at] == state

    def trait(self, char: str) -> Hashable:
        """Return the character itself where a text has it."""
        return char if char in self.mentioned else None


class Digits:
    """What reads as a number, its length aside."""

    _NEXT = {  # noqa: RUF012  # a table that nobody changes
        ("begin", "d"): "whole",
        ("begin", "s"): "signed",
        ("begin", "."): "bare",
        ("signed", "d"): "whole",
        ("signed", "."): "bare",
        ("whole", "d"): "whole",
        ("whole", "."): "part",
        ("whole", "e"): "e",
        ("bare", "d"): "part",
        ("part", "d"): "part",
        ("part", "e"): "e",
        ("e", "s"): "e+",
        ("e", "d"): "e1",
        ("e+", "d"): "e1",
        ("e1", "d"): "e2",
        ("e2", "d"): "e3",
        ("e3", "d"): "e4",
    }
    _TRAITS = {**dict.fromkeys("0123456789", "d"), "+": "s", "-": "s", ".": ".", "e": "e", "E": "e"}  # noqa: RUF012  # as above
    _ENDS = frozenset({"whole", "part", "e1", "e2", "e3", "e4"})

    def __init__(self) -> None:
        self.start: Hashable = "begin"
        self.mentioned = frozenset(self._TRAITS)

    def step(self, state: Hashable, char: str) -> Hashable:
        """Return the part of the number that the character is in."""
        return self._NEXT.get((str(state), self._TRAITS.get(char, "")))

    def accepts(self, state: Hashable) -> bool:
        """Return whether a number may end here."""
        return state in self._ENDS

    def trait(self, char: str) -> Hashable:
        """Return the character itself: as digits they are alike, as numbers not."""
        return char if char in self.mentioned else None


class Folded:
    """An automaton read through a folding of characters, trimmed first or not."""

    def __init__(
        self, inner: Automaton, *, fold: Callable[[str], str] | None, is_trimmed: bool
    ) -> None:
        self._inner = inner
        self._fold = fold
        self._is_trimmed = is_trimmed
        self.is_folding = fold is not None
        self.start: Hashable = (inner.start, inner.start, False)
        self.mentioned = inner.mentioned

    def step(self, state: Hashable, char: str) -> Hashable:
        """Keep what is reached without trailing space, what with it, and whether text began."""
        assert isinstance(state, tuple)  # noqa: S101  # for the type checker: our own state
        kept, running, has_begun = state
        is_space = self._is_trimmed and char.isspace()
        if is_space and not has_begun:
            return state
        for read in self._fold(char) if self._fold else char:
            running = None if running is None else self._inner.step(running, read)
        if is_space:
            accepted = kept is not None and self._inner.accepts(kept)
            return (
                (kept if accepted else None, running, True)
                if accepted or running is not None
                else None
            )
        return None if running is None else (running, running, True)

    def accepts(self, state: Hashable) -> bool:
        """Return whether it is accepted without its trailing space."""
        return isinstance(state, tuple) and state[0] is not None and self._inner.accepts(state[0])

    def trait(self, char: str) -> Hashable:
        """Return what its folding is to the automaton inside, and whether it is space."""
        inside = tuple(map(self._inner.trait, self._fold(char) if self._fold else char))
        return inside, self._is_trimmed and char.isspace()


def automaton(test: Test, *, is_loose: bool, is_lower: bool) -> Automaton:
    """Return the automaton of a test; of an order test, that of all it could ever hold for.

    `is_lower` says that values are lower case already, as identifiers are.
    """
    match test:
        case NumberTest():
            return _trimmed(Digits(), is_loose=is_loose)
        case MomentTest():
            dates = Pattern(split("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*"))
            return _trimmed(dates, is_loose=is_loose)
    fold = folded if is_loose else str.lower if is_lower else None
    is_cased = isinstance(test, TextTest) and test.operator == "equalsIgnoreCase"
    if fold is None and is_cased:
        fold = str.casefold
    read: Automaton
    if isinstance(test, OneOf):
        read = Words(map(fold, test.texts) if fold else test.texts)
    else:
        read = Pattern(_pieces(test, fold(test.text) if fold else test.text))
    if fold is None or fold is str.lower:
        return read
    return Folded(read, fold=str.casefold, is_trimmed=is_loose)


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
        every += _specials()
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
        told_apart = [*self._automata, _trimmed(Words(_SPELLING), is_loose=is_ordered)]
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


def _trimmed(inner: Automaton, *, is_loose: bool) -> Automaton:
    return Folded(inner, fold=None, is_trimmed=True) if is_loose else inner


def _pieces(test: TextTest, text: str) -> list[tuple[Place, ...]]:
    literal = tuple(text)
    match test.operator:
        case "startsWith":
            return [literal, ()]
        case "endsWith":
            return [(), literal]
        case "contains":
            return [(), literal, ()]
        case "glob":
            return split(text)
        case _:
            return [literal]


def _fits(place: Place, char: str) -> bool:
    return place == char if isinstance(place, str) else place.admits(char)


def _edges(place: Place) -> Iterator[str]:
    if isinstance(place, OneChar):
        for ends in place.ranges:
            yield from ends
    else:
        yield place


def _between(mentioned: frozenset[str], *, is_lower: bool) -> Iterator[str]:
    """Yield an ordinary character from each gap between those mentioned."""
    edges = sorted({0, *(ord(char) + after for char in mentioned for after in (0, 1))})
    for low, high in zip(edges, [*edges[1:], sys.maxunicode + 1], strict=True):
        for point in range(low, high):
            char = chr(point)
            if point in _SURROGATES or char.isspace() or char in _special_set():
                continue
            if not is_lower or char.lower() == char:
                yield char
                break


@functools.cache
def _specials() -> tuple[str, ...]:
    """Return the characters whose folding is not themselves: some fifteen hundred."""
    every = (chr(point) for point in range(sys.maxunicode + 1) if point not in _SURROGATES)
    return tuple(char for char in every if char.casefold() != char)


@functools.cache
def _special_set() -> frozenset[str]:
    return frozenset(_specials())


@functools.cache
def _spaces() -> tuple[str, ...]:
    return tuple(chr(point) for point in range(0x3001) if chr(point).isspace())
