"""How two texts that mean the same are spelt differently: the usual cause of a missed match."""

import difflib
import functools
import re
import unicodedata
from collections.abc import Callable

CLOSE = 0.8
"""How alike two spellings must be, by `difflib`, to be called close."""
LONGEST_COMPARED = 100
"""Characters, as of a custom field's value (contract 7.4); longer ones are no misspellings."""
_ONE_EDIT = 0.6
"""How alike at least, by `difflib`, texts of `SHORTEST_MISSPELT` are that one edit parts."""
SHORTEST_MISSPELT = 3
"""Characters: between shorter texts one letter is all the difference there is."""

_SEPARATORS = re.compile(r"(?<=[^\W_])[\s_.\-/\u2010-\u2015\u2212]+(?=[^\W_])")
_DIGITS = re.compile(r"[\d\W_]+")
_BETWEEN_VALUES = re.compile(r"[,;|\n]")
_LOOK_ALIKE = dict(
    zip(
        "АВЕКМНОРСТУХІЈЅаеорсухіјѕԁһΑΒΕΖΗΙΚΜΝΟΡΤΥΧοαν",  # noqa: RUF001  # the letters themselves
        "ABEKMHOPCTYXIJSaeopcyxijsdhABEZHIKMNOPTYXoav",
        strict=True,
    )
)
"""Cyrillic and Greek letters that look like Latin ones in most typefaces."""

Layer = tuple[Callable[[str], str], Callable[[str, str], str]]
"""What makes texts alike that differ in one way, and the words for (seen, wanted) that do."""


def differences(seen: str, wanted: str) -> tuple[str, ...]:
    """Return in words how a text seen misses the one wanted by its spelling alone.

    Nothing where they are equal, where they are different words, and where only digits differ:
    PO-7781 and PO-7782 are two orders.
    """
    if seen == wanted or max(len(seen), len(wanted)) > LONGEST_COMPARED or not wanted:
        return ()
    if _bare(seen) != _bare(wanted):
        return _misspelt(_bare(seen), _bare(wanted)) or _one_of_several(seen, wanted)
    needed = list(_LAYERS)
    # The plainest explanation: what takes more liberties is left out first where others suffice.
    for layer in reversed(_LAYERS):
        fewer = [one for one in needed if one is not layer]
        if _are_alike(seen, wanted, fewer):
            needed = fewer
    return tuple(tell(seen, wanted) for _, tell in needed)


def weight(told: tuple[str, ...]) -> int:
    """Return how far apart `differences` are, to choose the least of several."""
    return len(told) + (10 if told == (A_CLOSE_SPELLING,) else 0)


def _are_alike(seen: str, wanted: str, layers: "tuple[Layer, ...] | list[Layer]") -> bool:
    for make_alike, _ in layers:
        seen, wanted = make_alike(seen), make_alike(wanted)
    return seen == wanted


# --- the layers, the plainest first ---


def _composed(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _latin(text: str) -> str:
    return "".join(_LOOK_ALIKE.get(letter, letter) for letter in text)


def _visible(text: str) -> str:
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf")


def _joined(text: str) -> str:
    return _SEPARATORS.sub("", text)


def _tell_spaces(seen: str, wanted: str) -> str:
    told = [
        f"{where} space{'' if is_seen else ' missing'}"
        for where, one, other in (
            ("leading", seen.lstrip(), wanted.lstrip()),
            ("trailing", seen.rstrip(), wanted.rstrip()),
        )
        if (is_seen := one != seen) != (other != wanted)
    ]
    return " and ".join(told) or "other spaces around it"


def _tell_invisible(seen: str, wanted: str) -> str:
    found = [letter for letter in seen + wanted if unicodedata.category(letter) == "Cf"]
    return f"invisible character U+{ord(found[0]):04X}"


def _tell_look_alike(seen: str, wanted: str) -> str:
    found = next(letter for letter in seen + wanted if letter in _LOOK_ALIKE)
    name = unicodedata.name(found, "another letter").title()
    return f"look-alike letter: {name} (U+{ord(found):04X}) for {_LOOK_ALIKE[found]}"


_LAYERS: tuple[Layer, ...] = (
    (str.strip, _tell_spaces),
    (str.casefold, lambda _seen, _wanted: "case differs"),
    (_visible, _tell_invisible),
    (_composed, lambda _seen, _wanted: "Unicode composed differently"),
    (_latin, _tell_look_alike),
    (_joined, lambda _seen, _wanted: "separators differ"),
)


# --- misspelt ---

A_CLOSE_SPELLING = "a close spelling"


@functools.lru_cache(maxsize=4096)  # wanted texts and values come again and again
def _bare(text: str) -> str:
    for make_alike, _ in _LAYERS:
        text = make_alike(text)
    return text


def _misspelt(seen: str, wanted: str) -> tuple[str, ...]:
    if min(len(seen), len(wanted)) < SHORTEST_MISSPELT:
        return ()
    if _DIGITS.sub("", seen) == _DIGITS.sub("", wanted):
        return ()
    matcher = difflib.SequenceMatcher(None, wanted, seen, autojunk=False)
    if matcher.real_quick_ratio() < _ONE_EDIT or matcher.quick_ratio() < _ONE_EDIT:
        return ()
    edits = sum(opcode[0] != "equal" for opcode in matcher.get_opcodes())
    told = _one_edit(seen, wanted, edits)
    if told:
        return (told,)
    return (A_CLOSE_SPELLING,) if matcher.ratio() >= CLOSE else ()


def _one_edit(seen: str, wanted: str, edits: int) -> str | None:
    """Return the typing error that makes one of the other, if it is one."""
    if len(seen) == len(wanted):
        apart = [place for place in range(len(seen)) if seen[place] != wanted[place]]
        if len(apart) == 1:
            return "one letter is another"
        is_swap = len(apart) == 2 and apart[1] == apart[0] + 1  # noqa: PLR2004  # neighbours
        if is_swap and seen[apart[0]] + seen[apart[1]] == wanted[apart[1]] + wanted[apart[0]]:
            return "two letters swapped"
        return None
    if edits != 1 or abs(len(seen) - len(wanted)) != 1:
        return None
    return "one letter missing" if len(seen) < len(wanted) else "one letter more"


def _one_of_several(seen: str, wanted: str) -> tuple[str, ...]:
    parts = [part.strip().casefold() for part in _BETWEEN_VALUES.split(seen)]
    is_among = len(parts) > 1 and wanted.strip().casefold() in parts
    return ("several values in one text",) if is_among else ()
