"""Deciding, measured: one notification against 10,000 listeners, and a plan over stored traffic.

`python -m benchmarks.deciding [--count N] [--quick] [--save]`. The plan is the real command on a
real file, in a process of its own. Linux only: it reads /proc.
"""

import argparse
import asyncio
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvloop
from benchmarks.machine import Others, describe
from benchmarks.main_job import RESULTS
from benchmarks.messages import ACCOUNT, PREFIX, SENDER
from rich.console import Console
from rich.progress import track
from rich.table import Table

from postroom.envelopes.sim_envelope import SimSender
from postroom.envelopes.sim_message import message, ordinary_envelope
from postroom.model import Account, Listener, Notification, Registry, User, UserCondition
from postroom.routing.match import Router
from postroom.storage.port import Recording, Store
from postroom.storage.sqlite import open_store

LISTENERS = 10_000
MATCHES = 2_000
MATCH_P99_GOAL_MS = 2.0
DECISIONS_GOAL = 50_000
START = 1_770_000_000_000_000
SECOND = 1_000_000
IN_FLIGHT = 256
MARK = b"0" * 12
INTEGRATIONS = 10

UNFILED = "by the end of the subject"
"""Nothing that could be looked up: each listener is asked, at about a microsecond."""

Say = Callable[[int], dict[str, Any]]
MIXES: dict[str, Say] = {
    "by custom field": lambda n: {"filter": {"customFields.Integration": f"Integration {n}"}},
    "by associated user": lambda n: {
        "users": UserCondition(kind="only", emails=(f"svc-{n}@example.com",))
    },
    "by the beginning of the subject": lambda n: {
        "filter": {"envelope.emailSubject": {"startsWith": f"Order {n} "}}
    },
    UNFILED: lambda n: {"filter": {"envelope.emailSubject": {"endsWith": f" for {n}"}}},
    "mixed: 49 % by field, 49 % by user, 2 % by end of subject": lambda n: MIXES[
        UNFILED if n % 50 == 0 else "by custom field" if n % 2 else "by associated user"
    ](n),
}


def main() -> int:
    """Measure and print; with `--save` keep the figures."""
    asked = _arguments()
    others = Others()
    report: dict[str, Any] = {
        "matching": {name: _matching(say, asked.matches) for name, say in MIXES.items()},
        "planning": {},
    }
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        report["machine"] = describe(folder)
        for name, count, include in (
            ("1.5 KB", asked.count, ("custom_fields",)),
            ("6 KB", max(1000, asked.count // 10), ("custom_fields", "recipients")),
        ):
            report["planning"][name] = _planning(folder / name, count, include)
    report["other_programs_percent"] = others.percent()
    _show(report)
    if asked.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "deciding.json").write_text(json.dumps(report, indent=2) + "\n")
        (RESULTS / "deciding.md").write_text(_markdown(report))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="notifications to plan over")
    parser.add_argument("--matches", type=int, default=MATCHES, help="notifications to match")
    parser.add_argument("--quick", action="store_true", help="does it run at all?")
    parser.add_argument("--save", action="store_true", help="keep the figures")
    asked = parser.parse_args()
    if asked.quick:
        asked.count, asked.matches = 10_000, 200
    return asked


# --- one notification against 10,000 listeners -------------------------------------------------


def _matching(say: Say, matches: int) -> dict[str, float]:
    """Return how long a match takes, decoding the 6 KB message included; one listener wants it."""
    router = Router(_registry(say))
    body = _body("Integration 42", "svc-42@example.com", ("custom_fields", "recipients"))
    taken = []
    for number in range(matches):
        notification = _notification(number, body)
        began = time.perf_counter_ns()
        routing = router.match(notification)
        taken.append((time.perf_counter_ns() - began) / 1000)
        assert len(routing.matches) <= 1, "the listeners are apart"
    taken.sort()
    return {
        "median_us": statistics.median(taken),
        "p99_us": taken[math.ceil(len(taken) * 0.99) - 1],
    }


def _registry(say: Say) -> Registry:
    listeners = {
        number: Listener(
            id=number,
            account_id=ACCOUNT,
            name=f"listener-{number}",
            url="https://listener.example.com/",
            events=("envelope-completed", "envelope-declined"),
            **say(number),
        )
        for number in range(1, LISTENERS + 1)
    }
    users = (User(id=SENDER, email="svc-42@example.com"),)
    account = Account(id=ACCOUNT, users=users)
    return Registry(revision=1, accounts={ACCOUNT: account}, listeners=listeners, lanes={})


def _body(integration: str, email: str, include: tuple[str, ...]) -> bytes:
    envelope = ordinary_envelope(
        account_id=ACCOUNT,
        envelope_id=PREFIX + MARK.decode(),
        sender=SimSender(user_id=SENDER, name="Service", email=email),
        text_fields=(("Integration", integration),),
    )
    return message(envelope, "envelope-completed", at=START, include=include)


def _notification(number: int, body: bytes) -> Notification:
    return Notification(
        id=f"evt_{number:032x}",
        account_id=ACCOUNT,
        envelope_id=f"{PREFIX}{number:012d}",
        event="envelope-completed",
        recipient_id=None,
        sender_id=SENDER,
        occurred_at=START + number,
        received_at=START + number,
        body=body,
    )


# --- a plan over what is stored ----------------------------------------------------------------


