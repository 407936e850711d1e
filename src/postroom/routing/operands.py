"""Read what stands beside an operator into a test, or say what it should have been."""

import datetime as dt
from typing import get_args

from postroom.model import Json, Noun
from postroom.routing import readings
from postroom.routing.conditions import (
    MomentTest,
    NumberTest,
    OneOf,
    OrderOperator,
    Test,
    TextOperator,
    TextTest,
)

LONGEST_TEXT = 2_000
"""Characters of one operand."""
LONGEST_LIST = 10_000
"""Entries of one list."""
MOST_IN_A_FILTER = 100_000
"""Values in a whole filter."""

_TEXT_OPERATORS: dict[str, TextOperator] = {name: name for name in get_args(TextOperator)}
_ORDER_OPERATORS: dict[str, OrderOperator] = {name: name for name in get_args(OrderOperator)}
OPERATORS = ("equals", "in", *_TEXT_OPERATORS, *_ORDER_OPERATORS)


class Misfit(Noun, frozen=True, kw_only=True):
    """Why an operand does not fit its operator; `index` is its entry where it is a list."""

    message: str
    index: int | None = None


def read(operator: str, operand: Json) -> Test | Misfit:
    """Read one of `OPERATORS` and its operand."""
    if operator == "in":
        return _list(operand)
    if operator in _ORDER_OPERATORS:
        return _order(_ORDER_OPERATORS[operator], operand)
    if isinstance(operand, list | dict) or operand is None:
        return Misfit(message=_SCALAR_WANTED[type(operand)].format(operator=operator))
    text = _text(operand)
    if isinstance(text, Misfit):
        return text
    if operator == "equals":
        return OneOf(texts=(text,))
    return TextTest(operator=_TEXT_OPERATORS[operator], text=text)


_SCALAR_WANTED = {
    list: "`{operator}` wants one value; for several use `in`, or `any` around conditions",
    dict: "`{operator}` wants one value, not a mapping",
    type(None): "there is no value here; to ask whether one is missing write {{exists: false}}",
}


def _list(operand: Json) -> OneOf | Misfit:
    if not isinstance(operand, list):
        return Misfit(message="`in` wants a list of values: in: [A, B]")
    if not operand:
        return Misfit(message="an empty list matches nothing; put a value into it")
    if len(operand) > LONGEST_LIST:
        return Misfit(message=f"more than {LONGEST_LIST} entries; split the list in an `any`")
    texts: list[str] = []
    for index, entry in enumerate(operand):
        if isinstance(entry, list | dict) or entry is None:
            return Misfit(message="an entry of a list is one text or number", index=index)
        text = _text(entry)
        if isinstance(text, Misfit):
            return Misfit(message=text.message, index=index)
        texts.append(text)
    return OneOf(texts=tuple(dict.fromkeys(texts)))


def _text(operand: Json) -> str | Misfit:
    text = readings.operand_text(operand)
    if text is None:
        return Misfit(message="its spelling is lost in reading; put the value in quotes")
    if not readings.is_storable(text):
        return Misfit(message="it has half a character in it (a lone surrogate); write it anew")
    if len(text) > LONGEST_TEXT:
        return Misfit(message=f"longer than {LONGEST_TEXT} characters; shorten it")
    return text


def _order(operator: OrderOperator, operand: Json) -> NumberTest | MomentTest | Misfit:
    if isinstance(operand, dt.datetime):
        return MomentTest(
            operator=operator, bound=readings.moment_of(operand), text=operand.isoformat()
        )
    text = None if isinstance(operand, bool) else readings.operand_text(operand)
    if text is not None and (number := readings.number(text)) is not None:
        return NumberTest(operator=operator, bound=number)
    if text is not None and (moment := readings.moment(text)) is not None:
        return MomentTest(operator=operator, bound=moment, text=text)
    return Misfit(
        message=f"`{operator}` wants a number or an ISO 8601 date or time, "
        "such as 100 or 2026-01-31T09:00:00Z"
    )
