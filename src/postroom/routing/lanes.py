"""What a lane, whose listeners must not share an envelope, makes of their wishes."""

from collections.abc import Sequence

from postroom.model import Lane, Listener, Match, Noun, OwedState, Truth
from postroom.routing import words

MOST_RIVALS_NAMED = 10


class Wish(Noun, frozen=True, kw_only=True):
    """A listener that wants a notification, or may: `truth` is yes or unknown."""

    listener: Listener
    truth: Truth
    doubt: str | None = None
    """Why it is undecided, in words."""


def settle(wishes: Sequence[Wish], lane: Lane | None) -> list[Match]:
    """Return what each listener of one lane is owed; no match for those that have to yield.

    `lane` is None for listeners of no lane.
    """
    if lane is None or lane.on_crossing == "deliver" or len(wishes) == 1:
        return [_alone(wish) for wish in wishes]
    preferred = first_preferred(wishes, lane)
    if preferred is not None and preferred.truth is Truth.YES:
        return [_alone(preferred)]
    undecided = [wish for wish in wishes if wish.truth is Truth.UNKNOWN]
    if undecided:
        return [
            _alone(wish) if wish.truth is Truth.UNKNOWN else _waiting(wish, undecided, lane)
            for wish in wishes
        ]
    return [_crossed(wish, wishes, lane) for wish in wishes]


def shadowed(wish: Wish) -> Match:
    """Return what a shadow would be owed were it alone: it bears on no lane, and none on it."""
    is_wanted = wish.truth is Truth.YES
    return Match(
        listener_id=wish.listener.id,
        state=OwedState.SHADOWED,
        reason=None if is_wanted else wish.doubt,
        lane=wish.listener.lane,
    )


def first_preferred(wishes: Sequence[Wish], lane: Lane) -> Wish | None:
    """Return the wish of the first listener in `lane.prefer` that has one."""
    by_name = {wish.listener.name: wish for wish in wishes}
    return next((by_name[name] for name in lane.prefer if name in by_name), None)


def _alone(wish: Wish) -> Match:
    is_due = wish.truth is Truth.YES
    return Match(
        listener_id=wish.listener.id,
        state=OwedState.DUE if is_due else OwedState.HELD,
        reason=None if is_due else wish.doubt,
        lane=wish.listener.lane,
    )


def _waiting(wish: Wish, undecided: Sequence[Wish], lane: Lane) -> Match:
    verb = "is" if len(undecided) == 1 else "are"
    return Match(
        listener_id=wish.listener.id,
        state=OwedState.HELD,
        reason=f"waits until {_names(undecided)} {verb} decided: "
        f"lane {lane.name} lets only one of its listeners have an envelope's notification",
        lane=lane.name,
    )


def _crossed(wish: Wish, wishes: Sequence[Wish], lane: Lane) -> Match:
    rivals = [other for other in wishes if other is not wish]
    return Match(
        listener_id=wish.listener.id,
        state=OwedState.CROSSED,
        reason=f"crossed with {_names(rivals)} in lane {lane.name}: "
        "choose one, or set `prefer` or `on_crossing: deliver` for the lane",
        lane=lane.name,
    )


def _names(wishes: Sequence[Wish]) -> str:
    names = [words.clipped(wish.listener.name, 100) for wish in wishes[:MOST_RIVALS_NAMED]]
    more = len(wishes) - len(names)
    if more:
        return f"{', '.join(names)} and {more} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
