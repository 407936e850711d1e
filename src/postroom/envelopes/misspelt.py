"""Keys that the service would ignore, but that look like ones it knows."""

import difflib
from collections.abc import Set as AbstractSet

from postroom.envelopes.given import Given

_CLOSE = 0.8
_MAX_CHARACTERS = 60
_MAX_KEYS = 50
"""Unknown keys looked at in one object: the comparison is not cheap."""


def near_misses(said: Given, known: AbstractSet[str], spellings: dict[str, str]) -> list[str]:
    """Return a sentence for each key that is none but nearly one.

    `known` and the keys of `spellings` are in lower case; `spellings` gives Docusign's own.
    """
    unknown = [key for key in said.said if key not in known and len(key) <= _MAX_CHARACTERS]
    found: list[str] = []
    for key in unknown[:_MAX_KEYS]:
        if close := difflib.get_close_matches(key, known, n=1, cutoff=_CLOSE):
            meant = spellings.get(close[0], close[0])
            found.append(f"{said.at(said.spelling[key])} is ignored; did you mean {meant}?")
    return found
