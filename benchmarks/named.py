"""W1 to W8: what each workload is, in numbers. In words: docs/reference/benchmarks.md."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable

from benchmarks.alarm import now_us
from benchmarks.audience import THREE, Audience, everybody, one_in
from benchmarks.messages import requests, with_document
from benchmarks.stage import WAITS_SECONDS, Figures, Prepared, Run
from benchmarks.systems import System
from benchmarks.workloads import percentile_ms
from msgspec.structs import replace

from postroom.model import Noun

STEADY_PER_SECOND = 200
FAN_OUT_PER_SECOND = 50
OVERLOAD_SHARE = 0.3
OUTAGE_SECONDS = 600.0
PROBE_SECONDS = 60.0
"""Postroom's default; shortened as much as the outage is."""
LARGE_BYTES = 10_000_000
LARGE_PER_SECOND = 2
BACKLOG_WAITS_SECONDS = 1800


async def steady(run: Run, per_second: float) -> Figures:
    """W1, W2, W3: offer so many a second whatever the answers.

    The slow are offered the same, not as long: they fall behind, and would for minutes.
    """
    seconds = run.seconds if run.share == 1 else run.seconds * OVERLOAD_SHARE
    count, first = round(seconds * per_second), 10_000
    batch = run.messages(first, count)
    times = await run.load.steady(batch, per_second, timeout_seconds=WAITS_SECONDS)
    await run.all_delivered()
    return run.latencies(first, times)


async def hanging(run: Run) -> Figures:
    """W4: the same twice; the second time one listener answers ten seconds late.

    The slow are offered as much as they can bear: it is about that listener, not about them.
    """
    per_second = FAN_OUT_PER_SECOND * run.share
    count, bad = round(run.seconds * per_second), b"listener-0000"
    found: Figures = {}
    for first, name in ((10_000, "well"), (20_000, "one_hangs")):
        if name == "one_hangs":
            run.sink.hanging.add(bad)
        batch = run.messages(first, count)
        times = await run.load.steady(batch, per_second, timeout_seconds=WAITS_SECONDS)
        if run.sink.hanging:
            await asyncio.sleep(1)  # for the others' sake; it could be hours for its own
            run.sink.release()
        await run.all_delivered()
        found |= {
            f"{figure}_{name}": value
            for figure, value in run.latencies(first, times, without=bad).items()
        }
    well, hung = found["first_attempt_p99_ms_well"], found["first_attempt_p99_ms_one_hangs"]
    return found | {"first_attempt_p99_ratio": hung / well}


async def outage(run: Run) -> Figures:
    """W5: all listeners are down while messages come, then they are up.

    The slow are offered as much as they can bear, as with W4.
    """
    per_second = STEADY_PER_SECOND * run.share
    count, first = round(run.outage_seconds * per_second), 10_000
    run.owe(first, count)
    batch = Prepared(run.system.audience, first, count)
    run.sink.is_away = True
    times = await run.load.steady(batch, per_second, timeout_seconds=WAITS_SECONDS)
    run.sink.is_away = False
    began = time.perf_counter()
    await run.all_delivered(patience_seconds=WAITS_SECONDS + 2 * run.outage_seconds)
    seconds = time.perf_counter() - began
    accepts = [answered - moment for moment, answered in times]
    return {
        "accept_p50_ms": percentile_ms(accepts, 0.5),
        "accept_p99_ms": percentile_ms(accepts, 0.99),
        "outage_seconds": run.outage_seconds,
        "attempts_in_vain": float(run.sink.refused),
        "drain_seconds": seconds,
        "drained_per_second": run.sink.distinct / seconds,
    }


async def large(run: Run) -> Figures:
    """W7: messages of 10 MB, two a second."""
    seconds = run.seconds if run.share == 1 else run.seconds * OVERLOAD_SHARE
    count, first = max(round(seconds * LARGE_PER_SECOND), 2), 10_000
    run.owe(first, count)
    batch = [
        request
        for body in run.system.audience.messages(first, count)
        for request in requests([with_document(body, LARGE_BYTES)])
    ]
    times = await run.load.steady(batch, LARGE_PER_SECOND, timeout_seconds=WAITS_SECONDS)
    await run.all_delivered()
    return run.latencies(first, times)


