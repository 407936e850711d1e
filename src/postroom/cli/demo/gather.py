"""Gathering the report: what the listeners got, and what the gateway says about the rest."""

from collections import Counter
from collections.abc import Mapping, Sequence

from postroom.cli.demo import story
from postroom.cli.demo.gateway import Gateway
from postroom.cli.demo.listeners import Arrival
from postroom.cli.demo.play import Sent
from postroom.cli.demo.report import Cell, Report, Row, Tries, problems
from postroom.model import Json

Arrivals = Mapping[str, Sequence[Arrival]]
"""What each listener got, by its name."""
ELSEWHERE = "another account"


def gather(gateway: Gateway, arrivals: Arrivals, sent: Sequence[Sent]) -> Report:
    """Compare what the listeners got with the story, and ask the gateway why."""
    ids = {(one["envelope_id"], one["event"]): one["id"] for one in gateway.every("notifications")}
    rows = tuple(_row(gateway, chapter, arrivals, ids) for chapter in story.chapters())
    titles = {one.envelope.id: one.title for one in story.chapters()}
    unclaimed = tuple(
        f"{one['event']} of “{titles[one['envelope_id']]}”" for one in gateway.every("unclaimed")
    )
    tries = _tries(gateway)
    return Report(
        rows=rows,
        tries=tries,
        unclaimed=unclaimed,
        problems=problems(rows, tries, unclaimed, arrivals, sent),
    )


def _row(
    gateway: Gateway,
    chapter: story.Chapter,
    arrivals: Arrivals,
    ids: Mapping[tuple[str, str], str],
) -> Row:
    envelope_id = chapter.envelope.id
    why_not = _why_not(gateway, ids.get((envelope_id, chapter.events[0])))
    delivered = {
        name: tuple(one.event for one in got if one.envelope_id == envelope_id and one.was_taken)
        for name, got in arrivals.items()
    }
    return Row(
        title=chapter.title,
        envelope_id=envelope_id,
        cells=tuple(
            Cell(
                listener=name,
                delivered=delivered[name],
                expected=chapter.arrives.get(name, ()),
                why_not=None if delivered[name] else why_not.get(name, ELSEWHERE),
            )
            for name in story.LISTENERS
        ),
    )


def _why_not(gateway: Gateway, notification_id: str | None) -> dict[str, str]:
    """Return the gateway's explanation for each listener of the account."""
    if notification_id is None:
        return {}
    explanation: Json = gateway.get(f"notifications/{notification_id}/explanation")
    return {one["listener"]: _in_short(one) for one in explanation["listeners"]}


def _in_short(explained: Json) -> str:
    failed = [one for one in explained["findings"] if one["truth"] != "yes"]
    if not failed:
        return str(explained["summary"])
    seen = failed[0]["seen"]
    # A user is seen as address and id: the address is enough here.
    words = str(seen).split() if seen else ["none"]
    short = words[0] if "@" in words[0] else " ".join(words)
    return f"wants {failed[0]['condition']}; this has {short}"


def _tries(gateway: Gateway) -> tuple[Tries, ...]:
    deliveries: Counter[str] = Counter()
    attempts: Counter[str] = Counter()
    for one in gateway.every("deliveries"):
        deliveries[one["listener"]] += 1
        attempts[one["listener"]] += one["attempts"]
    return tuple(
        Tries(
            listener=name,
            deliveries=deliveries[name],
            attempts=attempts[name],
            retries=attempts[name] - deliveries[name],
        )
        for name in story.LISTENERS
    )
