"""Text tests that contradict each other at a glance: by how a text begins, ends, or reads whole.

Every test, exact or loose, of an identifier or not, is weakened to one of the same text folded and
trimmed. Whatever passes the test passes its weaker form, so that two of these that cannot both hold
are a proof; that they can both hold says nothing.
"""

from collections.abc import Iterable

from postroom.model import Noun
from postroom.routing.conditions import OneOf, Test, TextTest
from postroom.routing.globs import split


class Edges(Noun, frozen=True, kw_only=True):
    """What a folded and trimmed text must begin with, end with, hold, or (`whole`) be."""

    beginning: str = ""
    end: str = ""
    inside: str = ""
    whole: str | None = None


def contradict(tests: Iterable[Test]) -> bool:
    """Return whether no text passes all of the tests; False where that is not seen at a glance."""
    found = [edges for test in tests if (edges := _edges(test)) is not None]
    beginning = max((one.beginning for one in found), key=len, default="")
    end = max((one.end for one in found), key=len, default="")
    wholes = {one.whole for one in found if one.whole is not None}
    return (
        len(wholes) > 1
        or any(not beginning.startswith(one.beginning) for one in found)
        or any(not end.endswith(one.end) for one in found)
        or any(one.inside not in whole for whole in wholes for one in found)
        or any(not whole.startswith(beginning) or not whole.endswith(end) for whole in wholes)
    )


def _edges(test: Test) -> Edges | None:
    match test:
        case OneOf(texts=(text,)) | TextTest(operator="equalsIgnoreCase", text=text):
            return Edges(whole=_weak(text))
        case TextTest(operator="startsWith", text=text):
            return Edges(beginning=_weak(text), inside=_weak(text))
        case TextTest(operator="endsWith", text=text):
            return Edges(end=_weak(text), inside=_weak(text))
        case TextTest(operator="contains", text=text):
            return Edges(inside=_weak(text))
        case TextTest(operator="glob", text=text):
            return _of_glob(text)
        case _:
            return None


def _of_glob(pattern: str) -> Edges:
    pieces = split(pattern)
    first, last = _literal(pieces[0]), _literal(pieces[-1][::-1])[::-1]
    return Edges(beginning=_weak(first), end=_weak(last))


def _literal(places: tuple[object, ...]) -> str:
    """Return the characters that are written out, up to the first choice."""
    text = ""
    for place in places:
        if not isinstance(place, str):
            break
        text += place
    return text


def _weak(text: str) -> str:
    return text.casefold().strip()
