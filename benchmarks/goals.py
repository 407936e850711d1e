"""The goals of the benchmark of many nodes, each computed from what was measured."""

from collections.abc import Iterator, Mapping

from postroom.model import Noun

Figures = Mapping[str, float]
Medians = Mapping[str, Mapping[str, Figures]]
"""Workload to system to figure."""

PROTOTYPE_EVENTS, PROTOTYPE_DELIVERIES = 2600, 7800
"""What the bare prototype reached where the goal at saturation was set."""
GOAL_EVENTS, GOAL_DELIVERIES = 2500, 7500
FLAT = 1.25
"""What memory may grow to while a backlog is owed and drains; measuring it is not exact."""
CORES_FOR_TWO_NODES = 5
"""A core each for two nodes and the load, and two for PostgreSQL: fewer, and they share."""


class Goal(Noun, frozen=True, kw_only=True):
    """One goal: what is wanted, what was measured, and whether that is enough."""

    words: str
    wanted: str
    measured: str
    is_met: bool | None = None
    """None: it could not be judged here."""

    @property
    def verdict(self) -> str:
        """Return it in a word."""
        return {True: "met", False: "MISSED", None: "not judged"}[self.is_met]


def judge(medians: Medians, cores: int) -> Iterator[Goal]:
    """Yield the goals that what was measured says something about."""
    yield from _saturation(medians.get("W8", {}), cores)
    yield from _latency(medians.get("W1", {}))
    for name in ("sqlite", "postgres", "postgres-2"):
        if found := medians.get("W4", {}).get(name):
            yield _at_most(
                f"W4, {name}: p99 of the 19 others by the fault-free",
                found["first_attempt_p99_ratio"],
                2.0,
            )
    for name, found in medians.get("million", {}).items():
        yield _at_most(f"million, {name}: memory by that before it", found["memory_growth"], FLAT)
    yield from _kept(medians)


def _saturation(found: Mapping[str, Figures], cores: int) -> Iterator[Goal]:
    for name, floor, most in (
        ("sqlite", "floor", 1.5),
        ("postgres", "floor-postgres", 2.0),
    ):
        if name in found and floor in found:
            ratio = found[name]["cpu_ms_per_1000"] / found[floor]["cpu_ms_per_1000"]
            yield _at_most(f"W8, {name}: CPU per delivery by the floor's", ratio, most)
    if "by-hand" in found:
        for name in ("sqlite", "postgres"):
            if name in found:
                ratio = found["by-hand"]["cpu_ms_per_1000"] / found[name]["cpu_ms_per_1000"]
                yield _at_least(
                    f"W8, {name}: deliveries per CPU-second by those by hand", ratio, 25.0
                )
    if "sqlite" in found and "floor" in found:
        yield _ceiling(found["sqlite"], found["floor"])
    if "postgres" in found and "postgres-2" in found:
        yield _two_nodes(found["postgres"], found["postgres-2"], cores)


def _ceiling(ours: Figures, floor: Figures) -> Goal:
    """Hold the ceiling against the floor's, as the goal stands to the bare prototype's."""
    events, deliveries = ours["ceiling_events_per_second"], ours["ceiling_deliveries_per_second"]
    share = floor["ceiling_deliveries_per_second"] / PROTOTYPE_DELIVERIES
    wanted_events, wanted = GOAL_EVENTS * share, GOAL_DELIVERIES * share
    return Goal(
        words="W8, sqlite: events and deliveries a second on one core",
        wanted=(
            f">= {wanted_events:,.0f} and {wanted:,.0f}: {GOAL_EVENTS:,} and {GOAL_DELIVERIES:,}"
            f" where the bare prototype reaches {PROTOTYPE_EVENTS:,} and"
            f" {PROTOTYPE_DELIVERIES:,}; here the floor reaches"
            f" {floor['ceiling_events_per_second']:,.0f} and"
            f" {floor['ceiling_deliveries_per_second']:,.0f}"
        ),
        measured=f"{events:,.0f} and {deliveries:,.0f}",
        is_met=events >= wanted_events and deliveries >= wanted,
    )


def _two_nodes(one: Figures, two: Figures, cores: int) -> Goal:
    ratio = two["ceiling_deliveries_per_second"] / one["ceiling_deliveries_per_second"]
    is_enough = cores >= CORES_FOR_TWO_NODES
    where = "" if is_enough else f" with {CORES_FOR_TWO_NODES} cores or more; here are {cores}"
    return Goal(
        words="W8: deliveries a second of two nodes by one",
        wanted=f">= 1.7{where}",
        measured=(
            f"{ratio:.2f}; CPU per 1,000 deliveries, server included:"
            f" {one['cpu_ms_per_1000']:,.0f} ms with one node, {two['cpu_ms_per_1000']:,.0f} ms"
            " with two"
        ),
        is_met=ratio >= 1.7 if is_enough else None,
    )


def _latency(found: Mapping[str, Figures]) -> Iterator[Goal]:
    for name, most in (("sqlite", 5.0), ("postgres", 8.0)):
        if name in found:
            yield _under(f"W1, {name}: accept p99", found[name]["accept_p99_ms"], most)
            first = found[name]["first_attempt_p99_ms"]
            yield _under(f"W1, {name}: event to first attempt p99", first, 15.0)


def _kept(medians: Medians) -> Iterator[Goal]:
    """Postroom loses nothing and, where nothing crashes, delivers nothing twice."""
    ours = [
        found
        for kinds in medians.values()
        for name, found in kinds.items()
        if name in ("sqlite", "postgres", "postgres-2")
    ]
    if not ours:
        return
    lost = sum(one["lost"] for one in ours)
    twice = sum(one["duplicates"] for one in ours)
    yield Goal(
        words="all workloads, Postroom: lost and duplicates",
        wanted="0 and 0",
        measured=f"{lost:,.0f} and {twice:,.0f}",
        is_met=lost == 0 and twice == 0,
    )


def _at_most(words: str, value: float, most: float) -> Goal:
    return _goal(words, f"<= {most:g}", f"{value:.2f}", is_met=value <= most)


def _at_least(words: str, value: float, least: float) -> Goal:
    return _goal(words, f">= {least:g}", f"{value:.1f}", is_met=value >= least)


def _under(words: str, value_ms: float, most_ms: float) -> Goal:
    return _goal(words, f"< {most_ms:g} ms", f"{value_ms:.1f} ms", is_met=value_ms < most_ms)


def _goal(words: str, wanted: str, measured: str, *, is_met: bool) -> Goal:
    return Goal(words=words, wanted=wanted, measured=measured, is_met=is_met)
