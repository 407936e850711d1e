"""A bulk send, measured: envelopes created, lived through and told to two Connect configurations.

`python -m benchmarks.bulk_send [--count N] [--quick] [--save]`. Each round measures the main job's
saturation workload too, so that the two stand side by side. Linux only: it reads /proc.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import uvloop
from benchmarks import workloads
from benchmarks.machine import Others, describe
from benchmarks.main_job import RESULTS, running
from benchmarks.messages import ACCOUNT
from benchmarks.programs import CORES, TOKEN, Postroom
from benchmarks.sink import OK, Sink

CONFIGURATIONS = ("bulk", "archive")
CONNECT_YAML = """
accounts:
  - id: {account}
    name: Benchmark
    keys: [{{text: "{key}"}}]
    users: [{{id: {sender}, email: svc-erp@example.com}}]
listeners: []
"""
EVENTS = [
    f"{whose}-{what}"
    for whose in ("envelope", "recipient")
    for what in ("sent", "delivered", "completed", "declined")
] + ["recipient-autoresponded"]


class Counting(Sink):
    """Counts different messages; how a message is numbered does not matter here."""

    def __init__(self) -> None:
        self._seen: set[tuple[bytes, int]] = set()
        super().__init__()

    def forget(self) -> None:
        """Start counting anew."""
        super().forget()
        self._seen.clear()

    def note(self, path: bytes, body: bytes) -> bytes:
        """Note one request; return its answer."""
        self.requests += 1
        self._seen.add((path, hash(body)))
        self.distinct = len(self._seen)
        self.reached()
        return OK


class Offline(Postroom):
    """Postroom as the Connect server, with two Connect configurations made over REST."""

    name = "bulk send"
    connect_yaml = CONNECT_YAML

    def command(self) -> list[str]:
        """Return the command line."""
        return [*super().command(), "--offline"]

    async def start(self) -> None:
        """Start it, and configure Connect as an administrator does."""
        await super().start()
        async with self.client() as http:
            for name in CONFIGURATIONS:
                answer = await http.post(
                    f"/restapi/v2.1/accounts/{ACCOUNT}/connect",
                    json={
                        "name": name,
                        "configurationType": "custom",
                        "urlToPublishTo": f"{self.base}/{name}",
                        "allUsers": "true",
                        "allowEnvelopePublish": "true",
                        "deliveryMode": "SIM",
                        "includeHMAC": "true",
                        "events": EVENTS,
                        "eventData": {
                            "version": "restv2.1",
                            "includeData": ["custom_fields", "recipients"],
                        },
                    },
                )
                if not answer.is_success:
                    raise RuntimeError(f"the configuration was refused: {answer.text}")

    def client(self) -> httpx.AsyncClient:
        """Return a client of this server."""
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=600,
        )


async def measure(folder: Path, count: int) -> dict[str, float]:
    """Send, live and deliver `count` envelopes on a server of its own."""
    sink = Counting()
    await sink.open()
    with tempfile.TemporaryDirectory(dir=folder, prefix="postroom-bench-") as fresh:
        program = Offline(Path(fresh), sink.port)
        try:
            await program.start()
            await _play(program, sink, max(count // 10, 1), seed=1)
            return await _play(program, sink, count, seed=2)
        except (RuntimeError, TimeoutError) as problem:
            raise SystemExit(f"the bulk send failed: {problem}\n{program.log}") from problem
        finally:
            program.stop()


async def _play(program: Offline, sink: Counting, count: int, *, seed: int) -> dict[str, float]:
    sink.forget()
    cpu, began = program.cpu_us, time.perf_counter()
    async with program.client() as http:
        answer = await http.post(
            "/api/v1/trigger",
            json={
                "story": "bulk",
                "count": count,
                "account": ACCOUNT,
                "seed": seed,
                "fields": {"bulkBatchId": f"B-{seed}"},
            },
        )
    if not answer.is_success:
        raise RuntimeError(answer.text)
    played = time.perf_counter() - began
    events = sum(answer.json()["totals"].get(event, 0) for event in EVENTS)
    deliveries = events * len(CONFIGURATIONS)
    await sink.until(deliveries, timeout_seconds=600)
    seconds = time.perf_counter() - began
    await program.rest()
    cpu = program.cpu_us - cpu
    return {
        "envelopes": float(count),
        "events": float(events),
        "deliveries": float(deliveries),
        "duplicates": float(sink.requests - sink.distinct),
        "events_per_second": events / played,
        "delivered_per_second": deliveries / seconds,
        "cpu_us_per_event": cpu / events,
        "cpu_us_per_delivery": cpu / deliveries,
        "memory_peak_mb": program.peak_memory_mb,
    }


async def main_job(folder: Path, events: int) -> dict[str, float]:
    """Run the main job's saturation workload."""
    sink = Sink()
    await sink.open()
    async with running(Postroom, sink, folder) as (program, load):
        await workloads.warm_up(program, sink, load)
        return await workloads.saturate(program, sink, load, events)


