"""What reaches nobody: by event, in the terms of the conditions that the listeners have."""

from collections.abc import Iterator

from postroom import vocabulary
from postroom.model import Listener, Truth
from postroom.operations.checking import finding
from postroom.operations.checking.finding import CheckFinding, Place
from postroom.operations.checking.subject import Household, Placed
from postroom.routing import words
from postroom.routing.content import Content
from postroom.routing.proving.overlap import Apart, NotDecided, Overlap, Prover
from postroom.routing.proving.witness import Witness
from postroom.routing.users import Directory
from postroom.routing.wants import Wants, may_want

MAIN_EVENTS = ("envelope-completed", "envelope-declined", "envelope-voided")
"""How an envelope ends: somebody ought to hear of it."""
_MOST_EVENTS = 200
"""Events of one account that are looked at."""


def gaps(household: Household, prover: Prover) -> Iterator[CheckFinding]:
    """Yield what reaches nobody, as notes; events with the same gap are told together."""
    there = [one for one in household.listeners if _can_get(one.listener, prover)]
    if not there:
        return
    named = {event for one in there for event in one.listener.events} & vocabulary.EVENTS
    events = dict.fromkeys((*MAIN_EVENTS, *sorted(named)))
    directory = Directory(household.account)
    everyone = {one.listener.id: Wants(one.listener, directory) for one in there}
    found: dict[str, tuple[list[str], Overlap, Placed]] = {}
    open_: dict[str, list[str]] = {}
    for event in list(events)[:_MOST_EVENTS]:
        wanting = [one for one in there if everyone[one.listener.id].wants_event(event)]
        answer = prover.nobody([one.listener for one in wanting], event)
        if isinstance(answer, Overlap):
            why = _conditions([everyone[one.listener.id] for one in wanting], answer.witness)
            first = wanting[0] if wanting else there[0]
            found.setdefault(why, ([], answer, first))[0].append(event)
        elif isinstance(answer, NotDecided):
            open_.setdefault(answer.why, []).append(event)
    for why, (missed, answer, first) in found.items():
        yield _finding(household, why, missed, answer, first.at("events"))
    for why, undecided in open_.items():
        yield _not_decided(household, why, undecided, there[0].at("events"))


def _can_get(listener: Listener, prover: Prover) -> bool:
    """Tell whether a listener gets anything: what never does closes no gap, and names none."""
    is_there = listener.mode == "live" and may_want(listener)
    return is_there and not isinstance(prover.possible(listener), Apart)


def _finding(
    household: Household,
    why: str,
    missed: list[str],
    answer: Overlap,
    path: Place | None,
) -> CheckFinding:
    events = finding.named(missed)
    if why:
        message = f"every {events} reaches nobody, unless {why}"
    else:
        message = f"no listener of {finding.owner(household.account)} wants {events}"
    return CheckFinding(
        rule="gap",
        severity="note",
        message=words.clipped(message, words.LONGEST_SENTENCE),
        remedy="nothing, if it is meant so; else widen a listener, or add one for the rest",
        account_id=household.account.id,
        path=path,
        witness=finding.view(answer.witness),
    )


def _not_decided(
    household: Household, why: str, events: list[str], path: Place | None
) -> CheckFinding:
    return CheckFinding(
        rule="gap",
        severity="note",
        message=f"whether every {finding.named(events)} reaches somebody is not decided: {why}",
        remedy="add a listener of everything, an audit, if nothing may be missed",
        account_id=household.account.id,
        path=path,
    )


def _conditions(wanting: list[Wants], witness: Witness) -> str:
    """Return what would have to be so for somebody to want it: of each the first that fails."""
    content = Content(witness.notification())
    only: dict[str, None] = {}
    others: dict[str, None] = {}
    for wants in wanting:
        by_sender = wants.by_sender(content)
        if by_sender.truth is not Truth.NO:
            others[wants.by_content(content).condition] = None
        elif wants.listener.users is not None and wants.listener.users.kind == "only":
            only[by_sender.condition.removeprefix("only users ")] = None
        else:
            others[f"the sender is {_excepted(wants.listener)}"] = None
    parts = [f"the sender is one of {finding.named(tuple(only))}"] if only else []
    return "; or ".join([*parts, *_few(tuple(others))])


def _excepted(listener: Listener) -> str:
    users = listener.users
    named = (*users.emails, *users.ids, *(f"group {one}" for one in users.groups)) if users else ()
    return f"none of {finding.named(named)}"


def _few(conditions: tuple[str, ...]) -> list[str]:
    shown = list(conditions[: words.MOST_ENTRIES])
    more = len(conditions) - len(shown)
    return [*shown, f"one of {more} more conditions holds"] if more else shown
