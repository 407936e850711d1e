"""All that is checked of one set of listeners, in one walk."""

from collections.abc import Callable, Iterable, Iterator

from postroom.model import Noun
from postroom.operations.checking import alone, covered, gaps, includes
from postroom.operations.checking.finding import CheckFinding
from postroom.operations.checking.pairs import Pairs, Proof
from postroom.operations.checking.subject import Household, Kind, Subject
from postroom.routing.proving.overlap import Prover

MOST_FINDINGS = 1_000
"""Findings of one rule that are kept; the rest is counted."""
_ORDER = {"error": 0, "warning": 1, "note": 2}


class Progress(Noun, frozen=True, kw_only=True):
    """How many pairs are compared."""

    compared: int
    total: int


class Checked(Noun, frozen=True, kw_only=True):
    """What one set of listeners came to."""

    kind: Kind
    accounts: int
    listeners: int
    pairs: int
    """Pairs compared."""
    apart: int
    """Of these, the pairs that no envelope can reach both."""
    findings: tuple[CheckFinding, ...]
    """Errors first, then warnings and notes."""
    left_out: dict[str, int]
    """Findings beyond the most that are kept of a rule, by rule."""
    proofs: tuple[Proof, ...] = ()
    """Where they were asked for: why pairs are apart, the first so many of each account."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is an error or a warning."""
        return all(one.severity == "note" for one in self.findings)


Told = Callable[[Progress], None]


def examine(
    subject: Subject, *, is_all: bool = False, with_proofs: bool = False, told: Told | None = None
) -> Checked:
    """Return all findings on a set of listeners.

    `is_all` compares every pair of an account, not only those of a lane. Takes its time: about
    a minute for half a million pairs; `told` hears how far it is.
    """
    walk = _Walk(subject, is_all=is_all, told=told)
    findings, left_out = _kept(walk.findings())
    return Checked(
        kind=subject.kind,
        accounts=len(subject.households),
        listeners=sum(len(one.listeners) for one in subject.households),
        pairs=walk.compared,
        apart=walk.apart,
        findings=findings,
        left_out=left_out,
        proofs=tuple(walk.proofs) if with_proofs else (),
    )


class _Walk:
    """One walk over the households, with what it counts."""

    def __init__(self, subject: Subject, *, is_all: bool, told: Told | None) -> None:
        self._subject = subject
        self._told = told
        # Two custom fields of one name are hardly ever meant: they are told of lane by lane.
        self._provers = [Prover(one.account, repeats=False) for one in subject.households]
        self._pairs = [
            Pairs(household, prover, is_all=is_all)
            for household, prover in zip(subject.households, self._provers, strict=True)
        ]
        self._total = sum(one.total() for one in self._pairs)
        self.compared = 0

    @property
    def apart(self) -> int:
        return sum(one.apart for one in self._pairs)

    @property
    def proofs(self) -> list[Proof]:
        return [proof for one in self._pairs for proof in one.proofs]

    def findings(self) -> Iterator[CheckFinding]:
        yield from self._subject.findings
        households = zip(self._subject.households, self._provers, self._pairs, strict=True)
        for household, prover, pairs in households:
            yield from self._of_household(household, prover, pairs)

    def _of_household(
        self, household: Household, prover: Prover, pairs: Pairs
    ) -> Iterator[CheckFinding]:
        for placed in household.listeners:
            yield from alone.findings(household, placed, prover)
        yield from includes.missing(household, self._subject.includes)
        yield from pairs.findings(self._count)
        yield from covered.covered(household, prover)
        yield from gaps.gaps(household, prover)

    def _count(self, more: int) -> None:
        self.compared += more
        if self._told is not None and more:
            self._told(Progress(compared=self.compared, total=self._total))


def _kept(found: Iterable[CheckFinding]) -> tuple[tuple[CheckFinding, ...], dict[str, int]]:
    kept: list[CheckFinding] = []
    counts: dict[str, int] = {}
    for one in found:
        counts[one.rule] = counts.get(one.rule, 0) + 1
        if counts[one.rule] <= MOST_FINDINGS:
            kept.append(one)
    kept.sort(key=lambda one: _ORDER[one.severity])
    left = {rule: count - MOST_FINDINGS for rule, count in counts.items() if count > MOST_FINDINGS}
    return tuple(kept), left
