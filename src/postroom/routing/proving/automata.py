"""Text tests as automata that read real characters, one at a time.

Loose comparison and identifiers fold texts before they compare. A folded test is read through its
folding, character by character, so that exact and folded tests can be asked of the same text.
"""

import functools
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Protocol

from postroom.routing.conditions import MomentTest, NumberTest, OneOf, Test, TextTest
from postroom.routing.globs import OneChar, Place, split
from postroom.routing.readings import folded


class Automaton(Protocol):
    """Reads a text one character at a time; None is a state nothing is accepted from."""

    start: Hashable
    mentioned: frozenset[str]
    """Characters it may tell from others, with the first and last of each of its ranges."""
    ranges: tuple[tuple[str, str], ...]
    """From which character to which one it tells others from those outside."""

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
        places = [place for piece in pieces for place in piece]
        self._goal = 1 << len(places)
        self._stars = 0
        at = 0
        for piece in pieces[:-1]:
            at += len(piece)
            self._stars |= 1 << at
        self._masks: dict[str, int] = {}
        """The places of each character that is written out."""
        self._choices: list[tuple[int, OneChar]] = []
        for number, place in enumerate(places):
            if isinstance(place, OneChar):
                self._choices.append((1 << number, place))
            else:
                self._masks[place] = self._masks.get(place, 0) | 1 << number
        self.start: Hashable = 1
        self.mentioned = frozenset(char for place in places for char in _edges(place))
        self.ranges = tuple(one for _, place in self._choices for one in place.ranges)

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
        mask = self._masks.get(char, 0)
        for bit, place in self._choices:
            if place.admits(char):
                mask |= bit
        return mask


class Words:
    """Some texts; the state is what was read, as long as one of them begins so."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = sorted(set(texts))
        self.start: Hashable = ""
        self.ranges: tuple[tuple[str, str], ...] = ()
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
        self.ranges: tuple[tuple[str, str], ...] = ()
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
        self.ranges = inner.ranges

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


@functools.lru_cache(maxsize=4096)
def automaton(test: Test, *, is_loose: bool, is_lower: bool) -> Automaton:
    """Return the automaton of a test; of an order test, that of all it could ever hold for.

    `is_lower` says that values are lower case already, as identifiers are.
    """
    match test:
        case NumberTest():
            return trimmed(Digits(), is_loose=is_loose)
        case MomentTest():
            dates = Pattern(split("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*"))
            return trimmed(dates, is_loose=is_loose)
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


def trimmed(inner: Automaton, *, is_loose: bool) -> Automaton:
    """Return an automaton that reads past white space at both ends, if `is_loose`."""
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


def _edges(place: Place) -> Iterator[str]:
    if isinstance(place, OneChar):
        for ends in place.ranges:
            yield from ends
    else:
        yield place
