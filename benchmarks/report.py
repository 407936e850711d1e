"""The report: a table for people, JSON for machines, Markdown for the record."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

GOALS = {
    "cpu_us_per_delivery": ("ratio", 2.0),
    "accept_p99_ms": ("postroom", 6.0),
    "event_to_first_attempt_p99_ms": ("postroom", 20.0),
}
"""Figure to the column and the value it shall stay below."""
BUSY_PERCENT = 10
"""From here on other programs have had too much of the machine for the figures to count."""

Row = tuple[str, str, str, str, str]
HEADINGS = ("figure", "floor", "postroom", "ratio", "goal")


def rows(report: dict[str, Any]) -> Iterator[Row]:
    """Yield the rows: the figure, the two medians, their ratio, and the goal where there is one."""
    for figure, floor in report["medians"]["floor"].items():
        ours = report["medians"]["postroom"][figure]
        ratio = ours / floor if floor else 0.0
        shown = f"{ratio:.2f}" if floor else ""
        goal = _goal(figure, {"ratio": ratio, "postroom": ours})
        yield _words(figure), _number(floor), _number(ours), shown, goal
    for figure, ours in report.get("backlog", {}).items():
        yield f"backlog: {_words(figure)}", "", _number(ours), "", ""


def show(report: dict[str, Any]) -> None:
    """Print the report for people."""
    console = Console()
    table = Table(title=f"The main job, medians of {report['rounds']} rounds")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for row in rows(report):
        table.add_row(*row)
    console.print(table)
    for name, value in report["machine"].items():
        console.print(f"{name}: {value}", highlight=False)
    if report["other_programs_percent"] > BUSY_PERCENT:
        console.print(
            f"Other programs took {report['other_programs_percent']:.0f} % of the machine "
            "meanwhile: repeat the run when it is quiet.",
            style="bold",
        )


def markdown(report: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    lines = [
        "# The main job, measured",
        "",
        f"Medians of {report['rounds']} rounds, written by `python -m benchmarks.main_job --save`.",
        "What each figure means: [the reference](../../docs/reference/benchmarks.md).",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "|---|---:|---:|---:|---:|",
        *(f"| {' | '.join(row)} |" for row in rows(report)),
        "",
        "| machine | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in report["machine"].items()),
        f"| taken by other programs meanwhile | {report['other_programs_percent']:.0f} % |",
    ]
    return "\n".join(lines) + "\n"


def save(report: dict[str, Any], folder: Path) -> None:
    """Write `main_job.json` and `main_job.md` into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "main_job.json").write_text(json.dumps(report, indent=2) + "\n")
    (folder / "main_job.md").write_text(markdown(report))


def _goal(figure: str, columns: dict[str, float]) -> str:
    if figure not in GOALS:
        return ""
    column, bound = GOALS[figure]
    what = "ratio " if column == "ratio" else ""
    return f"{what}< {bound:g}: {'met' if columns[column] < bound else 'MISSED'}"


def _words(figure: str) -> str:
    name = figure.replace("_", " ")
    for unit in ("us", "ms", "mb", "percent"):
        name = name.removesuffix(f" {unit}") + f" ({unit})" if name.endswith(f" {unit}") else name
    return name.replace("(mb)", "(MB)").replace("cpu us", "CPU µs").replace("(percent)", "(%)")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.1f}"
