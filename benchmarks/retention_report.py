"""The report of `benchmarks.retention`: what was found at the end of each day, and who waited."""

import argparse
import statistics
from typing import NamedTuple

from benchmarks import messages

BODY_DAYS, ROW_DAYS = 10, 20
PARTS = {
    "content": "bodies",
    "notification": "notifications",
    "envelope": "notifications",
    "repeat": "notifications",
    "delivery": "deliveries",
    "attempt": "deliveries",
}
"""To what the tables of the road belong."""
HEADINGS = (
    *("day", "bodies", "notifications", "deliveries"),
    *("bodies, MB", "notifications, MB", "deliveries, MB", "whole database, MB"),
)


class Sizes(NamedTuple):
    """What there is at the end of a day."""

    day: int
    bodies: int
    notifications: int
    deliveries: int
    bytes_of: dict[str, int]
    """By `PARTS`, indexes included; what is free for use again counts too."""
    total: int
    """Of the whole database."""


class Waits(NamedTuple):
    """What those who record and settle waited meanwhile, in milliseconds."""

    name: str
    record: list[float]
    settle: list[float]


def megabytes(count: int) -> str:
    """Return bytes in words."""
    return f"{count / 1e6:,.1f}"


def told(kind: str, found: list[Sizes], dropped: tuple[list[Waits], int, float]) -> list[str]:
    """Return the tables of one database as Markdown."""
    shown = [one for one in found if one.day % 5 == 0]
    last = found[-1]
    lines = [
        f"## {kind}",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {one.day} | {one.bodies:,} | {one.notifications:,} | {one.deliveries:,} |"
            + "".join(f" {megabytes(part)} |" for part in one.bytes_of.values())
            + f" {megabytes(one.total)} |"
            for one in shown
        ),
        "",
        _each(last),
        "",
        _forgotten(dropped[1], dropped[2]),
        "",
        "| while | record p50 | p99 | longest | settled p50 | p99 | longest |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in dropped[0]:
        cells = "".join(
            f" {statistics.median(waits):.1f} | {statistics.quantiles(waits, n=100)[98]:.1f} |"
            f" {max(waits):.1f} |"
            for waits in (one.record, one.settle)
        )
        lines.append(f"| {one.name} |{cells}")
    return [*lines, ""]


def _each(last: Sizes) -> str:
    of = last.bytes_of
    return (
        f"At the end: **{of['bodies'] / last.bodies:,.0f} bytes for a body** (of"
        f" {len(messages.bodies(0, 1)[0]):,} bytes of JSON),"
        f" **{of['notifications'] / last.notifications:,.0f} bytes for a notification** beside it,"
        f" **{of['deliveries'] / last.deliveries:,.0f} bytes for a delivery** and its attempt,"
        " indexes and free space included."
    )


def _forgotten(size_bytes: int, seconds: float) -> str:
    return (
        f"{megabytes(size_bytes)} MB of bodies forgotten in {seconds:.1f} s while 200 messages a"
        " second arrive, in milliseconds:"
    )


def introduced(arguments: argparse.Namespace) -> str:
    """Return what was measured, in words."""
    return (
        f"Written by `python -m benchmarks.retention --save`: {arguments.events:,} messages a day,"
        f" three deliveries each, bodies kept for {BODY_DAYS} days, rows for {ROW_DAYS}."
    )
