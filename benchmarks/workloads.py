"""The workloads, and what is measured of each. Their definitions: docs/reference/benchmarks.md."""

import asyncio
import gc
import math
import time
from collections.abc import Iterable

from benchmarks.messages import bodies, requests
from benchmarks.programs import LISTENERS, Program
from benchmarks.sink import Sink
from benchmarks.wire import Load

CONNECTIONS = 64
STEADY_PER_SECOND = 200
CHUNK_EVENTS = 5000
"""The backlog's requests are made chunk by chunk: the load shall not fill the memory either."""

Figures = dict[str, float]


async def warm_up(program: Program, sink: Sink, load: Load) -> None:
    """Let caches fill and connections open: 500 events flat out."""
    sink.forget()
    await load.flat_out(requests(bodies(0, 500)))
    await sink.until(500 * len(LISTENERS), timeout_seconds=60)
    await program.rest()


async def steady(program: Program, sink: Sink, load: Load, count: int) -> Figures:
    """Offer 200 events a second whatever the answers; measure from the intended moments."""
    sink.forget()
    first = 1000
    batch = requests(bodies(first, count))
    gc.collect()
    cpu = program.cpu_us
    times = await load.steady(batch, STEADY_PER_SECOND)
    await sink.until(count * len(LISTENERS), timeout_seconds=60)
    cpu = program.cpu_us - cpu
    accepts = [answered - intended for intended, answered in times]
    firsts = [
        arrived[first + number] - intended
        for arrived in sink.arrived.values()
        for number, (intended, _) in enumerate(times)
    ]
    return {
        "accept_p50_ms": percentile_ms(accepts, 0.5),
        "accept_p99_ms": percentile_ms(accepts, 0.99),
        "event_to_first_attempt_p50_ms": percentile_ms(firsts, 0.5),
        "event_to_first_attempt_p99_ms": percentile_ms(firsts, 0.99),
        "steady_cpu_us_per_event": cpu / count,
    }


async def saturate(program: Program, sink: Sink, load: Load, count: int) -> Figures:
    """Offer all over 64 connections as fast as they are answered; wait for every delivery."""
    sink.forget()
    batch = requests(bodies(1_000_000, count))
    gc.collect()
    own, cpu, began = time.process_time(), program.cpu_us, time.perf_counter()
    await load.flat_out(batch)
    accepted = time.perf_counter() - began
    await sink.until(count * len(LISTENERS), timeout_seconds=180)
    delivered = time.perf_counter() - began
    own = time.process_time() - own
    await program.rest()
    cpu = program.cpu_us - cpu
    return {
        "accepted_per_second": count / accepted,
        "delivered_per_second": count * len(LISTENERS) / delivered,
        "cpu_us_per_event": cpu / count,
        "cpu_us_per_delivery": cpu / count / len(LISTENERS),
        "duplicates": float(sink.requests - sink.distinct),
        "load_and_sink_busy_percent": own / delivered * 100,
    }


async def backlog(program: Program, sink: Sink, load: Load, megabytes: int) -> Figures:
    """Have so much accepted while the listeners are away, then let them come back."""
    size = len(bodies(0, 1)[0])
    count = math.ceil(megabytes * 1e6 / size)
    sink.forget()
    sink.is_away = True
    start_mb, accepting = program.memory_mb, 0.0
    for first in range(0, count, CHUNK_EVENTS):
        chunk = requests(bodies(2_000_000 + first, min(CHUNK_EVENTS, count - first)))
        began = time.perf_counter()
        await load.flat_out(chunk)
        accepting += time.perf_counter() - began
    full_mb = program.memory_mb
    sink.forget()
    sink.is_away = False
    began, samples = time.perf_counter(), [full_mb]
    drained = asyncio.create_task(sink.until(count * len(LISTENERS), timeout_seconds=900))
    while not drained.done():
        await asyncio.wait({drained}, timeout=0.25)
        samples.append(program.memory_mb)
    await drained
    seconds = time.perf_counter() - began
    await program.rest()
    return {
        "backlog_mb": count * size / 1e6,
        "backlog_deliveries": float(count * len(LISTENERS)),
        "accepted_per_second_while_away": count / accepting,
        "drained_deliveries_per_second": count * len(LISTENERS) / seconds,
        "memory_start_mb": start_mb,
        "memory_full_mb": full_mb,
        "memory_peak_draining_mb": max(samples),
        "memory_end_mb": program.memory_mb,
        "duplicates": float(sink.requests - sink.distinct),
    }


def percentile_ms(values_us: Iterable[int], share: float) -> float:
    """Return, in milliseconds, the value that `share` of the values do not exceed."""
    ordered = sorted(values_us)
    return ordered[math.ceil(len(ordered) * share) - 1] / 1000
