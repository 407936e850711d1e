"""Glob patterns in linear time: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`; all else is literal.

A value can be megabytes and hostile, so no pattern may backtrack. Between stars, text is found
by `str.find`, which is linear, and text with wildcards by shift-and: one bit per place, one pass.
"""

from collections.abc import Iterator
from typing import Protocol

from postroom.model import Noun


class OneChar(Noun, frozen=True, kw_only=True):
    """One character: any (`?`), or one inside (or outside) some ranges."""

    ranges: tuple[tuple[str, str], ...] = ()
    is_negated: bool = True
    """With no ranges: any character at all."""

    def admits(self, char: str) -> bool:
        """Return whether the character fits."""
        return any(low <= char <= high for low, high in self.ranges) != self.is_negated


Place = str | OneChar
"""One character of a pattern: itself, or a choice."""


class _Piece(Protocol):
    """What stands between two stars."""

    length: int

    def at(self, value: str, start: int) -> bool: ...

    def after(self, value: str, start: int) -> int:
        """Return where the first occurrence from `start` on ends, or -1."""
        ...


class _Literal:
    def __init__(self, text: str) -> None:
        self._text = text
        self.length = len(text)

    def at(self, value: str, start: int) -> bool:
        return value.startswith(self._text, start)

    def after(self, value: str, start: int) -> int:
        found = value.find(self._text, start)
        return -1 if found < 0 else found + self.length


class _Wild:
    def __init__(self, places: tuple[Place, ...]) -> None:
        self._places = places
        self.length = len(places)

    def at(self, value: str, start: int) -> bool:
        window = value[start : start + self.length]
        return len(window) == self.length and all(map(_fits, self._places, window))

    def after(self, value: str, start: int) -> int:
        goal = 1 << (self.length - 1)
        masks: dict[str, int] = {}
        reached = 0
        for index in range(start, len(value)):
            char = value[index]
            mask = masks.get(char)
            if mask is None:
                mask = masks[char] = self._mask(char)
            reached = (reached << 1 | 1) & mask
            if reached & goal:
                return index + 1
        return -1

    def _mask(self, char: str) -> int:
        return sum(1 << n for n, place in enumerate(self._places) if _fits(place, char))


def _fits(place: Place, char: str) -> bool:
    return place == char if isinstance(place, str) else place.admits(char)


class Glob:
    """A compiled pattern."""

    def __init__(self, pattern: str) -> None:
        pieces = [_piece(places) for places in split(pattern)]
        self._first, *self._middle = pieces
        self._last = self._middle.pop() if self._middle else None

    def matches(self, value: str) -> bool:
        """Return whether the pattern describes the whole value, case and all."""
        if not self._first.at(value, 0):
            return False
        if self._last is None:
            return len(value) == self._first.length
        position = self._first.length
        for piece in self._middle:
            # The leftmost place is always good enough: it leaves the most to what follows.
            position = piece.after(value, position)
            if position < 0:
                return False
        end = len(value) - self._last.length
        return end >= position and self._last.at(value, end)


def split(pattern: str) -> list[tuple[Place, ...]]:
    """Return what stands before, between and after the stars of a pattern."""
    pieces: list[tuple[Place, ...]] = []
    piece: list[Place] = []
    for place in _places(pattern):
        if place is None:
            pieces.append(tuple(piece))
            piece = []
        else:
            piece.append(place)
    return [*pieces, tuple(piece)]


def _piece(places: tuple[Place, ...]) -> _Piece:
    texts = [place for place in places if isinstance(place, str)]
    return _Literal("".join(texts)) if len(texts) == len(places) else _Wild(places)


def _places(pattern: str) -> Iterator[Place | None]:
    """Yield the places of a pattern; None for a star."""
    index = 0
    while index < len(pattern):
        char = pattern[index]
        end = _class_end(pattern, index) if char == "[" else -1
        if end > 0:
            yield _class(pattern[index + 1 : end])
            index = end + 1
            continue
        yield None if char == "*" else OneChar() if char == "?" else char
        index += 1


def _class_end(pattern: str, start: int) -> int:
    """Return where the class opened at `start` closes, or -1: an open one is literal.

    A `]` right at the beginning of a class belongs to it.
    """
    inside = start + 2 if pattern.startswith("!", start + 1) else start + 1
    return pattern.find("]", inside + 1)


def _class(text: str) -> OneChar:
    is_negated = text.startswith("!")
    text = text[is_negated:]
    ranges: list[tuple[str, str]] = []
    index = 0
    while index < len(text):
        if text[index + 1 : index + 2] == "-" and index + 2 < len(text):
            ranges.append((text[index], text[index + 2]))
            index += 3
        else:
            ranges.append((text[index], text[index]))
            index += 1
    return OneChar(ranges=tuple(ranges), is_negated=is_negated)
