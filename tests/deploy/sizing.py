"""The arithmetic of the pages on size: measured figures in, tables of what is needed out.

The figures stand in a table of `docs/how-to/size-a-cluster.md`. With others in it, the tables that
follow from them are printed by `python -m tests.deploy.sizing`.
"""

import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from postroom.model import Noun

DOCS = Path(__file__).parents[2] / "docs"
SIZE = DOCS / "how-to" / "size-a-cluster.md"
SCALE = DOCS / "explanation" / "scale.md"
FIGURE = re.compile(r"^\| ([^|]+?) \| ([\d.,]+) (µs|KB|MB) \|", re.MULTILINE)
DAY_SECONDS = 86_400
BUSY = 0.5
"""The part of its cores that a node or a database uses when all is well."""
BODY_KB = 6.0
DELIVERIES = 3
"""Of one event, where a table has no column for it."""
CONNECTIONS = 7
"""Of a node."""
PER_CLUSTER = 2_500
"""Events a second that we give one PostgreSQL."""
UNITS = ((1e9, "TB"), (1e6, "GB"), (1e3, "MB"), (1, "KB"))


class Figures(Noun, frozen=True, kw_only=True):
    """What one event and one delivery cost: microseconds of a core, and KB."""

    take_us: float
    deliver_us: float
    database_event_us: float
    database_delivery_us: float
    wal_event_kb: float
    wal_delivery_kb: float
    body_kb: float
    event_kb: float
    delivery_kb: float


NAMES = {
    "a node takes an event in": "take_us",
    "a node makes one delivery": "deliver_us",
    "PostgreSQL, for an event": "database_event_us",
    "PostgreSQL, for a delivery": "database_delivery_us",
    "write-ahead log of an event": "wal_event_kb",
    "write-ahead log of a delivery": "wal_delivery_kb",
    "disk, an event's body of 6 KB": "body_kb",
    "disk, the rest of an event": "event_kb",
    "disk, a delivery": "delivery_kb",
}


def figures() -> Figures:
    """Return the figures as the page has them."""
    said = {
        name: float(number.replace(",", "")) for name, number, _ in FIGURE.findall(SIZE.read_text())
    }
    return Figures(**{field: said[name] for name, field in NAMES.items()})


class Load(Noun, frozen=True, kw_only=True):
    """What comes in, where it goes, and how long it is kept."""

    events: float
    """A second."""
    deliveries: int = DELIVERIES
    body_days: float = 90
    row_days: float = 400


class Need(Noun, frozen=True, kw_only=True):
    """What a load needs, in cores and KB (a second where it flows)."""

    take_cores: float
    deliver_cores: float
    database_cores: float
    wal_kb: float
    in_kb: float
    out_kb: float
    daily_kb: float
    """Written to the disk in a day."""
    kept_kb: float
    """On the disk when the oldest is dropped."""

    @property
    def node_cores(self) -> float:
        """Of all nodes, whatever their roles."""
        return self.take_cores + self.deliver_cores


def need(load: Load, of: Figures) -> Need:
    """Return what a load needs, with cores half busy."""
    core = load.events / 1e6 / BUSY
    rows_kb = of.event_kb + of.delivery_kb * load.deliveries
    daily = load.events * DAY_SECONDS
    return Need(
        take_cores=core * of.take_us,
        deliver_cores=core * of.deliver_us * load.deliveries,
        database_cores=core * (of.database_event_us + of.database_delivery_us * load.deliveries),
        wal_kb=load.events * (of.wal_event_kb + of.wal_delivery_kb * load.deliveries),
        in_kb=load.events * BODY_KB,
        out_kb=load.events * BODY_KB * load.deliveries,
        daily_kb=daily * (of.body_kb + rows_kb),
        kept_kb=daily * (of.body_kb * load.body_days + rows_kb * load.row_days),
    )


def whole(cores: float) -> int:
    """Return how many cores, or nodes of one, that is."""
    return math.ceil(cores)


