"""The shape of an answer: its keys in their order, and the type and format of each value.

Two answers of one shape differ only in what is said: another name, another id, another moment.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

Json = Any

RECORDED = Path(__file__).parents[2].parent / "shared" / "samples" / "rest"
"""The recorded requests and answers: they stand beside the checkout, not in it."""

_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FORMATS = (
    ("guid", re.compile(_GUID)),
    ("moment of 7 digits", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")),
    ("moment", re.compile(r"\d{4}-\d\d-\d\d[T ].*")),
    ("flag", re.compile("true|false")),
    ("Flag", re.compile("True|False")),
    ("number", re.compile(r"-?\d+")),
    ("address", re.compile(r"[^@\s]+@[^@\s]+")),
    ("nothing", re.compile("")),
)
_WORD = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
"""A word of the wire, such as `no_interaction`: it is what is compared."""


def shape_of(value: Json) -> Json:
    """Return the shape of a JSON value, as a JSON value that can be compared and read."""
    if isinstance(value, dict):
        return [f"{key}: {shape_of(one)}" for key, one in value.items()]
    if isinstance(value, list):
        return [shape_of(one) for one in value]
    return _format(value) if isinstance(value, str) else type(value).__name__


def _format(text: str) -> str:
    for name, pattern in _FORMATS:
        if pattern.fullmatch(text):
            return name
    if text.startswith("/"):
        return re.sub(r"(?<=/)\d+(?=/|$)", "<number>", re.sub(_GUID, "<guid>", text))
    return f"word {text}" if _WORD.fullmatch(text) else "text"


def differences(recorded: Json, made: Json, place: str = "") -> Iterator[str]:
    """Yield a sentence for each place where what was made has not the shape of the recorded."""
    if isinstance(recorded, dict) and isinstance(made, dict):
        if list(recorded) != list(made):
            yield f"{place}: keys are {list(made)}, recorded are {list(recorded)}"
        for key in recorded.keys() & made.keys():
            yield from differences(recorded[key], made[key], f"{place}.{key}")
    elif isinstance(recorded, list) and isinstance(made, list):
        if len(recorded) != len(made):
            yield f"{place}: {len(made)} entries, recorded are {len(recorded)}"
        for index, (one, other) in enumerate(zip(recorded, made, strict=False)):
            yield from differences(one, other, f"{place}[{index}]")
    elif shape_of(recorded) != shape_of(made):
        yield f"{place}: {made!r} is {shape_of(made)}, recorded is {shape_of(recorded)}"


def recorded(name: str) -> list[Json]:
    """Return the exchanges of one recorded file; skips the test, aloud, where it is not there."""
    path = RECORDED / name
    if not path.is_file():
        pytest.skip(f"{name} WAS NOT COMPARED: shared/samples is not beside the checkout")
    exchanges: list[Json] = json.loads(path.read_text())
    return exchanges
