"""Moments as text, in the three spellings of Docusign's wire (contract 3.1, 8.10)."""

from datetime import UTC, datetime
from functools import lru_cache

from postroom.clock import SECOND

DAY_SECONDS = 86_400


def generated_text(at: int) -> str:
    """Return a moment as `generatedDateTime` carries it: UTC, seven fractional digits."""
    return f"{_whole_second(at // SECOND)}.{at % SECOND:06d}0Z"


rest_text = lru_cache(maxsize=4_096)(generated_text)
"""A moment as REST answers carry it: also seven digits; remembered, for lists repeat them."""


@lru_cache(maxsize=4_096)
def summary_text(at: int) -> str:
    """Return a moment as inside `envelopeSummary`: UTC, trailing zeros trimmed (contract 3.1)."""
    fraction = f".{at % SECOND:06d}".rstrip("0").rstrip(".")
    return f"{_whole_second(at // SECOND)}{fraction}Z"


def _whole_second(seconds: int) -> str:
    day, rest = divmod(seconds, DAY_SECONDS)
    return f"{_day(day)}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


@lru_cache(maxsize=64)
def _day(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_SECONDS, UTC).strftime("%Y-%m-%d")
