"""What came of the story, and whether it is as it should be. Pure."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from postroom.cli.demo import story
from postroom.cli.demo.listeners import Arrival
from postroom.cli.demo.play import Sent
from postroom.model import Noun


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
    retries: int
    """Attempts beyond the first of each delivery."""


class Report(Noun, frozen=True, kw_only=True):
    """The story's end."""

    rows: tuple[Row, ...]
    tries: tuple[Tries, ...]
    unclaimed: tuple[str, ...]
    """What no listener wanted, as `event of TITLE`."""
    problems: tuple[str, ...]
    """Everything that is not as it should be; empty if all is well."""


def problems(
    rows: Sequence[Row],
    tries: Sequence[Tries],
    unclaimed: Sequence[str],
    arrivals: Mapping[str, Sequence[Arrival]],
    sent: Sequence[Sent],
) -> tuple[str, ...]:
    """Return in words everything that is not as the story has it."""
    expected = [
        f"{event} of “{chapter.title}”"
        for chapter in story.chapters()
        for event in chapter.events
        if not any(event in events for events in chapter.arrives.values())
    ]
    return (
        *_refused(sent),
        *_wrong_cells(rows),
        *_wrong_arrivals(arrivals),
        *_wrong_tries(tries),
        *([] if list(unclaimed) == expected else [f"unclaimed: {unclaimed} instead of {expected}"]),
    )


def _refused(sent: Sequence[Sent]) -> list[str]:
    return [
        f"{one.event} of “{one.chapter.title}” was answered {one.status}"
        for one in sent
        if one.status != HTTPStatus.OK
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