async def run(sizes: argparse.Namespace) -> dict[str, Any]:
    """Measure both, in turn, round by round."""
    os.sched_setaffinity(0, CORES[-1:])
    others, machine = Others(), describe(sizes.folder)
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(1, sizes.rounds + 1):
        sys.stderr.write(f"round {number} of {sizes.rounds}\n")
        bulk = await measure(sizes.folder, sizes.count)
        rounds.append({"bulk": bulk, "main_job": await main_job(sizes.folder, sizes.events)})
    ratios = [
        one["bulk"]["cpu_us_per_delivery"] / one["main_job"]["cpu_us_per_delivery"]
        for one in rounds
    ]
    return {
        "medians": {
            which: {
                figure: statistics.median(one[which][figure] for one in rounds)
                for figure in rounds[0][which]
            }
            for which in ("bulk", "main_job")
        },
        "cpu_per_delivery_ratio": statistics.median(ratios),
        "each_round": rounds,
        "machine": machine,
        "other_programs_percent": others.percent(),
    }


FIGURES = {
    "events": "events told",
    "deliveries": "deliveries",
    "duplicates": "duplicates",
    "events_per_second": "events created and kept per second",
    "accepted_per_second": "events accepted per second",
    "delivered_per_second": "delivered per second",
    "cpu_us_per_event": "CPU µs per event",
    "cpu_us_per_delivery": "CPU µs per delivery",
    "memory_peak_mb": "memory peak (MB)",
}
GOAL = 2.0


def markdown(found: dict[str, Any]) -> str:
    """Return the report for people."""
    bulk, main_job = found["medians"]["bulk"], found["medians"]["main_job"]
    ratio = found["cpu_per_delivery_ratio"]
    lines = [
        "# A bulk send, measured",
        "",
        (
            f"{bulk['envelopes']:,.0f} envelopes created, lived through and told to two Connect"
            f" configurations. Medians of {len(found['each_round'])} rounds, beside the main job's"
            " saturation workload in the same run; `python -m benchmarks.bulk_send --save`."
        ),
        "",
        "| figure | bulk send | main job |",
        "|---|---:|---:|",
        *(
            f"| {words} | {_shown(bulk.get(name))} | {_shown(main_job.get(name))} |"
            for name, words in FIGURES.items()
        ),
        "",
        (
            f"CPU per delivery, ratio: {ratio:.2f}; goal: at most {GOAL:.0f},"
            f" {'met' if ratio <= GOAL else 'MISSED'}."
        ),
        "",
        "| machine | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in found["machine"].items()),
        f"| taken by other programs meanwhile | {found['other_programs_percent']:.0f} % |",
        "",
    ]
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def main() -> None:
    """Measure, show, and save where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk_send", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=5000, help="envelopes of the bulk send")
    parser.add_argument("--events", type=int, default=6000, help="events of the main job")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--quick", action="store_true", help="one small round")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/bulk_send.*")
    sizes = parser.parse_args()
    if sizes.quick:
        sizes.rounds, sizes.count, sizes.events = 1, 300, 1000
    found = uvloop.run(run(sizes))
    sys.stdout.write(markdown(found))
    if sizes.save:
        (RESULTS / "bulk_send.md").write_text(markdown(found))
        (RESULTS / "bulk_send.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
