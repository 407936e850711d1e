"""Moments as messages spell them."""

import re
from datetime import UTC, datetime, timedelta

from postroom.clock import SECOND

AHEAD = 24 * 3600 * SECOND
"""How far a sender's clock may be ahead of ours before it is not believed."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?"
)


def moment(text: str | None, *, offset: str = "Z") -> int | None:
    """Return microseconds since the epoch, or None for what is no date-time.

    Reads up to nine fractional digits; `offset` holds where the text has none of its own.
    """
    read = _DATE_TIME.fullmatch(text[:40]) if text else None
    if read is None:
        return None
    try:
        whole = datetime.fromisoformat(read[1] + (read[3] or offset))
        since = (whole - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
    return since + int((read[2] or "0")[:6].ljust(6, "0"))