def nodes(cores: float) -> int:
    """Return how many nodes do what takes so many cores: one may be away, and nobody notices."""
    return whole(cores) + 1


def connections(cores: float) -> int:
    """Return the connections of those nodes, and of one more: a rolling upgrade starts it."""
    return (nodes(cores) + 1) * CONNECTIONS


def amount(kb: float) -> str:
    """Return an amount with two digits that matter, in the unit that suits it."""
    size, unit = next(((size, unit) for size, unit in UNITS if kb >= size), UNITS[-1])
    value = kb / size
    digits = max(0, 1 - math.floor(math.log10(value)))
    return f"{round(value, 1 if digits and value < 10 else 0):,g} {unit}"


def number(value: float) -> str:
    """Return a number as a table has it."""
    return f"{value:,.2g}" if value < 10 else f"{round(value):,}"


WORKED = (
    Load(events=1),
    Load(events=10),
    Load(events=100, body_days=30, row_days=90),
    Load(events=100, deliveries=20, body_days=30, row_days=90),
    Load(events=500, body_days=14, row_days=60),
    Load(events=1_000, body_days=7, row_days=30),
    Load(events=2_500, body_days=3, row_days=14),
)
RATES = (100, 10_000, 1_000_000)


def table(heads: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Return a table, its first column on the left."""
    names = list(heads)
    rule = ["---", *["---:"] * (len(names) - 1)]
    rows = (f"| {' | '.join(line)} |\n" for line in lines)
    return f"| {' | '.join(names)} |\n|{'|'.join(rule)}|\n{''.join(rows)}"


def worked(of: Figures) -> str:
    """Return the table of what one cluster needs."""
    heads = (
        *("events/s", "deliveries each", "nodes of one core", "PostgreSQL's cores"),
        *("its connections", "WAL/s", "days kept: bodies, rows", "disk"),
    )
    lines = []
    for load in WORKED:
        needed = need(load, of)
        lines.append(
            (
                number(load.events),
                str(load.deliveries),
                str(nodes(needed.node_cores)),
                str(max(2, whole(needed.database_cores))),
                str(connections(needed.node_cores)),
                amount(needed.wal_kb),
                f"{load.body_days:g}, {load.row_days:g}",
                amount(needed.kept_kb),
            )
        )
    return table(heads, lines)


def scaled(of: Figures) -> str:
    """Return the table of the three rates."""
    needs = [need(Load(events=rate), of) for rate in RATES]
    clusters = [whole(rate / PER_CLUSTER) for rate in RATES]
    both = list(zip(needs, clusters, strict=True))
    in_all: list[tuple[str, Callable[[Need, int], str]]] = [
        ("clusters", lambda _, many: number(many)),
        ("in", lambda one, _: f"{amount(one.in_kb)}/s"),
        ("out", lambda one, _: f"{amount(one.out_kb)}/s"),
        ("cores of front doors", lambda one, _: number(one.take_cores)),
        ("cores of workers", lambda one, _: number(one.deliver_cores)),
        ("cores of PostgreSQL", lambda one, _: number(one.database_cores)),
        ("WAL", lambda one, _: f"{amount(one.wal_kb)}/s"),
        ("disk, each day kept", lambda one, _: amount(one.daily_kb)),
        ("of one cluster: nodes", lambda one, many: number(nodes(one.node_cores / many))),
        (
            "of one cluster: connections",
            lambda one, many: number(connections(one.node_cores / many)),
        ),
        ("of one cluster: WAL", lambda one, many: f"{amount(one.wal_kb / many)}/s"),
        ("of one cluster: disk, each day kept", lambda one, many: amount(one.daily_kb / many)),
    ]
    lines = [(name, *(says(one, many) for one, many in both)) for name, says in in_all]
    return table(("", *(f"{rate:,} events/s" for rate in RATES)), lines)


if __name__ == "__main__":
    print(f"{SIZE.name}:\n\n{worked(figures())}\n{SCALE.name}:\n\n{scaled(figures())}")  # noqa: T201  # what it is for
