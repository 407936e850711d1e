"""The report of W1 to W8: the goals, then a table for each workload, as Markdown."""

from collections.abc import Iterator
from typing import Any

from benchmarks import goals
from benchmarks.report import BUSY_PERCENT

WORDS = {
    "accept_p50_ms": "accept p50 (ms)",
    "accept_p99_ms": "accept p99 (ms)",
    "first_attempt_p50_ms": "event to first attempt p50 (ms)",
    "first_attempt_p99_ms": "event to first attempt p99 (ms)",
    "accept_p99_ms_well": "accept p99, all well (ms)",
    "accept_p99_ms_one_hangs": "accept p99, one hangs (ms)",
    "first_attempt_p50_ms_well": "others' first attempt p50, all well (ms)",
    "first_attempt_p50_ms_one_hangs": "others' first attempt p50, one hangs (ms)",
    "first_attempt_p99_ms_well": "others' first attempt p99, all well (ms)",
    "first_attempt_p99_ms_one_hangs": "others' first attempt p99, one hangs (ms)",
    "first_attempt_p99_ratio": "the same by the same",
    "outage_seconds": "outage (s)",
    "attempts_in_vain": "attempts in vain",
    "drain_seconds": "time to drain (s)",
    "drained_per_second": "drained deliveries per second",
    "accepted_per_second": "accepted per second",
    "ceiling_events_per_second": "ceiling, events per second",
    "ceiling_deliveries_per_second": "ceiling, deliveries per second",
    "memory_start_mb": "memory before the backlog (MB)",
    "memory_full_mb": "memory with all of it owed (MB)",
    "memory_draining_mb": "memory peak while it drains (MB)",
    "memory_growth": "the most by that before",
    "deliveries": "deliveries",
    "cpu_ms_per_1000_own": "CPU per 1,000 deliveries, its own (ms)",
    "cpu_ms_per_1000_server": "CPU per 1,000 deliveries, the server's (ms)",
    "cpu_ms_per_1000": "CPU per 1,000 deliveries (ms)",
    "deliveries_per_cpu_second": "deliveries per CPU-second",
    "memory_peak_mb": "memory peak, its own (MB)",
    "memory_server_mb": "memory, the server's (MB)",
    "bytes_per_delivery": "database bytes per delivery",
    "lost": "lost",
    "duplicates": "duplicates",
    "load_and_sink_busy_percent": "load and sink busy (%)",
}
"""Figure to its words, in the order of the tables; what is not here is left to the JSON."""


def markdown(report: dict[str, Any]) -> str:
    """Return the report."""
    lines = [
        "# Many nodes, measured",
        "",
        (
            "Written by `python -m benchmarks.cluster --save`. What each workload, system and"
            " figure is: [the reference](../../docs/reference/benchmarks.md). Compare within one"
            " report only; medians where a workload has several rounds."
        ),
        "",
        *_goals(report),
        *_failures(report["failed"]),
        *_workloads(report),
        "| machine | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in report["machine"].items()),
        f"| taken by other programs meanwhile | {report['other_programs_percent']:.0f} % |",
    ]
    if report["other_programs_percent"] > BUSY_PERCENT:
        lines += [
            "",
            "**Other programs took much of the machine meanwhile: repeat it when it is quiet.**",
        ]
    return "\n".join(lines) + "\n"


def _goals(report: dict[str, Any]) -> Iterator[str]:
    yield from ("| goal | wanted | measured | |", "|---|---|---|---|")
    for goal in goals.judge(report["medians"], report["cores"]):
        yield f"| {goal.words} | {goal.wanted} | {goal.measured} | {goal.verdict} |"
    yield ""
    if "million" not in report["medians"]:
        yield "The goal on memory over a backlog of 1,000,000 deliveries has a run of its own,"
        yield "`--million`, which writes `million.md`."
        yield ""


def _failures(failed: list[str]) -> Iterator[str]:
    for problem in failed:
        yield f"**{problem}**"
        yield ""


def _workloads(report: dict[str, Any]) -> Iterator[str]:
    for workload, kinds in report["medians"].items():
        rounds = len(next(iter(report["each_round"][workload].values())))
        yield f"## {workload}"
        yield ""
        yield f"{report['workloads'][workload]}. Rounds: {rounds}."
        yield ""
        yield f"| figure | {' | '.join(kinds)} |"
        yield f"|---|{'---:|' * len(kinds)}"
        for figure, words in WORDS.items():
            found = [one.get(figure) for one in kinds.values()]
            if any(value is not None for value in found):
                yield f"| {words} | {' | '.join(map(_shown, found))} |"
        yield ""


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"
