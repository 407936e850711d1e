"""W1 to W8: what each workload is, in numbers. In words: docs/reference/benchmarks.md."""

import asyncio
import gc
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from benchmarks.alarm import now_us
from benchmarks.audience import THREE, Audience, everybody, one_in
from benchmarks.messages import requests, with_document
from benchmarks.sink import Sink
from benchmarks.systems import OWN, SERVER, System
from benchmarks.wire import Load
from benchmarks.workloads import percentile_ms
from msgspec.structs import replace

from postroom.model import Noun

WARM_UP_DELIVERIES = 1500
STEADY_PER_SECOND = 200
FAN_OUT_PER_SECOND = 50
OVERLOAD_SHARE = 0.3
OUTAGE_SECONDS = 600.0
PROBE_SECONDS = 60.0
"""Postroom's default; shortened as much as the outage is."""
LARGE_BYTES = 10_000_000
LARGE_PER_SECOND = 2
WAITS_SECONDS = 240
"""How long to wait for what is owed: longer than any system has yet needed."""

Figures = dict[str, float]
Times = Sequence[tuple[int, int]]


class Sizes(Noun, frozen=True, kw_only=True):
    """How much of each workload is run."""

    seconds: float = 10.0
    """How long load is offered at a rate."""
    events: int = 6000
    """How many are offered at saturation."""
    outage_seconds: float = 20.0
    warm_up: float = 1.0


QUICK = Sizes(seconds=1.5, events=600, outage_seconds=2.0, warm_up=0.1)


class Prepared(Sequence[bytes]):
    """Requests made as they are asked for: those of ten minutes would fill the memory."""

    def __init__(self, audience: Audience, first: int, count: int) -> None:
        self._audience = audience
        self._numbers = range(first, first + count)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, at: Any) -> Any:
        return requests(self._audience.messages(self._numbers[at], 1))[0]


class Run:
    """One workload on one system: the sink, the load, and what it has cost so far."""

    def __init__(self, system: System, sink: Sink, load: Load, sizes: Sizes) -> None:
        self.system = system
        self.sink = sink
        self.load = load
        self.seconds = sizes.seconds
        self.share = system.share
        self.events = max(round(sizes.events * system.share), 60)
        self.outage_seconds = sizes.outage_seconds
        self.warm_up_deliveries = WARM_UP_DELIVERIES * sizes.warm_up * system.share
        self._owed = 0
        self._cpu = dict(system.cpu_us())
        self._bytes = 0.0

    def messages(self, first: int, count: int) -> list[bytes]:
        """Return requests of ordinary messages, and remember what is owed for them."""
        self.owe(first, count)
        return requests(self.system.audience.messages(first, count))

    def owe(self, first: int, count: int) -> None:
        """Remember what is owed for the messages from number `first` on."""
        self._owed += self.system.audience.owed(first, count)

    async def begin(self) -> None:
        """Warm it up, let it come to rest, and begin to count."""
        per_event = max(self.system.audience.owed(0, 100) / 100, 1)
        count = max(math.ceil(self.warm_up_deliveries / per_event), 3)
        self.sink.forget()
        self._owed = 0
        await self.load.flat_out(self.messages(0, count))
        await self.all_delivered()
        await self.system.rest()
        self.sink.forget()
        self._owed = 0
        self._bytes = await self.system.stored_bytes()
        gc.collect()
        self._cpu = dict(self.system.cpu_us())

    async def all_delivered(self, *, patience_seconds: float = WAITS_SECONDS) -> None:
        """Wait for what is owed; what does not come in a long while is counted as lost."""
        with suppress(TimeoutError):
            await self.sink.until(self._owed, timeout_seconds=patience_seconds)

    async def end(self) -> Figures:
        """Let it come to rest; return what everything has cost since `begin`."""
        await self.system.rest()
        cpu = self.system.cpu_us()
        grown = await self.system.stored_bytes() - self._bytes
        owed = self._owed
        return {
            "deliveries": float(owed),
            "cpu_ms_per_1000_own": (cpu[OWN] - self._cpu[OWN]) / owed,
            "cpu_ms_per_1000_server": (cpu[SERVER] - self._cpu[SERVER]) / owed,
            "cpu_ms_per_1000": sum(cpu[part] - self._cpu[part] for part in cpu) / owed,
            "memory_peak_mb": self.system.peak_memory_mb(),
            "memory_server_mb": self.system.server_memory_mb(),
            "bytes_per_delivery": grown / owed,
            "lost": float(owed - self.sink.distinct),
            "duplicates": float(self.sink.duplicates),
        }

    def latencies(self, first: int, times: Times, *, without: bytes = b"") -> Figures:
        """Return how long accepts and first attempts took, from the moments given."""
        accepts = [answered - moment for moment, answered in times]
        waits = [
            arrived - times[number - first][0]
            for path, here in self.sink.arrived.items()
            if path != without
            for number, arrived in here.items()
            if first <= number < first + len(times)
        ]
        return {
            "accept_p50_ms": percentile_ms(accepts, 0.5),
            "accept_p99_ms": percentile_ms(accepts, 0.99),
            "first_attempt_p50_ms": percentile_ms(waits, 0.5),
            "first_attempt_p99_ms": percentile_ms(waits, 0.99),
        }


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
