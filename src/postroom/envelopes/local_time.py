"""Local time as the legacy message tells it: by the account's zone, without an offset."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from postroom.clock import SECOND

TimeZone = Literal[
    "Pacific Standard Time",
    "Mountain Standard Time",
    "Central Standard Time",
    "Eastern Standard Time",
    "UTC",
]
"""A zone as `TimeZone` names it: its Windows name, the same in summer (contract 3.3)."""

PACIFIC: TimeZone = "Pacific Standard Time"

_STANDARD_HOURS: dict[TimeZone, int] = {
    "Pacific Standard Time": -8,
    "Mountain Standard Time": -7,
    "Central Standard Time": -6,
    "Eastern Standard Time": -5,
    "UTC": 0,
}
_SUNDAY = 6


def offset_hours(time_zone: TimeZone, at: int) -> int:
    """Return how far the zone's clocks are from UTC at `at`, summer time included."""
    standard = _STANDARD_HOURS[time_zone]
    if time_zone == "UTC":
        return standard
    on_standard_time = moment(at) + timedelta(hours=standard)
    return standard + 1 if _is_summer(on_standard_time) else standard


def local_text(at: int, offset: int) -> str:
    """Return a moment in a zone `offset` hours from UTC, trailing zeros trimmed, unmarked."""
    there = moment(at) + timedelta(hours=offset)
    fraction = f".{there.microsecond:06d}".rstrip("0").rstrip(".")
    return there.strftime("%Y-%m-%dT%H:%M:%S") + fraction


def moment(at: int) -> datetime:
    """Return microseconds since the epoch as a date and time of UTC."""
    seconds, micros = divmod(at, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


def _is_summer(on_standard_time: datetime) -> bool:
    """Tell by the rule of the United States since 2007, the only one these zones need.

    A table of all the world's zones would be one more thing that a machine may lack.
    """
    start = _sunday(on_standard_time.year, month=3, nth=2) + timedelta(hours=2)
    end = _sunday(on_standard_time.year, month=11, nth=1) + timedelta(hours=1)
    return start <= on_standard_time < end


def _sunday(year: int, *, month: int, nth: int) -> datetime:
    until_first = (_SUNDAY - date(year, month, 1).weekday()) % 7
    return datetime(year, month, 1 + until_first + 7 * (nth - 1), tzinfo=UTC)
