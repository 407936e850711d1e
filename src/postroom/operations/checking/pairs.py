"""Every two listeners that must not meet: a proof that they do not, or an envelope of both."""

import itertools
from collections.abc import Callable, Iterator

from postroom.model import Listener, Noun
from postroom.operations.checking import finding
from postroom.operations.checking.finding import CheckFinding
from postroom.operations.checking.of_two import Two, is_for_all_users
from postroom.operations.checking.subject import Household, Placed
from postroom.routing.proving.overlap import Apart, NotDecided, Overlap, Prover
from postroom.routing.wants import may_want

MOST_PAIRS = 2_000_000
"""Pairs of one account that are compared; the rest is told as not decided."""
MOST_PROOFS = 10_000
"""Proofs of one account that are listed; the rest is counted."""
_MOST_REPEATED = 20
"""Pairs tried for an envelope with two custom fields of one name."""
_EVERY = 500
"""Pairs between two words of how far it is."""


class Proof(Noun, frozen=True, kw_only=True):
    """Two listeners that no envelope can reach both, and why."""

    account_id: str
    listeners: tuple[str, str]
    reason: str
    is_by_single_names: bool
    """Only as long as no envelope has two custom fields of one name."""


class _ByNames:
    """The pairs of a lane that single names keep apart: how many, and the first few."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[Two] = []


class Pairs:
    """The pairs of one account, compared one after the other."""

    def __init__(self, household: Household, prover: Prover, *, is_all: bool) -> None:
        """`is_all` compares those that may share an envelope, too."""
        self._household = household
        self._prover = prover
        live = (one for one in household.listeners if one.listener.mode == "live")
        self._live = [one for one in live if may_want(one.listener)]
        self._is_all = is_all
        self.apart = 0
        self.proofs: list[Proof] = []
        self._by_names: dict[str | None, _ByNames] = {}

    def total(self) -> int:
        """Return how many pairs will be compared."""
        return sum(1 for _ in itertools.islice(self._pairs(), MOST_PAIRS))

    def findings(self, told: Callable[[int], None]) -> Iterator[CheckFinding]:
        """Compare every pair; `told` hears how many more are done."""
        pairs, compared = self._pairs(), 0
        for one, other in itertools.islice(pairs, MOST_PAIRS):
            yield from self._of_pair(Two(self._household, one, other))
            compared += 1
            if compared % _EVERY == 0:
                told(_EVERY)
        told(compared % _EVERY)
        if next(pairs, None) is not None:
            yield self._too_many()
        for by_names in self._by_names.values():
            yield from self._repeated(by_names)

    def _pairs(self) -> Iterator[tuple[Placed, Placed]]:
        """Yield each pair once: of a lane, of a URL, of configurations for all users; or all."""
        if self._is_all:
            yield from itertools.combinations(self._live, 2)
            return
        yield from self._sharing(_lane, ())
        yield from self._sharing(_url, (_lane,))
        yield from self._sharing(_for_all, (_lane, _url))

    def _sharing(
        self,
        key: Callable[[Listener], object],
        before: tuple[Callable[[Listener], object], ...],
    ) -> Iterator[tuple[Placed, Placed]]:
        """Yield the pairs of one key that share none of the keys looked at before."""
        groups: dict[object, list[Placed]] = {}
        for placed in self._live:
            if (of := key(placed.listener)) is not None:
                groups.setdefault(of, []).append(placed)
        for group in groups.values():
            for one, other in itertools.combinations(group, 2):
                a, b = one.listener, other.listener
                if not any(of(a) is not None and of(a) == of(b) for of in before):
                    yield one, other

    def _of_pair(self, two: Two) -> Iterator[CheckFinding]:
        answer = self._prover.compare(two.one.listener, two.other.listener)
        match answer:
            case Apart():
                self._keep(two, answer)
            case NotDecided():
                yield two.not_decided(answer)
            case Overlap():
                yield from self._of_overlap(two, answer)

    def _of_overlap(self, two: Two, answer: Overlap) -> Iterator[CheckFinding]:
        covered = self._twice(two) if two.share_url and not two.lane_holds else None
        if covered is not None:
            yield covered
        elif two.are_for_all_users:
            yield two.for_all_users(answer)
        if two.share_lane:
            yield two.crossing(answer)
        elif self._is_all and not two.are_for_all_users:
            yield two.meeting(answer)

    def _keep(self, two: Two, answer: Apart) -> None:
        self.apart += 1
        if answer.is_by_single_names and two.share_lane:
            by_names = self._by_names.setdefault(two.one.listener.lane, _ByNames())
            by_names.count += 1
            if len(by_names.first) < _MOST_REPEATED:
                by_names.first.append(two)
        if len(self.proofs) < MOST_PROOFS:
            self.proofs.append(
                Proof(
                    account_id=self._household.account.id,
                    listeners=two.names,
                    reason=answer.reason,
                    is_by_single_names=answer.is_by_single_names,
                )
            )

    def _twice(self, two: Two) -> CheckFinding | None:
        """Say so where all that one wants goes to the same URL anyway; of equals say it once."""
        for each in (two, two.turned):
            if isinstance(self._prover.outside(each.one.listener, each.other.listener), Apart):
                return each.twice()
        return None

    def _repeated(self, by_names: _ByNames) -> Iterator[CheckFinding]:
        """Show what two custom fields of one name would do, where a lane's proofs rule them out."""
        prover = Prover(self._household.account)
        for two in by_names.first:
            answer = prover.compare(two.one.listener, two.other.listener)
            if isinstance(answer, Overlap) and answer.repeated:
                yield two.repeated(answer, by_names.count)
                return

    def _too_many(self) -> CheckFinding:
        return CheckFinding(
            rule="overlap-not-decided",
            severity="warning",
            message=f"only the first {MOST_PAIRS} pairs of {finding.owner(self._household.account)}"
            " were compared",
            remedy="check in parts, or leave --all out",
            account_id=self._household.account.id,
        )


def _lane(listener: Listener) -> object:
    return listener.lane


def _url(listener: Listener) -> object:
    return listener.url


def _for_all(listener: Listener) -> object:
    return is_for_all_users(listener) or None
