"""A workload under way on one system: what is owed, what has arrived, what it has cost."""

import gc
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from benchmarks.audience import Audience
from benchmarks.messages import requests
from benchmarks.sink import Sink
from benchmarks.systems import OWN, SERVER, System
from benchmarks.wire import Load
from benchmarks.workloads import percentile_ms

from postroom.model import Noun

WARM_UP_DELIVERIES = 1500
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
    backlog: int = 1_000_000
    """How many deliveries are owed at once."""
    warm_up: float = 1.0


QUICK = Sizes(seconds=1.5, events=600, outage_seconds=2.0, backlog=9_999, warm_up=0.1)


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
        self.backlog = sizes.backlog
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
        spent = sum(cpu[part] - self._cpu[part] for part in cpu)
        return {
            "deliveries": float(owed),
            "cpu_ms_per_1000_own": (cpu[OWN] - self._cpu[OWN]) / owed,
            "cpu_ms_per_1000_server": (cpu[SERVER] - self._cpu[SERVER]) / owed,
            "cpu_ms_per_1000": spent / owed,
            "deliveries_per_cpu_second": self.sink.distinct / max(spent, 1) * 1e6,
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
