"""What operators see from outside: one wide log line per thing that happened, and metrics."""

import logging
import sys
from functools import lru_cache
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 100)

REGISTRY = CollectorRegistry()
ACCEPTED = Counter(
    "postroom_notifications",
    "Messages taken at the front door, by the id of the key that proved them: while keys rotate,"
    " what still comes under the old one.",
    ["account", "key", "result"],
    registry=REGISTRY,
)
REFUSED = Counter(
    "postroom_refusals", "Messages refused at the front door.", ["status"], registry=REGISTRY
)
ACCEPT_SECONDS = Histogram(
    "postroom_accept_seconds",
    "From the whole message read to its answer.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
ATTEMPTS = Counter(
    "postroom_attempts",
    "Attempts at deliveries, by verdict.",
    ["account", "listener", "verdict"],
    registry=REGISTRY,
)
FIRST_ATTEMPT_SECONDS = Histogram(
    "postroom_first_attempt_seconds",
    "From arrival to the end of a delivery's first attempt.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
IN_FLIGHT = Gauge("postroom_in_flight", "Attempts on the wire now.", registry=REGISTRY)
DOWN = Gauge("postroom_listeners_down", "Listeners whose breaker is open.", registry=REGISTRY)

# What is counted for every event: finding a metric by its labels costs more than counting.
accepted = lru_cache(maxsize=10_000)(ACCEPTED.labels)
attempts = lru_cache(maxsize=10_000)(ATTEMPTS.labels)

log: structlog.stdlib.BoundLogger = structlog.get_logger("postroom")


def configure(*, level: str, form: str) -> None:
    """Set up logging to standard error: `text` for people, `json` for machines."""
    last: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        # Plain tracebacks: the pretty ones print local variables, and with them secrets.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # Standard error as it is when a line is written, not as it was at the start.
        logger_factory=lambda *_names: structlog.PrintLogger(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def metrics() -> bytes:
    """Return every metric in Prometheus' text format."""
    return generate_latest(REGISTRY)
