"""A request's JSON read as Docusign reads it: keys in any case, booleans as words or as such."""

from collections.abc import Mapping
from typing import Any

from postroom.errors import DocusignError
from postroom.model import Json

MAX_LISTED = 1000
"""No list of a request that is read here is longer."""
_MOST_DIGITS = 20


def keys_of(body: Json) -> dict[str, Any]:
    """Return a JSON object by its keys in lower case. Raises `DocusignError` for anything else."""
    if not isinstance(body, Mapping):
        raise DocusignError("INVALID_REQUEST_BODY", "The body is not a JSON object; send one.")
    return {str(key).lower(): value for key, value in body.items()}


def text_of(said: Mapping[str, Any], key: str) -> str:
    """Return a text, trimmed; "" where there is none. Numbers are taken as text."""
    value = said.get(key.lower())
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise DocusignError("INVALID_REQUEST_BODY", f"{key} is not a text.")


def truth_of(said: Mapping[str, Any], key: str, *, default: bool = False) -> bool:
    """Return a boolean that is sent as one or as the word "true"."""
    text = text_of(said, key).lower()
    return text == "true" if text else default


def number_of(said: Mapping[str, Any], key: str, *, default: int, most: int) -> int:
    """Return a whole number that is sent as one or as text, between 0 and `most`."""
    text = text_of(said, key)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS) or int(text) > most:
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER", f"{key} is not a whole number from 0 to {most}."
        )
    return int(text)


def texts_of(said: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a list of texts; a single text counts as one."""
    value = said.get(key.lower())
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list) or not all(isinstance(one, str | int) for one in value):
        raise DocusignError("INVALID_REQUEST_BODY", f"{key} is not a list of texts.")
    if len(value) > MAX_LISTED:
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER", f"{key} has more than {MAX_LISTED} entries; send fewer."
        )
    return tuple(str(one) for one in value)
