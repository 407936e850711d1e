"""How often an account may be asked: what its answers say of that, and when to go on.

By default 3,000 calls an hour and account, shared by all its integrations (contract 5). The
headers are those Docusign documents: `X-RateLimit-…` for the hour, `X-BurstLimit-…` for 30 s.
"""

from collections.abc import Mapping
from http import HTTPStatus

from postroom.clock import SECOND
from postroom.model import Noun

SPARED = 0.1
"""The part of the hour's calls that is left to the account's other integrations."""
HOUR_SECONDS = 3600
BURST_SECONDS = 30
UNTOLD_SECONDS = 60
_LATEST_RELATIVE_SECONDS = 1_000_000_000
"""A reset beyond it is a moment since 1970, not a number of seconds from now."""
_HOURLY = b"HOURLY_APIINVOCATION_LIMIT_EXCEEDED"
_BURST = b"BURST_APIINVOCATION_LIMIT_EXCEEDED"
_MOST_DIGITS = 12


class Pause(Noun, frozen=True, kw_only=True):
    """The account is not to be asked before a moment."""

    seconds: int
    """From the moment of the answer."""
    was_refused: bool
    """False: the answer is good; it only says that little is left."""


def pause_after(
    status: int, headers: Mapping[str, str], body: bytes, *, machine_now: int
) -> Pause | None:
    """Return how long an account is to be left alone after an answer, or None.

    `machine_now` is the machine's own time: what the account says of the hour goes by the world's.
    """
    has_limit_word = _HOURLY in body[:2000] or _BURST in body[:2000]
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status >= HTTPStatus.BAD_REQUEST and has_limit_word
    ):
        told = _number(headers, "retry-after")
        if told is None:
            told = _until_reset(headers, machine_now)
        if told is None:
            told = BURST_SECONDS if _BURST in body[:2000] else UNTOLD_SECONDS
        return Pause(seconds=_bounded(told), was_refused=True)
    limit, left = _number(headers, "x-ratelimit-limit"), _number(headers, "x-ratelimit-remaining")
    if limit and left is not None and left <= limit * SPARED:
        told = _until_reset(headers, machine_now)
        return Pause(seconds=_bounded(UNTOLD_SECONDS if told is None else told), was_refused=False)
    burst, rest = (
        _number(headers, "x-burstlimit-limit"),
        _number(headers, "x-burstlimit-remaining"),
    )
    if burst and rest is not None and rest <= burst * SPARED:
        return Pause(seconds=BURST_SECONDS, was_refused=False)
    return None


def _until_reset(headers: Mapping[str, str], machine_now: int) -> int | None:
    """Return the seconds until the hour ends; told as a moment, or as seconds from now."""
    told = _number(headers, "x-ratelimit-reset")
    if told is None:
        return None
    return told - machine_now // SECOND if told > _LATEST_RELATIVE_SECONDS else told


def _bounded(seconds: int) -> int:
    return min(max(seconds, 1), HOUR_SECONDS)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None
