"""How values and operands are read: as text, as a number, as a moment.

A custom field's value is always text on the wire (contract 7.4). Elsewhere a message may carry
JSON numbers and booleans: they read as their own spelling. In a filter, YAML may turn what was
written into a number, a boolean or a date: those whose spelling is lost are refused.
"""

import datetime as dt
import math
import re
from decimal import Decimal

import msgspec

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?", re.ASCII)
_LONGEST_READ = 100
"""Characters; a longer value is no number and no moment, whatever it says."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)

MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading hostile JSON may raise: bad syntax, bad UTF-8, nesting bombs."""

_any_json = msgspec.json.Decoder(float_hook=str)


def read_json(raw: bytes | msgspec.Raw) -> object:
    """Decode JSON with fractions as their spelling; raises one of `MALFORMED`."""
    return _any_json.decode(raw)


OBJECT = "{…}"
"""How an object reads where a text is asked for: it is there, and equals nothing."""


def value_text(value: object) -> str | None:
    """Return one of a message's decoded values as text, or None for null."""
    if isinstance(value, str):
        return value
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else OBJECT


def operand_text(operand: object) -> str | None:
    """Return an operand as the text it was written as, or None if that cannot be known.

    A whole number reads as its digits, a fraction as its shortest spelling, a boolean as `true`
    or `false`, a date as ISO 8601. `5` and `"5"` are the same operand; `5` and `5.0` are not.
    """
    if isinstance(operand, str):
        return operand
    if isinstance(operand, bool):
        return "true" if operand else "false"
    if isinstance(operand, int):
        return str(operand) if abs(operand) < 10**_LONGEST_READ else None
    if isinstance(operand, float):
        spelling = repr(operand)
        return spelling if math.isfinite(operand) and "e" not in spelling else None
    if isinstance(operand, dt.date) and not isinstance(operand, dt.datetime):
        return operand.isoformat()
    return None


def is_storable(text: str) -> bool:
    """Return whether a text is whole characters: escapes can smuggle in lone surrogates."""
    return not _LONE_SURROGATE.search(text)


def number(text: str) -> Decimal | None:
    """Return the decimal number a text spells (ASCII digits, no separators), or None."""
    if len(text) > _LONGEST_READ or not _NUMBER.fullmatch(text):
        return None
    return Decimal(text)


def moment(text: str) -> int | None:
    """Return the microseconds since the epoch of an ISO 8601 date or time, or None.

    A date is its midnight, a time without a zone is UTC, digits past the sixth are dropped.
    """
    if len(text) > _LONGEST_READ or not _MOMENT.fullmatch(text):
        return None
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment_of(read)


def moment_of(read: dt.datetime) -> int:
    """Return a date and time as microseconds since the epoch; UTC where it has no zone."""
    aware = read if read.tzinfo else read.replace(tzinfo=dt.UTC)
    return (aware - _EPOCH) // _MICROSECOND


def folded(text: str) -> str:
    """Return a text as loose comparison sees it: trimmed, without regard to case."""
    return text.strip().casefold()
