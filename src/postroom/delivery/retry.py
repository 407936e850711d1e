"""What we do about an outcome: done, try again at, give up because. Pure."""

import math
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from postroom.clock import SECOND
from postroom.model import Done, GiveUp, Listener, Noun, Outcome, TryAgain, Verdict

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR

JITTER = 0.1
"""A delay grows by up to this share, so that what failed together does not return together."""
MAX_DELAYS = 100
MAX_DELAY_SECONDS = 30 * DAY
MAX_RETRY_AFTER_SECONDS = DAY
FINAL_FAILURES = frozenset({"bad-url", "shape"})
"""Failures that no further try can mend."""
_OK = range(200, 300)
_SLOW_DOWN = frozenset({429, 503})


class Profile(Noun, frozen=True, kw_only=True):
    """A named list of delays."""

    delays_seconds: tuple[float, ...]
    source: str


PROFILES: dict[str, Profile] = {
    "docusign": Profile(
        delays_seconds=(
            *(5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, 2 * HOUR),
            *([DAY] * 14),
        ),
        source="Docusign's current schedule: 15 days in all (contract 5)",
    ),
    "docusign-legacy": Profile(
        delays_seconds=(DAY,) * 10,
        source="Docusign's older schedule: once a day, ten retries (contract 5)",
    ),
    "standard": Profile(
        delays_seconds=(
            *(5.0, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR),
            *(20 * HOUR, DAY),
        ),
        source="the schedule that Standard Webhooks suggests",
    ),
}


def check(retry: str | Sequence[float]) -> str | None:
    """Return what is wrong with a retry profile and what to do, or None."""
    if isinstance(retry, str):
        if retry in PROFILES:
            return None
        return (
            f"there is no retry profile {retry!r}; use {', '.join(PROFILES)} or a list of seconds"
        )
    if len(retry) > MAX_DELAYS:
        return f"there are {len(retry)} delays; give at most {MAX_DELAYS}"
    if any(not math.isfinite(delay) or not 0 <= delay <= MAX_DELAY_SECONDS for delay in retry):
        return f"each delay is a number of seconds from 0 to {MAX_DELAY_SECONDS:.0f}"
    return None


def delays(retry: str | Sequence[float]) -> Sequence[float]:
    """Return the delays of a profile in seconds: one for each try after the first."""
    return PROFILES[retry].delays_seconds if isinstance(retry, str) else retry


def decide(
    outcome: Outcome, listener: Listener, attempt: int, *, now: int, random: float
) -> Verdict:
    """Return the verdict on attempt number `attempt` (from 1); `random` is in [0, 1).

    2xx is done; everything else is tried again by the listener's profile, later where
    `Retry-After` asks for it, until the profile ends.
    """
    if outcome.status in _OK:
        return Done()
    seen = _in_words(outcome)
    if not listener.acknowledgement:
        return GiveUp(reason=f"{seen}; acknowledgement is off, so there is one try")
    if outcome.failure in FINAL_FAILURES:
        return GiveUp(reason=f"{seen}; trying again cannot mend it")
    schedule = delays(listener.retry)
    if attempt > len(schedule):
        return GiveUp(reason=f"{seen}; given up after {attempt} attempts")
    delay = schedule[attempt - 1] * (1 + JITTER * random)
    delay = max(delay, _asked_for(outcome, now))
    return TryAgain(at=now + round(delay * SECOND), reason=seen)


def _asked_for(outcome: Outcome, now: int) -> float:
    """Return the seconds that `Retry-After` asks for, within bounds; 0 where it does not."""
    if outcome.status not in _SLOW_DOWN:
        return 0.0
    text = next((v for n, v in outcome.response_headers if n.lower() == "retry-after"), "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        wanted = aware.timestamp() - now / SECOND
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(wanted, 0.0), MAX_RETRY_AFTER_SECONDS)


def _in_words(outcome: Outcome) -> str:
    if outcome.status == HTTPStatus.GONE:
        return "answered 410, gone; Docusign tries on all the same: remove the listener to stop"
    if outcome.status is not None:
        return f"answered {outcome.status}"
    return f"{outcome.failure}: {outcome.detail}" if outcome.detail else str(outcome.failure)
