"""What a person should see first of an envelope's history, in sentences. Pure."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from postroom.operations.explaining import course
from postroom.operations.explaining.course import Gap

if TYPE_CHECKING:
    from postroom.operations.explain_envelope import EventRow

MOST_SENTENCES = 100
MOST_OF_ONE = 5
"""Different answers of one listener that are told."""
_IN_ORDER = {"delivered", "merged", "absent", "shadowed"}
"""What needs no sentence."""


def of(events: Sequence["EventRow"], gaps: Sequence[Gap]) -> list[str]:
    """Return the sentences: what is missing, what came oddly, then listener by listener."""
    found = [*map(course.said, gaps), *_as_it_came(events), *_by_listener(events)]
    more = len(found) - MOST_SENTENCES
    return [*found[:MOST_SENTENCES], f"and {more} more, in --json"] if more > 0 else found


def _as_it_came(events: Sequence["EventRow"]) -> Iterator[str]:
    for mark, sentence in (
        ("derived", "was made up of what the account's REST API tells: the feed's never came"),
        ("historical", "was published again on demand, for the listeners it names alone"),
        ("out of order", "came after something that happened later"),
        ("unclaimed", "was wanted by nobody"),
    ):
        named = list(dict.fromkeys(one.event for one in events if mark in one.marks))
        if named:
            yield f"{', '.join(named)} {sentence}"
    for one in events:
        if one.repeats:
            times = "once more" if one.repeats == 1 else f"{one.repeats} more times"
            yield f"{one.event} came {times}; it counts once"
        if one.flaw:
            yield f"{one.event or 'a message'} is flawed: {one.flaw}"


def _by_listener(events: Sequence["EventRow"]) -> Iterator[str]:
    answers: dict[str, dict[str, list[str]]] = {}
    for one in events:
        for cell in one.cells:
            if cell.outcome not in _IN_ORDER:
                told = answers.setdefault(cell.listener, {})
                told.setdefault(cell.sentence, []).append(one.event)
    for told in answers.values():
        for sentence, named in list(told.items())[:MOST_OF_ONE]:
            yield f"{sentence} [{_named(named)}]"
        if len(told) > MOST_OF_ONE:
            yield f"  and {len(told) - MOST_OF_ONE} other answers, in --json"


def _named(events: list[str]) -> str:
    different = list(dict.fromkeys(events))
    if len(different) <= MOST_OF_ONE:
        return ", ".join(different)
    return f"{', '.join(different[:MOST_OF_ONE])} and {len(different) - MOST_OF_ONE} more"