def _planning(folder: Path, count: int, include: tuple[str, ...]) -> dict[str, float]:
    """Return what the command took to decide the traffic twice for ten listeners, five changed."""
    folder.mkdir()
    database = f"sqlite:///{folder / 'postroom.db'}"
    environment = os.environ | {"POSTROOM_VIRTUAL_CLOCK": "2026-03-02T09:00:00Z"}
    _run(["apply", _file(folder, "before.yaml", "ERP"), "--database", database], environment)
    uvloop.run(_fill(folder / "postroom.db", count, include))
    plan = ["plan", _file(folder, "after.yaml", "Erp"), "--database", database, "--json"]
    answer, cpu_seconds, elapsed_seconds, peak_mb = _run([*plan, "--days", "36500"], environment)
    effects = json.loads(answer)["effects"]
    assert effects["notifications"] == count, effects
    lost = sum(one["lost"]["count"] for one in effects["listeners"])
    assert lost == count // 2, "half of the listeners have lost what was theirs"
    return {
        "notifications": count,
        "body_bytes": len(_body("Integration 1", "svc@example.com", include)),
        "decisions": effects["decisions"],
        "cpu_seconds": cpu_seconds,
        "elapsed_seconds": elapsed_seconds,
        "decisions_a_second_of_cpu": effects["decisions"] / cpu_seconds,
        "notifications_a_second": count / elapsed_seconds,
        "peak_memory_mb": peak_mb,
    }


def _file(folder: Path, name: str, of_odd: str) -> str:
    listeners = [
        {
            "name": f"listener-{number}",
            "account": ACCOUNT,
            "url": "https://listener.example.com/",
            "filter": {"customFields.Integration": f"{'ERP' if number % 2 else of_odd} {number}"},
        }
        for number in range(INTEGRATIONS)
    ]
    document = {"accounts": [{"id": ACCOUNT, "unsigned": True}], "listeners": listeners}
    (folder / name).write_text(json.dumps(document))  # JSON is YAML
    return str(folder / name)


async def _fill(path: Path, count: int, include: tuple[str, ...]) -> None:
    """Keep notifications, each of an envelope of its own, a tenth for each integration."""
    bodies = [
        _body(f"ERP {number}", "svc@example.com", include).split(MARK)
        for number in range(INTEGRATIONS)
    ]
    store = await open_store(path)
    try:
        numbers = iter(track(range(count), f"Keeping {count:,} notifications"))
        await asyncio.gather(*(_keep(store, numbers, bodies) for _ in range(IN_FLIGHT)))
    finally:
        await store.close()


async def _keep(store: Store, numbers: Iterator[int], bodies: list[list[bytes]]) -> None:
    for number in numbers:
        body = f"{number:012d}".encode().join(bodies[number % INTEGRATIONS])
        await store.record(
            Recording(
                notification=_notification(number, body),
                matches=(),
                is_unclaimed=False,
                registry_revision=1,
                token=number + 1,
                leased_until=0,
            )
        )


def _run(arguments: list[str], environment: dict[str, str]) -> tuple[bytes, float, float, float]:
    """Run the command; return what it printed, its CPU and elapsed seconds, and its peak memory."""
    read, write = os.pipe()
    command = [sys.executable, "-m", "postroom", *arguments]
    began = time.perf_counter()
    process = os.posix_spawn(
        sys.executable, command, environment, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)]
    )
    os.close(write)
    with os.fdopen(read, "rb") as output:
        answer = output.read()
    _, status, used = os.wait4(process, 0)
    elapsed = time.perf_counter() - began
    assert os.waitstatus_to_exitcode(status) == 0, answer.decode()
    return answer, used.ru_utime + used.ru_stime, elapsed, used.ru_maxrss / 1024


# --- the report --------------------------------------------------------------------------------


def _rows(report: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for mix, found in report["matching"].items():
        name = f"match, {LISTENERS:,} listeners {mix}"
        p99_ms = found["p99_us"] / 1000
        is_met = "met" if p99_ms < MATCH_P99_GOAL_MS else "MISSED"
        yield f"{name}, median (ms)", f"{found['median_us'] / 1000:.3f}", ""
        goal = "" if mix == UNFILED else f"< {MATCH_P99_GOAL_MS:g}: {is_met}"
        yield f"{name}, p99 (ms)", f"{p99_ms:.3f}", goal
    for size, found in report["planning"].items():
        name = f"plan over {found['notifications']:,} of {size}"
        per_second = found["decisions_a_second_of_cpu"]
        is_met = "met" if per_second >= DECISIONS_GOAL else "MISSED"
        goal = f">= {DECISIONS_GOAL:,}: {is_met}"
        yield f"{name}, decisions a second of one core", f"{per_second:,.0f}", goal
        yield f"{name}, notifications a second", f"{found['notifications_a_second']:,.0f}", ""
        yield f"{name}, elapsed (s)", f"{found['elapsed_seconds']:.1f}", ""
        yield f"{name}, peak memory (MB)", f"{found['peak_memory_mb']:.0f}", ""


def _show(report: dict[str, Any]) -> None:
    table = Table(title="Deciding")
    table.add_column("figure")
    table.add_column("postroom", justify="right")
    table.add_column("goal", justify="right")
    for row in _rows(report):
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(f"taken by other programs: {report['other_programs_percent']:.0f} %")


def _markdown(report: dict[str, Any]) -> str:
    lines = [
        "# Deciding, measured",
        "",
        "Written by `python -m benchmarks.deciding --save`. A decision is one listener decided for",
        "one notification, as it is and as it would be; processor time includes the start of the",
        "command, reading and decoding.",
        "",
        "| figure | postroom | goal |",
        "|---|---:|---:|",
        *(f"| {' | '.join(row)} |" for row in _rows(report)),
        "",
        "| machine | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in report["machine"].items()),
        f"| taken by other programs meanwhile | {report['other_programs_percent']:.0f} % |",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
