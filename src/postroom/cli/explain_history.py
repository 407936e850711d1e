"""An envelope's history for people: a row an event, a column a listener, and what is notable."""

from collections.abc import Iterator

from rich.console import RenderableType

from postroom.cli.output import Column, Row, facts, heading, moment, plain, table

MARKS = {
    "delivered": ("✓", "delivered"),
    "pending": ("…", "on its way"),
    "given_up": ("✗", "given up"),
    "not_wanted": ("-", "not wanted"),
    "held": ("?", "held: cannot be decided yet"),
    "crossed": ("!", "crossed with another of its lane"),
    "yielded": ("<", "yielded to another of its lane"),
    "merged": ("=", "told by a later event"),
    "shadowed": ("~", "a shadow's: recorded, never sent"),
    "dismissed": ("x", "dismissed"),
    "absent": ("", ""),
    "unknown": ("·", "past retention, or unreadable"),
}
MOST_COLUMNS = 12
"""Listeners that have a column; all of them are in --json."""


def told(found: Row) -> Iterator[RenderableType]:
    """Yield the lines of an envelope's history."""
    yield facts(
        (
            ("envelope", found["envelope_id"]),
            ("account", found["account_ids"]),
            ("lives", "here" if found["lives_here"] else ""),
        )
    )
    if not found["events"]:
        yield heading("Nothing has ever come of this envelope. What to check:")
        yield from (plain(f"- {one}") for one in found["checks"])
        return
    names = _interesting(found)
    columns = [_Cell(name) for name in names]
    yield heading("What came, and what each listener had of it")
    yield table(found["events"], [*_EVENT, *(Column(heading=c.name, says=c) for c in columns)])
    yield plain(_legend(found, names))
    if len(names) < len(found["listeners"]):
        more = len(found["listeners"]) - len(names)
        yield plain(f"{more} more listeners, which had nothing of it, are in --json.")
    if found["is_cut"]:
        yield plain("There are more events: name one listener with --listener to see them.")
    if found["notable"]:
        yield heading("Notable")
        yield from (plain(f"- {one}") for one in found["notable"])


def _event(row: Row) -> str:
    whose = f" of {row['recipient_id']}" if row["recipient_id"] else ""
    return f"{row['event'] or '(unreadable)'}{whose}"


_EVENT = (
    Column(heading="happened (UTC)", says=lambda row: moment(row["occurred_at"])),
    Column(heading="event", says=_event),
    Column(heading="marks", says="marks"),
)


class _Cell:
    """What one listener had of an event, in as few characters as will do."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, row: Row) -> str:
        for one in row["cells"]:
            if one["listener"] == self.name:
                return _mark(one)
        return ""


def _mark(one: Row) -> str:
    mark = MARKS.get(one["outcome"], ("·", ""))[0]
    tries = f" {one['attempts']}x" if one["attempts"] > 1 else ""
    is_trouble = one["outcome"] in {"pending", "given_up"}
    last = (one["last_status"] or one["last_failure"]) if is_trouble else None
    near = " nearly" if one["near_miss"] else ""
    return f"{mark}{tries}{f' {last}' if last else ''}{near}"


def _interesting(found: Row) -> list[str]:
    """Return the listeners to show, those that had something or nearly did before the others."""
    names: list[str] = found["listeners"]
    if len(names) <= MOST_COLUMNS:
        return names
    had = {
        one["listener"]
        for row in found["events"]
        for one in row["cells"]
        if one["outcome"] not in {"not_wanted", "absent"} or one["near_miss"]
    }
    ranked = [name for name in names if name in had] + [name for name in names if name not in had]
    return sorted(ranked[:MOST_COLUMNS], key=names.index)


def _legend(found: Row, names: list[str]) -> str:
    used = {
        one["outcome"]
        for row in found["events"]
        for one in row["cells"]
        if one["listener"] in names
    }
    told = [f"{mark} {words}" for name, (mark, words) in MARKS.items() if name in used and words]
    return f"  {'   '.join(told)}"
