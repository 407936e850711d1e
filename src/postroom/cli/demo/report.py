"""What came of the story: who got what, why not, and whether that is as it should be."""

from collections import Counter
from collections.abc import Mapping, Sequence

from postroom.cli.demo import story
from postroom.cli.demo.gateway import Gateway
from postroom.cli.demo.listeners import Arrival
from postroom.cli.demo.play import Sent
from postroom.model import Json, Noun


class Cell(Noun, frozen=True, kw_only=True):
    """One envelope at one listener."""

    listener: str
    delivered: tuple[str, ...]
    """Events that the listener itself answered 2xx, in order."""
    expected: tuple[str, ...]
    why_not: str | None
    """Where nothing was to be delivered: the explanation of the gateway."""


class Row(Noun, frozen=True, kw_only=True):
    """One envelope."""

    title: str
    envelope_id: str
    cells: tuple[Cell, ...]


class Tries(Noun, frozen=True, kw_only=True):
    """How often one listener was tried, from the gateway's own records."""

    listener: str
    deliveries: int
    attempts: int

    @property
    def retries(self) -> int:
        """Attempts beyond the first of each delivery."""
        return self.attempts - self.deliveries


class Report(Noun, frozen=True, kw_only=True):
    """The story's end."""

    rows: tuple[Row, ...]
    tries: tuple[Tries, ...]
    unclaimed: tuple[str, ...]
    """What no listener wanted, as `event of TITLE`."""
    problems: tuple[str, ...]
    """Everything that is not as it should be; empty if all is well."""


def report(
    gateway: Gateway,
    arrivals: Mapping[str, Sequence[Arrival]],
    sent: Sequence[Sent],
    *,
    is_settled: bool,
) -> Report:
    """Compare what the listeners got with the story, and ask the gateway why."""
    notifications = gateway.every("notifications")
    ids = {(one["envelope_id"], one["event"]): one["id"] for one in notifications}
    rows = tuple(_row(gateway, chapter, arrivals, ids) for chapter in story.chapters())
    titles = {one.envelope.id: one.title for one in story.chapters()}
    unclaimed = tuple(
        f"{one['event']} of “{titles[one['envelope_id']]}”" for one in gateway.every("unclaimed")
    )
    tries = _tries(gateway)
    problems = [
        *([] if is_settled else ["something is still owed to a listener"]),
        *(_refused(sent)),
        *(_wrong_cells(rows)),
        *(_wrong_arrivals(arrivals)),
        *(_wrong_tries(tries)),
        *([] if len(unclaimed) == 1 else [f"{len(unclaimed)} unclaimed instead of 1"]),
    ]
    return Report(rows=rows, tries=tries, unclaimed=unclaimed, problems=tuple(problems))


def _row(
    gateway: Gateway,
    chapter: story.Chapter,
    arrivals: Mapping[str, Sequence[Arrival]],
    ids: Mapping[tuple[str, str], str],
) -> Row:
    envelope = chapter.envelope
    explained = _explained(gateway, ids.get((envelope.id, chapter.events[0])))
    cells = []
    for name in story.LISTENERS:
        delivered = tuple(
            one.event
            for one in arrivals[name]
            if one.envelope_id == envelope.id and one.status < 300  # noqa: PLR2004  # HTTP's 2xx
        )
        why_not = None if delivered else explained.get(name, "another account")
        cells.append(
            Cell(
                listener=name,
                delivered=delivered,
                expected=chapter.arrives.get(name, ()),
                why_not=why_not,
            )
        )
    return Row(title=chapter.title, envelope_id=envelope.id, cells=tuple(cells))


def _explained(gateway: Gateway, notification_id: str | None) -> dict[str, str]:
    if notification_id is None:
        return {}
    explanation: Json = gateway.get(f"notifications/{notification_id}/explanation")
    return {one["listener"]: one["summary"] for one in explanation["listeners"]}


def _tries(gateway: Gateway) -> tuple[Tries, ...]:
    deliveries: Counter[str] = Counter()
    attempts: Counter[str] = Counter()
    for one in gateway.every("deliveries"):
        deliveries[one["listener"]] += 1
        attempts[one["listener"]] += one["attempts"]
    return tuple(
        Tries(listener=name, deliveries=deliveries[name], attempts=attempts[name])
        for name in story.LISTENERS
    )


def _refused(sent: Sequence[Sent]) -> list[str]:
    return [
        f"{one.event} of “{one.chapter.title}” was answered {one.status}"
        for one in sent
        if one.status != 200  # noqa: PLR2004  # HTTP's OK
    ]


def _wrong_cells(rows: Sequence[Row]) -> list[str]:
    return [
        f"{cell.listener} got {list(cell.delivered)} of “{row.title}”"
        f" instead of {list(cell.expected)}"
        for row in rows
        for cell in row.cells
        if cell.delivered != cell.expected
    ]


def _wrong_arrivals(arrivals: Mapping[str, Sequence[Arrival]]) -> list[str]:
    wrong = [
        f"{name} got a request whose signatures do not verify"
        for name, got in arrivals.items()
        if not all(one.is_genuine for one in got)
    ]
    ids: dict[tuple[str, str], set[str]] = {}
    for got in arrivals.values():
        for one in got:
            ids.setdefault((one.envelope_id, one.event), set()).add(one.event_id)
    return wrong + [
        f"{event} came under {len(found)} ids instead of one"
        for (_, event), found in ids.items()
        if len(found) != 1
    ]


def _wrong_tries(tries: Sequence[Tries]) -> list[str]:
    return [
        f"{one.listener} was tried again {one.retries} times instead of {due}"
        for one in tries
        if one.retries != (due := story.FAILURES if one.listener == story.FLAKY else 0)
    ]