async def saturation(run: Run) -> Figures:
    """W8: over 64 connections as fast as they are answered."""
    batch, first = run.messages(1_000_000, run.events), 1_000_000
    gc.collect()
    own, began = time.process_time(), now_us()
    times = await run.load.flat_out(batch, timeout_seconds=WAITS_SECONDS)
    accepted = (now_us() - began) / 1e6
    await run.all_delivered()
    delivered = (now_us() - began) / 1e6
    own = time.process_time() - own
    return run.latencies(first, times) | {
        "accepted_per_second": run.events / accepted,
        "ceiling_events_per_second": run.events / delivered,
        "ceiling_deliveries_per_second": run.sink.distinct / delivered,
        "load_and_sink_busy_percent": own / delivered * 100,
    }


async def backlog(run: Run) -> Figures:
    """Have a million deliveries owed to three listeners that are away, then let them come back."""
    first, count = 2_000_000, run.backlog // len(THREE)
    run.owe(first, count)
    run.sink.is_away = True
    start_mb, began = run.system.memory_mb(), time.perf_counter()
    batch = Prepared(run.system.audience, first, count)
    await run.load.flat_out(batch, timeout_seconds=BACKLOG_WAITS_SECONDS)
    accepting = time.perf_counter() - began
    samples = [run.system.memory_mb()]
    run.sink.is_away = False
    began = time.perf_counter()
    drained = asyncio.create_task(run.all_delivered(patience_seconds=BACKLOG_WAITS_SECONDS))
    while not drained.done():
        await asyncio.wait({drained}, timeout=0.5)
        samples.append(run.system.memory_mb())
    await drained
    seconds = time.perf_counter() - began
    return {
        "accepted_per_second": count / accepting,
        "drain_seconds": seconds,
        "drained_per_second": run.sink.distinct / seconds,
        "memory_start_mb": start_mb,
        "memory_full_mb": samples[0],
        "memory_draining_mb": max(samples),
        "memory_growth": max(samples) / start_mb,
    }


class Workload(Noun, frozen=True, kw_only=True):
    """One named workload."""

    name: str
    words: str
    audience: Audience
    play: Callable[[Run], Awaitable[Figures]]
    rounds: int = 1
    needs_conditions: bool = False
    needs_retries: bool = False

    def audience_for(self, haste: float) -> Audience:
        """Return who listens, those that are down tried so much more often than usual."""
        if not self.needs_retries:
            return self.audience
        return replace(self.audience, probe_seconds=PROBE_SECONDS / haste)

    def suits(self, system: type[System]) -> bool:
        """Tell whether a system promises what this asks for."""
        return (system.has_conditions or not self.needs_conditions) and (
            system.retries or not self.needs_retries
        )


WORKLOADS = (
    Workload(
        name="W1",
        words="steady: 200 events/s, one listener",
        audience=Audience(listeners=everybody(1)),
        play=lambda run: steady(run, STEADY_PER_SECOND),
        rounds=3,
    ),
    Workload(
        name="W2",
        words="fan-out: 50 events/s, 20 listeners",
        audience=Audience(listeners=everybody(20)),
        play=lambda run: steady(run, FAN_OUT_PER_SECOND),
    ),
    Workload(
        name="W3",
        words="many: 50 events/s, 1,000 listeners of which 1 % want each",
        audience=Audience(listeners=one_in(100, 1000), groups=100),
        play=lambda run: steady(run, FAN_OUT_PER_SECOND),
        needs_conditions=True,
    ),
    Workload(
        name="W4",
        words="hanging: W2, then W2 again with one listener that answers 10 s late",
        audience=Audience(listeners=everybody(20)),
        play=hanging,
        needs_retries=True,
    ),
    Workload(
        name="W5",
        words="outage: 200 events/s while all three listeners are down, then they are up",
        audience=Audience(listeners=tuple(THREE)),
        play=outage,
        needs_retries=True,
    ),
    Workload(
        name="W7",
        words="large: 2 messages/s of 10 MB with a document, two listeners",
        audience=Audience(listeners=everybody(2)),
        play=large,
    ),
    Workload(
        name="W8",
        words="saturation: 64 connections, three listeners",
        audience=Audience(listeners=tuple(THREE)),
        play=saturation,
        rounds=3,
    ),
)
MILLION = Workload(
    name="million",
    words="a million deliveries owed while three listeners are away, then they are back",
    audience=Audience(listeners=tuple(THREE)),
    play=backlog,
)
"""Run apart: it takes ten minutes."""
