"""What a client gave, read safely: keys in any case, every type checked, every text bounded.

Docusign's service takes JSON booleans and numbers where its documentation says text, ignores
keys it does not know, and takes null for absence (contract 1, 8.4, 8.20); so does this.
"""

import re
from collections.abc import Iterable, Mapping

from postroom.errors import DocusignError
from postroom.model import Json

MAX_DEPTH = 40
MAX_NODES = 200_000
"""Values in one body; with the depth it keeps a hostile body from costing more than its bytes."""
_SHOWN_CHARACTERS = 80
_MAX_BITS = 256
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that JSON can spell and a database or UTF-8 cannot keep."""


def body_error(place: str, what: str) -> DocusignError:
    """Return the error for something of the wrong type or shape; `what` says what to send."""
    return DocusignError("INVALID_REQUEST_BODY", f"{place[:_SHOWN_CHARACTERS]} {what}")


def parameter_error(place: str, what: str) -> DocusignError:
    """Return the error for a value that has the right type but cannot be."""
    return DocusignError("INVALID_REQUEST_PARAMETER", f"{place[:_SHOWN_CHARACTERS]} {what}")


def check(body: Json, what: str = "The body") -> None:
    """Raise `DocusignError` if a body is nested too deep, is too full, or holds unstorable text."""
    level: list[Json] = [body]
    nodes = 0
    for _ in range(MAX_DEPTH):
        deeper: list[Json] = []
        nodes += len(level)
        if nodes > MAX_NODES:
            raise body_error(what, f"holds more than {MAX_NODES} values; send less.")
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, Mapping):
                for key in value:
                    _check_text(str(key))
                deeper.extend(value.values())
            elif isinstance(value, list | tuple):
                deeper.extend(value)
        if not deeper:
            return
        level = deeper
    raise body_error(what, f"is nested deeper than {MAX_DEPTH} levels; send it flatter.")


def _check_text(text: str) -> None:
    is_plain = text.isascii() and "\x00" not in text  # the search is slow on a document's base64
    if not is_plain and _UNSTORABLE.search(text):
        raise body_error("A text", "holds a NUL or half a surrogate pair; leave it out.")


class Given:
    """A JSON object by its keys, whatever their case, and the place where it stood."""

    __slots__ = ("place", "said", "spelling")

    def __init__(self, value: Json, place: str) -> None:
        if not isinstance(value, Mapping):
            raise body_error(place, "is not a JSON object; send one.")
        self.place = place
        self.said: dict[str, Json] = {}
        """By key in lower case; null is left out."""
        self.spelling: dict[str, str] = {}
        """Each of these keys as it was spelt."""
        for key, one in value.items():
            if one is not None:
                self.said[str(key).lower()] = one
                self.spelling[str(key).lower()] = str(key)

    def over(self, base: "Given") -> "Given":
        """Return the two as one object in which this one's keys win."""
        made = Given({}, self.place)
        made.said = base.said | self.said
        made.spelling = base.spelling | self.spelling
        return made

    def spelt(self) -> dict[str, Json]:
        """Return what was said by its keys as they were spelt."""
        return {self.spelling[key]: value for key, value in self.said.items()}

    def without(self, *keys: str) -> "Given":
        """Return the object without some keys."""
        made = Given({}, self.place).over(self)
        for key in keys:
            made.said.pop(key.lower(), None)
        return made

    def having(self, key: str, value: Json) -> "Given":
        """Return the object with a key said otherwise."""
        return Given({key: value}, self.place).over(self)

    def has(self, key: str) -> bool:
        """Return whether the key was given, with something other than null."""
        return key.lower() in self.said

    def text(self, key: str, *, most: int, default: str = "") -> str:
        """Return a text, or a number or boolean as text. Raises beyond `most` characters."""
        value = self.said.get(key.lower())
        if value is None:
            return default
        text = text_of(value)
        if text is None:
            raise body_error(self.at(key), "is not a text; send one.")
        if len(text) > most:
            raise parameter_error(self.at(key), f"is longer than {most} characters; shorten it.")
        return text

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean given as such or as the word, in any case; "" means the default."""
        text = self.text(key, most=20).strip().lower()
        if not text:
            return default
        if text not in {"true", "false"}:
            raise body_error(self.at(key), 'is neither "true" nor "false".')
        return text == "true"

    def number(self, key: str, *, default: int, least: int = 0, most: int) -> int:
        """Return a whole number given as such or as text."""
        text = self.text(key, most=20).strip()
        if not text:
            return default
        if not (text.isascii() and text.isdigit()):
            raise body_error(self.at(key), "is not a whole number.")
        number = int(text)
        if not least <= number <= most:
            raise parameter_error(self.at(key), f"is not between {least} and {most}.")
        return number

    def child(self, key: str) -> "Given | None":
        """Return an object inside, or None."""
        value = self.said.get(key.lower())
        return None if value is None else Given(value, self.at(key))

    def children(self, key: str, *, most: int) -> list["Given"]:
        """Return a list of objects; empty where there is none."""
        return [
            Given(one, f"{self.at(key)}[{index}]")
            for index, one in enumerate(self.items(key, most=most))
        ]

    def items(self, key: str, *, most: int) -> list[Json]:
        """Return a list of anything; empty where there is none. Nulls are left out."""
        value = self.said.get(key.lower())
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise body_error(self.at(key), "is not a list; send one.")
        if len(value) > most:
            raise parameter_error(self.at(key), f"has more than {most} entries; send fewer.")
        return [one for one in value if one is not None]

    def echoed(self, names: Mapping[str, str], *, most: int) -> dict[str, Json]:
        """Return what was given under known keys, in Docusign's spelling, as it echoes it.

        `names` maps keys in lower case to that spelling; texts are at most `most` characters.
        """
        return {
            names[key]: echo(value, self.at(self.spelling[key]), most=most)
            for key, value in self.said.items()
            if key in names
        }

    def at(self, key: str) -> str:
        """Return the place of a key inside, for a sentence."""
        return f"{self.place}.{key}" if self.place else key


def text_of(value: Json) -> str | None:
    """Return a scalar as the service writes it, or None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return None  # Python refuses to write the longest ones
    return str(value) if isinstance(value, int | float) else None


def echo(value: Json, place: str, *, most: int) -> Json:
    """Return a value with every scalar as text, as the service gives it back."""
    if isinstance(value, Mapping):
        return {
            str(key): echo(one, f"{place}.{key}", most=most)
            for key, one in value.items()
            if one is not None
        }
    if isinstance(value, list | tuple):
        return [echo(one, place, most=most) for one in value if one is not None]
    text = text_of(value)
    if text is None:
        raise body_error(place, "is no JSON value.")
    if len(text) > most:
        raise parameter_error(place, f"is longer than {most} characters; shorten it.")
    return text


def names(spellings: Iterable[str]) -> dict[str, str]:
    """Return Docusign's spellings by their lower-case form."""
    return {spelling.lower(): spelling for spelling in spellings}
