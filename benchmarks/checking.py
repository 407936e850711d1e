"""What a proof costs: a thousand listeners of one lane compared pairwise, and what reaches nobody.

Run it with `python -m benchmarks.checking [--quick] [--save]`. Each set of listeners is checked as
`postroom check` does it, proofs counted and witnesses made. CPU is this process's; memory is its
peak.
"""

import argparse
import gc
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from benchmarks import machine

from postroom.model import Account, Lane, Listener, User, UserCondition
from postroom.operations.checking.examine import Checked, examine
from postroom.operations.checking.subject import Household, Placed, Subject

RESULTS = Path(__file__).parent / "results"
GOAL_LISTENERS, GOAL_SECONDS = 1_000, 60.0
ACCOUNT = "a1000000-0000-4000-8000-000000000001"
EVENTS = (
    "envelope-sent",
    "envelope-delivered",
    "envelope-completed",
    "envelope-declined",
    "envelope-voided",
)
GROUPS = tuple(f"team-{number}" for number in range(20))
Row = tuple[str, str, str, str, str, str]
HEADINGS = ("listeners of one lane", "pairs", "apart", "CPU (s)", "µs a pair", "peak (MB)")


def user_id(number: int) -> str:
    """Return the id of one of a hundred users."""
    return f"5f0c1f3e-0000-4000-8000-{number % 100:012d}"


def by_field(number: int) -> dict[str, Any]:
    """Option 3 as most people use it: a value each of one custom field."""
    return {"filter": {"customFields.Integration": f"integration-{number}"}}


def by_user(number: int) -> dict[str, Any]:
    """Option 4: groups, and users by id, with what the others have excepted."""
    kind: Literal["only", "except"] = "except" if number % 10 == 0 else "only"
    groups = (GROUPS[number % len(GROUPS)],) if number % 3 else ()
    ids = () if groups else (user_id(number),)
    return {"users": UserCondition(kind=kind, ids=ids, groups=groups)}


def by_text(number: int) -> dict[str, Any]:
    """Beginnings, endings, patterns and loose comparison of one subject: nothing is at sight."""
    forms: tuple[dict[str, Any], ...] = (
        {"startsWith": f"PO-{number}-"},
        {"endsWith": f" #{number}"},
        {"contains": f"project {number} "},
        {"glob": f"*[{number % 10}]?-{number}*"},
        {"equalsIgnoreCase": f"Order {number}"},
    )
    how = "loose" if number % 4 == 0 else "exact"
    asked = {"envelope.emailSubject": forms[number % 5]}
    return {"filter": asked, "comparison": how}


def mixed(number: int) -> dict[str, Any]:
    """All of these together, with numbers, choices and events of their own."""
    base = (by_field, by_user, by_text)[number % 3](number)
    if number % 7 == 0:
        base["filter"] = {"any": [{"customFields.Amount": {"gt": number}}, base.get("filter", {})]}
        if not base["filter"]["any"][1]:
            base["filter"]["any"].pop()
    return base | {"events": EVENTS[number % 4 : number % 4 + 2]}


SETS: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
    "a custom field's value each": (by_field, 1_000),
    "users and groups": (by_user, 1_000),
    "all of it mixed": (mixed, 1_000),
    "texts alone, half of them overlapping": (by_text, 300),
}
"""What listeners say, and how many of them are checked; of the hardest fewer."""


def subject(make: Callable[[int], dict[str, Any]], count: int) -> Subject:
    """Return listeners of one lane that nobody is preferred in."""
    users = tuple(
        User(id=user_id(number), email=f"user-{number}@example.com", groups=(GROUPS[number % 20],))
        for number in range(100)
    )
    listeners = tuple(
        Placed(
            listener=Listener(
                id=number,
                account_id=ACCOUNT,
                name=f"listener-{number}",
                url=f"https://listener-{number}.example.com/",
                lane="write-back",
                **make(number),
            )
        )
        for number in range(1, count + 1)
    )
    lane = Lane(account_id=ACCOUNT, name="write-back")
    household = Household(
        account=Account(id=ACCOUNT, name="Acme Corp", users=users),
        lanes={lane.name: lane},
        listeners=listeners,
    )
    return Subject(kind="system", households=(household,))


def measure(name: str, count: int) -> tuple[Row, float]:
    """Return one row, and its CPU seconds."""
    asked = subject(SETS[name][0], count)
    gc.collect()
    began = time.process_time()
    checked = examine(asked)
    seconds = time.process_time() - began
    return _row(f"{count:,}: {name}", checked, seconds), seconds


def _row(name: str, checked: Checked, seconds: float) -> Row:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = seconds / checked.pairs * 1e6
    return (
        name,
        f"{checked.pairs:,}",
        f"{checked.apart:,}",
        f"{seconds:.1f}",
        f"{each:.0f}",
        f"{peak:.0f}",
    )


def markdown(rows: Sequence[Row], facts: dict[str, str], others: float, slowest: float) -> str:
    """Return the report as Markdown."""
    met = "met" if slowest < GOAL_SECONDS else "MISSED"
    lines = [
        "# Proofs, measured",
        "",
        "Written by `python -m benchmarks.checking --save`: `postroom check` of listeners of one",
        "lane, every two compared, each pair proved apart or shown with an envelope of both.",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "|---|---:|---:|---:|---:|---:|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"Goal: {GOAL_LISTENERS:,} listeners pairwise within {GOAL_SECONDS:.0f} s: {met}.",
        "",
        "| machine | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in facts.items()),
        f"| taken by other programs meanwhile | {others:.0f} % |",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and with `--save` keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 listeners: does it run at all?")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/checking.md")
    given = parser.parse_args()
    others, slowest = machine.Others(), 0.0
    rows: list[Row] = []
    for name, (_, count) in SETS.items():
        row, seconds = measure(name, 100 if given.quick else count)
        print("  ".join(row), flush=True)
        rows.append(row)
        slowest = max(slowest, seconds) if count == GOAL_LISTENERS else slowest
    facts = machine.describe(Path.cwd())
    if given.save:
        told = markdown(rows, facts, others.percent(), slowest)
        (RESULTS / "checking.md").write_text(told)


if __name__ == "__main__":
    main()
