"""The ledger: what was acknowledged against what arrived. Pure; it finds what must not be."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.audience import CAST, Arrival, Character
from tests.chaos.letters import Letter

AROUND_SECONDS = 5.0
"""A call that a fault cut off began at most so long before or after it: a listener may be slow, and
a node that lost its database is not missed at once."""
SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that was done to the nodes or the database."""

    kind: str
    began: float
    """The event loop's clock."""
    ended: float
    kills: int = 0
    """How many programs were killed or restarted by it: what is counted."""
    calls: int = 0
    """At most so many calls can have been in flight where it happened: each may be repeated."""


@dataclass(kw_only=True)
class Findings:
    """What the ledger says."""

    lost: list[str] = field(default_factory=list)
    """Acknowledged and wanted, and did not arrive."""
    never_sent: list[str] = field(default_factory=list)
    """Arrived, and was never sent, or not to this listener."""
    of_two_ids: list[str] = field(default_factory=list)
    """Known under more than one id."""
    disordered: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    """Repeated where no fault had cut a call off."""
    deliveries: int = 0
    """Different events at different listeners."""
    repeats: int = 0
    allowed: int = 0
    """So many calls at most can have been in flight when faults happened."""

    @property
    def complaints(self) -> list[str]:
        """Return all that must not be, in words; nothing is the hoped-for answer."""
        named = {
            "lost": self.lost,
            "never sent": self.never_sent,
            "under two ids": self.of_two_ids,
            "out of order": self.disordered,
            "repeated without a fault": self.unexplained,
        }
        said = [
            f"{len(found)} {name}: {'; '.join(found[:SHOWN])}"
            for name, found in named.items()
            if found
        ]
        if self.repeats > self.allowed:
            said.append(f"{self.repeats} repeats, where at most {self.allowed} calls were cut off")
        return said


def check(
    acknowledged: Mapping[Letter, str],
    begun: Iterable[Letter],
    arrivals: Mapping[str, Sequence[Arrival]],
    faults: Sequence[Fault],
    cast: Sequence[Character] = CAST,
) -> Findings:
    """Hold what arrived against what was sent, acknowledged and done."""
    found = Findings(allowed=sum(one.calls for one in faults))
    sent = set(begun)
    for character in cast:
        _check_one(character, acknowledged, sent, arrivals.get(character.name, ()), faults, found)
    return found


def _check_one(
    character: Character,
    acknowledged: Mapping[Letter, str],
    sent: set[Letter],
    arrivals: Sequence[Arrival],
    faults: Sequence[Fault],
    found: Findings,
) -> None:
    first: dict[Letter, Arrival] = {}
    latest: dict[Letter, Arrival] = {}
    for one in arrivals:
        where = f"{character.name} {one.letter}"
        if one.letter not in sent or not character.wants(one.letter):
            found.never_sent.append(where)
            continue
        if acknowledged.get(one.letter, one.id) != one.id:
            found.of_two_ids.append(where)
        if one.letter in first:
            found.repeats += 1
            if not _is_explained(latest[one.letter], one, faults):
                apart = one.at - latest[one.letter].at
                found.unexplained.append(f"{where} at {one.at:.2f}, {apart:.2f} s later")
        first.setdefault(one.letter, one)
        latest[one.letter] = one
    found.deliveries += len(first)
    found.lost += [
        f"{character.name} {letter}"
        for letter in acknowledged
        if character.wants(letter) and letter not in first
    ]
    if character.is_ordered:
        found.disordered += _disordered(character.name, first.values())


def _is_explained(before: Arrival, again: Arrival, faults: Sequence[Fault]) -> bool:
    """Tell whether a fault may have cut off the call before this one."""
    return any(
        fault.calls
        and fault.began - AROUND_SECONDS <= before.at <= fault.ended + AROUND_SECONDS
        and fault.began <= again.at
        for fault in faults
    )


def _disordered(name: str, firsts: Iterable[Arrival]) -> list[str]:
    """Return the envelopes whose events did not arrive in the order they happened."""
    seen: dict[int, int] = defaultdict(lambda: -1)
    wrong = []
    for one in firsts:  # in the order of arrival
        number, place = one.letter
        if place < seen[number]:
            wrong.append(f"{name} {one.letter} after event {seen[number]}")
        seen[number] = max(seen[number], place)
    return wrong
