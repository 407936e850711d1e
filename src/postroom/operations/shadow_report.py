"""A shadow's decisions beside a live listener's, counted, with examples, and in one sentence."""

from collections import deque
from enum import StrEnum

from postroom.clock import SECOND
from postroom.model import DeliveryState, Noun
from postroom.routing.states import TOLD_LATER
from postroom.storage.port import Compared

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
_OPEN = frozenset({DeliveryState.HELD, DeliveryState.CROSSED, DeliveryState.DISMISSED})


class Kind(StrEnum):
    """How the two decisions on one notification compare."""

    BOTH = "both"
    ONLY_SHADOW = "only_shadow"
    ONLY_LIVE = "only_live"
    HELD_BY_SHADOW = "held_by_shadow"
    OPEN_AT_LIVE = "open_at_live"


class Example(Noun, frozen=True, kw_only=True):
    """One notification of a kind, and why the two decisions on it are what they are."""

    notification_id: str
    envelope_id: str | None
    event: str
    received_at: str
    why: str


class Share(Noun, frozen=True, kw_only=True):
    """How many notifications are of a kind, with the newest of them."""

    count: int
    examples: tuple[Example, ...]


class ShadowReport(Noun, frozen=True, kw_only=True):
    """What a shadow would have got, beside what a live listener was to get."""

    shadow: str
    against: str | None
    account_id: str
    counted_from: str | None
    """When the first notification came that is counted; None where none came."""
    counted_until: str | None
    notifications: int
    """All that came in for the account meanwhile, whoever wanted them."""
    both: Share
    """The live one was to get it, whatever became of that, and the shadow would."""
    only_shadow: Share
    """Without a listener to compare with: what the shadow would have got."""
    only_live: Share
    held_by_shadow: Share
    open_at_live: Share
    """The live one's own is held, crossed or dismissed: there is nothing to compare with."""
    verdict: str
    """The whole in one sentence."""


class Tally:
    """The count, in memory that does not grow with it: of each kind the newest are kept."""

    def __init__(self, examples: int) -> None:
        self.notifications = 0
        self.first_at: int | None = None
        self.last_at: int | None = None
        self.counts = dict.fromkeys(Kind, 0)
        self.newest = {kind: deque[Compared](maxlen=examples) for kind in Kind}

    def count(self, row: Compared) -> None:
        """Count one notification."""
        self.notifications += 1
        if self.first_at is None:
            self.first_at = row.received_at
        self.last_at = row.received_at
        kind = compare(row)
        if kind is not None:
            self.counts[kind] += 1
            self.newest[kind].append(row)

    @property
    def differing(self) -> int:
        """How many only one of the two wanted."""
        return self.counts[Kind.ONLY_SHADOW] + self.counts[Kind.ONLY_LIVE]


def compare(row: Compared) -> Kind | None:
    """Compare what the shadow, first in the row, and the live one wanted; None: neither did."""
    shadow = _wanted(row, 0)
    live = _wanted(row, 1) if len(row.states) > 1 else False
    if shadow is None:
        return Kind.HELD_BY_SHADOW
    if live is None:
        return Kind.OPEN_AT_LIVE
    if shadow:
        return Kind.BOTH if live else Kind.ONLY_SHADOW
    return Kind.ONLY_LIVE if live else None


def _wanted(row: Compared, place: int) -> bool | None:
    """Return whether a listener was decided to get it; None where that is open."""
    state, reason = row.states[place], row.reasons[place]
    if state is None:
        return False
    if state is DeliveryState.SHADOWED:
        return True if reason is None else None
    if state in _OPEN:
        return True if reason == TOLD_LATER else None
    return True


def verdict(shadow: str, against: str | None, tally: Tally, *, lasted_us: int) -> str:
    """Say in one sentence what it comes to."""
    if not tally.notifications:
        return f"Nothing came in that was decided with {shadow} as a shadow; ask again later."
    count = (
        "1 notification" if tally.notifications == 1 else f"{tally.notifications:,} notifications"
    )
    would_get = _got(tally) if against is None else _beside(against, tally)
    lead = f"In {_span(lasted_us)} and {count}, {shadow} would have got"
    return f"{lead} {would_get}{_open(against, tally)}."


def _got(tally: Tally) -> str:
    return f"{tally.counts[Kind.ONLY_SHADOW]:,}" if tally.counts[Kind.ONLY_SHADOW] else "nothing"


def _beside(against: str, tally: Tally) -> str:
    both, more = tally.counts[Kind.BOTH], tally.counts[Kind.ONLY_SHADOW]
    missed = tally.counts[Kind.ONLY_LIVE]
    if not both and not missed:
        alone = f"{more:,}" if more else "nothing"
        return f"{alone}, where {against} got nothing"
    if not both:
        same = f"none of the {missed:,} that {against} got"
    else:
        same = f"all but {missed:,} of what {against} got" if missed else f"what {against} got"
    if not more:
        return f"{same}, and nothing more"
    return f"{same}, and {more:,} more{' besides' if missed else ''}"


def _open(against: str | None, tally: Tally) -> str:
    held, undecided = tally.counts[Kind.HELD_BY_SHADOW], tally.counts[Kind.OPEN_AT_LIVE]
    text = f"; {held:,} it would have held" if held else ""
    return f"{text}; {undecided:,} still open at {against}" if undecided else text


def _span(lasted_us: int) -> str:
    seconds = lasted_us // SECOND
    for length, name in _UNITS:
        if seconds >= length:
            number = seconds // length
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "less than a minute"
