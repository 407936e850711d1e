"""W1 to W8 on SQLite, on PostgreSQL with one and two nodes, on the floors, and by hand.

`python -m benchmarks.cluster [--workloads W1,W4] [--systems sqlite,by-hand] [--quick] [--save]`.
What each workload is and how to read the figures: docs/reference/benchmarks.md. Linux only: it
reads /proc.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from benchmarks import cluster_report, systems
from benchmarks.by_hand.system import ByHand
from benchmarks.machine import Others, describe
from benchmarks.main_job import RESULTS, positive
from benchmarks.named import MILLION, OUTAGE_SECONDS, WORKLOADS, Workload
from benchmarks.programs import CORES
from benchmarks.sink import Sink
from benchmarks.stage import QUICK, Figures, Run, Sizes
from benchmarks.systems import System
from benchmarks.wire import Load
from benchmarks.workloads import CONNECTIONS
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

SYSTEMS: tuple[type[System], ...] = (
    systems.FloorOnSqlite,
    systems.OnSqlite,
    systems.FloorOnPostgres,
    systems.OnPostgres,
    systems.OnPostgresTwice,
    ByHand,
)

ALIKE = (systems.FloorOnSqlite, systems.FloorOnPostgres, systems.OnPostgresTwice)

Turn = tuple[int, Workload, type[System]]


class NotMeasured(Exception):  # noqa: N818  # it says what happened
    """A system did not start, refused what it was sent, or ended."""


@asynccontextmanager
async def running(
    workload: Workload, kind: type[System], sink: Sink, sizes: Sizes, folder: Path
) -> AsyncIterator[Run]:
    """Start a system afresh and connect to it; end it after. Raises NotMeasured."""
    haste = OUTAGE_SECONDS / sizes.outage_seconds if workload.needs_retries else 1.0
    audience = workload.audience_for(haste)
    with tempfile.TemporaryDirectory(dir=folder, prefix="postroom-bench-") as fresh:
        system, load = kind(Path(fresh), sink.port, audience, haste=haste), Load()
        try:
            await system.start()
            await load.open(CONNECTIONS, *system.ports)
            yield Run(system, sink, load, sizes)
        except (RuntimeError, TimeoutError, OSError) as problem:
            what = str(problem) or "answers are missing after a long wait"
            raise NotMeasured(
                f"{workload.name} on {kind.name} could not be measured: {what}\n{system.log}"
            ) from problem
        finally:
            load.close()
            sink.release()
            sink.is_away = False
            await system.stop()


async def measure(
    workload: Workload, kind: type[System], sink: Sink, sizes: Sizes, folder: Path
) -> Figures:
    """Run one workload on one system."""
    async with running(workload, kind, sink, sizes, folder) as run:
        await run.begin()
        found = await workload.play(run)
        return found | await run.end()


def turns(given: argparse.Namespace) -> list[Turn]:
    """Return what is run, in its order: the systems in turn, round by round.

    A quick run tries those that differ little from others with one workload, if not asked for.
    """
    kinds = given.systems or ([systems.OnSqlite] if given.million else SYSTEMS)
    spared = ALIKE if given.quick and not given.systems else ()
    return [
        (number, workload, kind)
        for workload in given.workloads
        for number in range(1, min(workload.rounds, given.rounds) + 1)
        for kind in kinds
        if workload.suits(kind) and (kind not in spared or workload.name == "W8")
    ]


async def run(given: argparse.Namespace) -> dict[str, Any]:
    """Run everything; return the report, with what could not be measured."""
    machine = describe(given.folder) | systems.versions()
    others = Others()
    failed: list[str] = []
    sink = Sink()
    await sink.open()
    rounds: dict[str, dict[str, list[Figures]]] = {}
    todo = turns(given)
    try:
        with _progress() as progress:
            bar = progress.add_task("", total=len(todo))
            for number, workload, kind in todo:
                turn = f"{workload.name} {kind.name}, round {number}"
                progress.update(bar, description=turn)
                if progress.disable:
                    sys.stderr.write(f"{turn}\n")
                try:
                    found = await measure(workload, kind, sink, given.sizes, given.folder)
                except NotMeasured as problem:
                    sys.stderr.write(f"{problem}\n")
                    failed.append(str(problem).splitlines()[0])
                else:
                    rounds.setdefault(workload.name, {}).setdefault(kind.name, []).append(found)
                progress.advance(bar)
    finally:
        systems.stop_server()
    return {
        "workloads": {one.name: one.words for one in given.workloads},
        "seconds": given.sizes.seconds,
        "events": given.sizes.events,
        "outage_seconds": given.sizes.outage_seconds,
        "backlog": given.sizes.backlog,
        "medians": {
            workload: {kind: _medians(each) for kind, each in kinds.items()}
            for workload, kinds in rounds.items()
        },
        "each_round": rounds,
        "failed": failed,
        "machine": machine,
        "cores": len(CORES),
        "other_programs_percent": others.percent(),
    }


def _medians(rounds: list[Figures]) -> Figures:
    return {figure: statistics.median(one[figure] for one in rounds) for figure in rounds[0]}


def _progress() -> Progress:
    """Return a bar, drawn on a terminal only."""
    columns = TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    return Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal)


def _chosen(text: str, offered: dict[str, Any]) -> list[Any]:
    names = text.split(",")
    if unknown := [name for name in names if name not in offered]:
        raise argparse.ArgumentTypeError(
            f"there is no {', '.join(unknown)}; choose from {', '.join(offered)}"
        )
    return [offered[name] for name in offered if name in names]


def read(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    workloads = {one.name: one for one in WORKLOADS}
    kinds = {one.name: one for one in SYSTEMS}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument(
        "--workloads", type=lambda text: _chosen(text, workloads), default=list(WORKLOADS)
    )
    parser.add_argument("--systems", type=lambda text: _chosen(text, kinds))
    parser.add_argument(
        "--rounds", type=positive, default=3, help="at most; most workloads have one"
    )
    parser.add_argument("--quick", action="store_true", help="one small round: does it run at all?")
    parser.add_argument(
        "--full-outage", action="store_true", help="W5 with ten minutes, as it is defined"
    )
    parser.add_argument(
        "--million",
        action="store_true",
        help="instead of all this, a backlog of 1,000,000 deliveries; on SQLite if not said where",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where the databases of SQLite and Redis are put meanwhile",
    )
    parser.add_argument(
        "--save", action="store_true", help="write benchmarks/results/cluster.*, or million.*"
    )
    given = parser.parse_args(arguments)
    given.sizes = QUICK if given.quick else Sizes()
    if given.full_outage:
        given.sizes = replace(given.sizes, outage_seconds=OUTAGE_SECONDS)
    if given.quick:
        given.rounds = 1
    if given.million:
        given.workloads = [MILLION]
    return given


def main() -> None:
    """Measure, show, and save where asked to."""
    given = read()
    os.sched_setaffinity(0, CORES[-1:])
    found = uvloop.run(run(given))
    text = cluster_report.markdown(found)
    sys.stdout.write(text)
    if given.save:
        name = MILLION.name if given.million else "cluster"
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.md").write_text(text)
        (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n")
    if found["failed"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
