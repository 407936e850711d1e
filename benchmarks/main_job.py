"""The main job, measured: Postroom beside the floor program, in one run on one machine.

`python -m benchmarks.main_job [--quick | --full] [--json FILE] [--save]`. What each workload is
and how to read the figures: docs/reference/benchmarks.md. Linux only: it reads /proc.
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
from benchmarks import report, workloads
from benchmarks.machine import Others, describe
from benchmarks.programs import CORES, Floor, Postroom, Program
from benchmarks.sink import Sink
from benchmarks.wire import Load
from benchmarks.workloads import Figures

RESULTS = Path(__file__).parent / "results"


@asynccontextmanager
async def running(
    kind: type[Program], sink: Sink, folder: Path
) -> AsyncIterator[tuple[Program, Load]]:
    """Start a program on a fresh database, and connect to it; end it after."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="postroom-bench-") as fresh:
        program, load = kind(Path(fresh), sink.port), Load()
        try:
            await program.start()
            await load.open(workloads.CONNECTIONS, program.port)
            yield program, load
        except (RuntimeError, TimeoutError) as problem:
            what = str(problem) or "answers or deliveries are missing after a long wait"
            raise SystemExit(
                f"{kind.name} could not be measured: {what}\nThe last it said:\n{program.log}"
            ) from problem
        finally:
            load.close()
            program.stop()


async def measure(kind: type[Program], sink: Sink, sizes: argparse.Namespace) -> Figures:
    """Run both side-by-side workloads on one program, started afresh."""
    async with running(kind, sink, sizes.folder) as (program, load):
        await workloads.warm_up(program, sink, load)
        start_mb = program.memory_mb
        calm = await workloads.steady(program, sink, load, sizes.steady_events)
        busy = await workloads.saturate(program, sink, load, sizes.events)
        return (
            calm
            | busy
            | {
                "memory_start_mb": start_mb,
                "memory_peak_mb": program.peak_memory_mb,
                "memory_end_mb": program.memory_mb,
            }
        )


async def run(sizes: argparse.Namespace) -> dict[str, Any]:
    """Run everything, the programs in turn, round by round."""
    os.sched_setaffinity(0, CORES[-1:])
    others, machine = Others(), describe(sizes.folder)
    sink = Sink()
    await sink.open()
    rounds: dict[str, list[Figures]] = {Floor.name: [], Postroom.name: []}
    for number in range(1, sizes.rounds + 1):
        for kind in (Floor, Postroom):
            tell(f"round {number} of {sizes.rounds}: {kind.name}")
            rounds[kind.name].append(await measure(kind, sink, sizes))
    found: dict[str, Any] = {
        "rounds": sizes.rounds,
        "events": sizes.events,
        "steady_events": sizes.steady_events,
        "medians": {
            name: {figure: statistics.median(one[figure] for one in each) for figure in each[0]}
            for name, each in rounds.items()
        },
        "each_round": rounds,
    }
    if sizes.backlog_mb:
        tell(f"backlog of {sizes.backlog_mb} MB")
        async with running(Postroom, sink, sizes.folder) as (program, load):
            await workloads.warm_up(program, sink, load)
            found["backlog"] = await workloads.backlog(program, sink, load, sizes.backlog_mb)
    return found | {"machine": machine, "other_programs_percent": others.percent()}


def tell(progress: str) -> None:
    """Say how far it is, apart from the report."""
    sys.stderr.write(f"{progress}\n")


def positive(text: str) -> int:
    """Read a number that is 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("give 1 or more")
    return number


def sizes(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.main_job", description=__doc__)
    parser.add_argument(
        "--rounds", type=positive, default=3, help="how often each program is measured"
    )
    parser.add_argument(
        "--events", type=positive, default=6000, help="events of the saturation workload"
    )
    parser.add_argument(
        "--steady-events", type=positive, default=2000, help="events at 200 a second"
    )
    parser.add_argument("--backlog-mb", type=int, default=200, help="backlog; 0 leaves it out")
    parser.add_argument("--full", action="store_true", help="a backlog of 1000 MB")
    parser.add_argument("--quick", action="store_true", help="one small round: does it run at all?")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where the databases are put meanwhile: the disk that is measured",
    )
    parser.add_argument("--json", type=Path, help="write the whole report there as JSON")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/main_job.*")
    given = parser.parse_args(arguments)
    if given.full:
        given.backlog_mb = 1000
    if given.quick:
        given.rounds, given.events, given.steady_events, given.backlog_mb = 1, 1000, 400, 10
    return given


def main() -> None:
    """Measure, show, and save where asked to."""
    given = sizes()
    found = uvloop.run(run(given))
    report.show(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    if given.save:
        report.save(found, RESULTS)


if __name__ == "__main__":
    main()
