"""A backlog of a million deliveries: memory while it is there, and while it drains."""

import argparse
import math
from typing import Any

from benchmarks import main_job, workloads
from benchmarks.machine import Others, describe
from benchmarks.messages import bodies
from benchmarks.programs import LISTENERS, Postroom
from benchmarks.sink import Sink

DELIVERIES = 1_000_000
QUICK_DELIVERIES = 10_000
FLAT = 1.25
"""The most memory with the backlog there, by that before it."""

WORDS = {
    "backlog_deliveries": "deliveries owed",
    "backlog_mb": "bodies (MB)",
    "accepted_per_second_while_away": "events accepted per second while the listeners are away",
    "drained_deliveries_per_second": "deliveries drained per second",
    "memory_start_mb": "memory before (MB)",
    "memory_full_mb": "memory with all of it owed (MB)",
    "memory_peak_draining_mb": "memory peak while it drains (MB)",
    "memory_end_mb": "memory after (MB)",
    "duplicates": "duplicates",
}


async def run(given: argparse.Namespace) -> dict[str, Any]:
    """Measure it on SQLite."""
    deliveries = QUICK_DELIVERIES if given.quick else DELIVERIES
    events = math.ceil(deliveries / len(LISTENERS))
    others, machine = Others(), describe(given.folder)
    sink = Sink()
    await sink.open()
    async with main_job.running(Postroom, sink, given.folder) as (program, load):
        await workloads.warm_up(program, sink, load)
        size = len(bodies(0, 1)[0])
        found = await workloads.backlog(program, sink, load, events * size / 1e6)
    return {
        "figures": found,
        "machine": machine,
        "other_programs_percent": others.percent(),
    }


def markdown(report: dict[str, Any]) -> str:
    """Return the report for people."""
    found = report["figures"]
    ratio = max(found["memory_full_mb"], found["memory_peak_draining_mb"])
    ratio /= found["memory_start_mb"]
    lines = [
        "# A backlog of a million deliveries, measured",
        "",
        "Written by `python -m benchmarks.cluster --million --save`; the main job's backlog.",
        "",
        "| figure | sqlite |",
        "|---|---:|",
        *(f"| {words} | {found[name]:,.0f} |" for name, words in WORDS.items()),
        "",
        (
            f"Goal: memory flat, at most {FLAT:g} times what it was before: {ratio:.2f},"
            f" {'met' if ratio <= FLAT else 'MISSED'}."
        ),
        "",
        "| machine | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in report["machine"].items()),
        f"| taken by other programs meanwhile | {report['other_programs_percent']:.0f} % |",
    ]
    return "\n".join(lines) + "\n"
