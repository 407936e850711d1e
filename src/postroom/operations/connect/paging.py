"""Pages of people's lists: the list first, then its numbers as text (contract 7.5)."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from postroom.model import Json, Noun
from postroom.operations.connect.requests import number_of

MOST_COUNT = 100
"""The largest page; a larger `count` is cut down to it."""
_MOST_START = 1_000_000

Item = TypeVar("Item")


class Paging(Noun, frozen=True, kw_only=True):
    """Which part of a list is asked for."""

    start: int
    count: int


def read(asked: Mapping[str, str]) -> Paging:
    """Return the part that a query asks for. Raises `DocusignError` for what is no number."""
    count = number_of(asked, "count", default=MOST_COUNT, most=_MOST_START)
    return Paging(
        start=number_of(asked, "start_position", default=0, most=_MOST_START),
        count=min(max(count, 1), MOST_COUNT),
    )


def part(items: Sequence[Item], paging: Paging) -> Sequence[Item]:
    """Return the items of a page."""
    return items[paging.start : paging.start + paging.count]


def page(key: str, views: Sequence[Json], *, total: int, paging: Paging, path: str) -> Json:
    """Return a page; `path` is the list's address below `/restapi/v2.1`."""
    end = paging.start + len(views)
    told: dict[str, Json] = {
        key: list(views),
        "resultSetSize": str(len(views)),
        "totalSetSize": str(total),
        "startPosition": str(paging.start),
        "endPosition": str(max(end - 1, paging.start)),
    }
    if views and end < total:
        told["nextUri"] = f"{path}?start_position={end}&count={paging.count}"
    if paging.start > 0:
        earlier = max(paging.start - paging.count, 0)
        told["previousUri"] = f"{path}?start_position={earlier}&count={paging.count}"
    return told
