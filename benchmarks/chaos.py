"""Kills and partitions, the long run: three nodes on two PostgreSQL servers under load.

`python -m benchmarks.chaos [--notifications N] [--kills N] [--seconds S] [--seed N] [--save]`.
By default 100,000 notifications over 500 kills in 25 minutes, and the report is kept under
`benchmarks/results/`. Ends with 1 where a promise was broken. Linux only: it reads /proc.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvloop
from benchmarks.machine import describe
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from tests.chaos import play
from tests.chaos.audience import CAST, PLACES
from tests.chaos.rig import NODES, Plan, Report, Rig

RESULTS = Path(__file__).parent / "results"
COMMAND = "make chaos"
DATABASE_SHARE, FAILOVER_SHARE = 0.06, 0.02
"""Of all kills; the others are of nodes."""
NETWORK_EACH_SECONDS = 12


def plan_of(given: argparse.Namespace) -> Plan:
    """Return how much is done of what."""
    database, failovers = (
        max(2, round(given.kills * share)) for share in (DATABASE_SHARE, FAILOVER_SHARE)
    )
    return Plan(
        notifications=given.notifications,
        seconds=given.seconds,
        seed=given.seed,
        node_kills=given.kills - database - failovers,
        database_kills=database,
        failovers=failovers,
        network_faults=max(7, round(given.seconds / NETWORK_EACH_SECONDS)),
    )


def figures(report: Report) -> dict[str, Any]:
    """Return what happened as plain values."""
    found = report.findings
    return {
        "seed": report.plan.seed,
        "seconds": round(report.seconds),
        "notifications acknowledged": report.acknowledged,
        "kills": sum(one.kills for one in report.faults),
        "faults": dict(sorted(report.counted.items())),
        "deliveries": found.deliveries,
        "lost": len(found.lost),
        "repeats": found.repeats,
        "calls in flight at faults, at most": found.allowed,
        "under two ids": len(found.of_two_ids),
        "out of order": len(found.disordered),
        "never sent": len(found.never_sent),
        "answers of 503": report.refused,
        "posts without an answer": report.unanswered,
        "tries that listeners turned away": report.turned_away,
        "seconds until the next acknowledgement, at most": {
            kind: round(max(seconds), 1) for kind, seconds in sorted(report.resumed.items())
        },
        "complaints": report.complaints,
    }


def in_words(machine: Mapping[str, str], found: Mapping[str, Any], command: str) -> str:
    """Return the report as Markdown."""
    plain = {name: one for name, one in found.items() if not isinstance(one, dict | list)}
    verdict = "Every promise held." if not found["complaints"] else "**A promise was broken.**"
    setting = (
        f"{NODES} nodes on a PostgreSQL primary with a synchronous standby, behind proxies that"
        f" cut, delay and hang; {len(CAST)} listeners with {PLACES} places in all, of which some"
        f" are slow and some fail. {verdict}"
    )
    lines = [
        "# Kills and partitions",
        "",
        setting,
        "",
        f"`{command}`",
        "",
        "| what | |",
        "|---|---|",
        *(
            f"| {name} | {one:,} |" if isinstance(one, int) else f"| {name} | {one} |"
            for name, one in plain.items()
        ),
        "",
        "| fault | times | seconds until the next acknowledgement, at most |",
        "|---|---|---|",
    ]
    resumed = found["seconds until the next acknowledgement, at most"]
    lines += [f"| {kind} | {n} | {resumed.get(kind, '')} |" for kind, n in found["faults"].items()]
    lines += ["", *(f"- {complaint}" for complaint in found["complaints"])]
    lines += ["", "Measured on:", "", *(f"- {name}: {one}" for name, one in machine.items()), ""]
    return "\n".join(lines).replace("\n\n\n", "\n\n")


def parsed() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.chaos")
    parser.add_argument("--notifications", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument(
        "--seconds", type=float, default=1500.0, help="over how long they are spread"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311  # printed, not secret
    parser.add_argument("--folder", type=Path, default=None, help="where logs are kept if it fails")
    parser.add_argument("--save", action="store_true", help="keep the report in benchmarks/results")
    return parser.parse_args()


def teller(progress: Progress, plan: Plan) -> Callable[[Rig], None]:
    """Return what moves the bars."""
    kept = progress.add_task("acknowledged", total=plan.notifications)
    kills = progress.add_task("kills", total=plan.kills)
    arrived = progress.add_task("delivered", total=None)

    def tell(rig: Rig) -> None:
        progress.update(kept, completed=len(rig.source.acknowledged))
        progress.update(kills, completed=sum(one.kills for one in rig.faults))
        progress.update(arrived, completed=sum(map(len, rig.audience.distinct.values())))

    return tell


def main() -> int:
    """Run it; return 1 where a promise was broken."""
    given = parsed()
    plan = plan_of(given)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="postroom-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    machine = describe(folder)
    print(f"seed {plan.seed}; logs of the nodes in {folder}")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        report = uvloop.run(play.run(plan, folder, teller(progress, plan)))
    found = figures(report)
    command = (
        f"python -m benchmarks.chaos --notifications {plan.notifications} --kills {given.kills}"
        f" --seconds {plan.seconds:g} --seed {plan.seed}"
    )
    words = in_words(machine, found, command)
    print(words)
    if given.save:
        (RESULTS / "chaos.md").write_text(words)
        kept = {"command": command, "machine": machine} | found
        (RESULTS / "chaos.json").write_text(json.dumps(kept, indent=2) + "\n")
    return 1 if report.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
