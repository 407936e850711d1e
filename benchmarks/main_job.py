"""The main job, measured: Postroom beside the floor program, in one run on one machine.

`python benchmarks/main_job.py [--rounds 3] [--backlog-mb 200] [--json FILE] [--save]`. What each
workload is and how to read the figures: docs/reference/benchmarks.md.
"""

import argparse
import asyncio
import base64
import gc
import hashlib
import hmac
import json
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pycurl
import uvloop
from programs import ACCOUNT, KEY, LISTENERS, SENDER, Floor, PatientPostroom, Postroom, Program
from rich.console import Console
from rich.table import Table
from wire import ENVELOPE, GUID_BYTES, Load, Sink

from postroom.envelopes.sim_envelope import SimSender
from postroom.envelopes.sim_message import message, ordinary_envelope

CONNECTIONS = 64
STEADY_PER_SECOND = 200
RESULTS = Path(__file__).parent / "results"
Figures = dict[str, float]


def requests(first: int, count: int) -> list[bytes]:
    """Return so many signed requests of about 6 KB, each of an envelope of its own."""
    sender = SimSender(user_id=SENDER, name="ERP service", email="svc-erp@example.com")
    made = []
    for number in range(first, first + count):
        envelope = ordinary_envelope(
            account_id=ACCOUNT,
            envelope_id=f"e0000000-0000-4000-8000-{number:012d}",
            sender=sender,
            text_fields=(("Integration", "Integration A"),),
        )
        body = message(
            envelope,
            "envelope-sent",
            at=time.time_ns() // 1000,
            include=("custom_fields", "recipients"),
        )
        signed = base64.b64encode(hmac.digest(KEY.encode(), body, hashlib.sha256)).decode()
        head = (
            "POST /connect HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"X-Authorization-Digest: HMACSHA256\r\nX-DocuSign-Signature-1: {signed}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


def envelope_of(request: bytes) -> bytes:
    """Return the envelope id in a request."""
    start = request.find(ENVELOPE) + len(ENVELOPE)
    return request[start : start + GUID_BYTES]


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def saturate(program: Program, sink: Sink, load: Load, batch: list[bytes]) -> Figures:
    """Offer all at once over 64 connections; wait for every delivery."""
    sink.forget()
    cpu, began = program.cpu_us, time.perf_counter()
    await load.flat_out(batch)
    accepted = time.perf_counter() - began
    await sink.until(len(batch) * len(LISTENERS), timeout_seconds=180)
    delivered = time.perf_counter() - began
    await asyncio.sleep(0.3)  # let the last settlements be written: they are part of the cost
    cpu = program.cpu_us - cpu
    return {
        "accepted_per_second": len(batch) / accepted,
        "delivered_per_second": len(batch) * len(LISTENERS) / delivered,
        "cpu_us_per_event": cpu / len(batch),
        "cpu_us_per_delivery": cpu / len(batch) / len(LISTENERS),
        "memory_mb": program.memory_mb,
    }


async def steady(sink: Sink, load: Load, batch: list[bytes]) -> Figures:
    """Offer 200 events a second, whatever the answers, and measure from the intended moment."""
    sink.forget()
    times = await load.steady(batch, STEADY_PER_SECOND)
    await sink.until(len(batch) * len(LISTENERS), timeout_seconds=60)
    accepts = [(answered - intended) / 1000 for intended, answered in times]
    firsts = [
        (sink.arrived[f"{listener}".encode(), envelope_of(request)] - intended) / 1000
        for request, (intended, _) in zip(batch, times, strict=True)
        for listener in LISTENERS
    ]
    return {
        "accept_p50_ms": percentile(accepts, 0.5),
        "accept_p99_ms": percentile(accepts, 0.99),
        "event_to_first_attempt_p50_ms": percentile(firsts, 0.5),
        "event_to_first_attempt_p99_ms": percentile(firsts, 0.99),
    }


async def measure(
    kind: type[Program], sink: Sink, first: int, sizes: argparse.Namespace
) -> Figures:
    """Start a program afresh and run both workloads."""
    with tempfile.TemporaryDirectory() as folder:
        program = kind(Path(folder), sink.port)
        program.start()
        load = Load(program.port, CONNECTIONS)
        try:
            await load.open()
            await load.flat_out(warm := requests(first, 500))
            await sink.until(len(warm) * len(LISTENERS), timeout_seconds=60)
            calm = await steady(sink, load, requests(first + 1000, sizes.steady_events))
            batch = requests(first + 100_000, sizes.events)
            gc.collect()
            return calm | await saturate(program, sink, load, batch)
        finally:
            load.close()
            program.stop()


async def backlog(sink: Sink, megabytes: int) -> Figures:
    """Let the listeners be away until so much is owed, then come back; watch the memory."""
    count = megabytes * 1_000_000 // 6000 // len(LISTENERS)
    with tempfile.TemporaryDirectory() as folder:
        program = PatientPostroom(Path(folder), sink.port)
        program.start()
        load = Load(program.port, CONNECTIONS)
        try:
            await load.open()
            start_mb = program.memory_mb
            sink.is_away = True
            for begin in range(0, count, 5000):
                await load.flat_out(requests(5_000_000 + begin, min(5000, count - begin)))
            full_mb = program.memory_mb
            sink.is_away = False
            sink.forget()
            began, peaks = time.perf_counter(), [full_mb]
            drained = asyncio.create_task(sink.until(count * len(LISTENERS), timeout_seconds=600))
            while not drained.done():
                await asyncio.wait({drained}, timeout=0.25)
                peaks.append(program.memory_mb)
            await drained
            seconds = time.perf_counter() - began
            return {
                "backlog_mb": megabytes,
                "backlog_deliveries": count * len(LISTENERS),
                "drained_per_second": count * len(LISTENERS) / seconds,
                "memory_start_mb": start_mb,
                "memory_full_mb": full_mb,
                "memory_peak_draining_mb": max(peaks),
                "memory_end_mb": peaks[-1],
            }
        finally:
            sink.is_away = False
            load.close()
            program.stop()


def machine() -> dict[str, str]:
    """Describe the machine without naming it."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "processor": model,
        "cores": str(os.cpu_count()),
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "libcurl": pycurl.version_info()[1],
    }


def table(report: dict[str, Any]) -> Table:
    """Return the report for people: medians side by side, and their ratio."""
    shown = Table("figure", "floor", "postroom", "ratio", title="The main job, medians")
    for figure, floor in report["floor"].items():
        ours = report["postroom"][figure]
        shown.add_row(figure, f"{floor:,.1f}", f"{ours:,.1f}", f"{ours / floor:.2f}")
    for figure, ours in report.get("backlog", {}).items():
        shown.add_row(figure, "", f"{ours:,.1f}", "")
    return shown


async def run(sizes: argparse.Namespace) -> dict[str, Any]:
    """Run everything, one program after the other, round by round."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    sink = Sink()
    await sink.open()
    found: dict[str, list[Figures]] = {Floor.name: [], Postroom.name: []}
    for number in range(sizes.rounds):
        for kind in (Floor, Postroom):
            sink.forget()
            found[kind.name].append(await measure(kind, sink, number * 1_000_000, sizes))
            sys.stderr.write(f"round {number + 1} of {sizes.rounds}: {kind.name} measured\n")
    report: dict[str, Any] = {
        name: {figure: statistics.median(one[figure] for one in rounds) for figure in rounds[0]}
        for name, rounds in found.items()
    }
    if sizes.backlog_mb:
        sys.stderr.write(f"backlog of {sizes.backlog_mb} MB\n")
        report["backlog"] = await backlog(sink, sizes.backlog_mb)
    return report | {"machine": machine(), "rounds": sizes.rounds, "events": sizes.events}


def main() -> None:
    """Measure, show, and save where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=6000, help="events of one saturation run")
    parser.add_argument("--steady-events", type=int, default=2000, help="events at 200 a second")
    parser.add_argument("--backlog-mb", type=int, default=200, help="0 leaves it out; 1000 is 1 GB")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/main_job.*")
    sizes = parser.parse_args()
    report = uvloop.run(run(sizes))
    Console().print(table(report))
    if sizes.json:
        sizes.json.write_text(json.dumps(report, indent=2) + "\n")
    if sizes.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "main_job.json").write_text(json.dumps(report, indent=2) + "\n")
        with (RESULTS / "main_job.txt").open("w") as file:
            Console(file=file, width=100).print(table(report))


if __name__ == "__main__":
    main()
