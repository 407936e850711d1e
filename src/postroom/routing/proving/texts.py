"""Find a text that passes some tests and escapes others, or prove that there is none.

Exact where the tests speak of text alone (regular languages) or of order alone (intervals). Where
they mix, both give a proof of their own, and what neither proves is looked for text by text, up
to a bound; beyond it nothing is claimed.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum

from postroom.model import Noun
from postroom.routing import evaluation
from postroom.routing.conditions import MomentTest, NumberTest, OneOf, Test, TextTest
from postroom.routing.globs import split
from postroom.routing.proving import automata, edges, intervals, languages

MOST_TRIED = 2_000
"""Texts tried where text and order tests mix."""
_MOST_SEEDS = 200
_ORDINARY = "xaA1-"


class Verdict(Enum):
    """What was found instead of a text."""

    NONE = "there is no such text"
    UNDECIDED = "too much to decide"


class Language(Noun, frozen=True, kw_only=True):
    """The values that pass all of these tests, compared in one way."""

    tests: tuple[Test, ...]
    is_loose: bool = False
    is_identifier: bool = False

    def passes(self) -> Callable[[str], bool]:
        """Return the very function that the router decides by."""
        fold = str.lower if self.is_identifier and not self.is_loose else None
        passes = evaluation.passes_all(self.tests, is_loose=self.is_loose, fold=fold)
        return passes if passes is not None else lambda _: True


def find(
    wanted: Sequence[Language],
    unwanted: Sequence[Language],
    *,
    is_lower: bool = False,
    among: tuple[str, ...] | None = None,
) -> str | Verdict:
    """Return a text in all of `wanted` and none of `unwanted`.

    `is_lower` wants it in lower case; `among` wants one of these.
    """
    return _Search(wanted, unwanted, is_lower=is_lower).find(among)


class _Search:
    def __init__(
        self, wanted: Sequence[Language], unwanted: Sequence[Language], *, is_lower: bool
    ) -> None:
        self._wanted, self._unwanted, self._is_lower = wanted, unwanted, is_lower
        self._passes = [one.passes() for one in wanted]
        self._escapes = [one.passes() for one in unwanted]
        self._tests = [test for one in (*wanted, *unwanted) for test in one.tests]
        self._is_ordered = any(isinstance(test, NumberTest | MomentTest) for test in self._tests)

    def find(self, among: tuple[str, ...] | None) -> str | Verdict:
        candidates = self._listed() if among is None else among
        if candidates is not None:
            listed = self._first(candidates)
            return Verdict.NONE if listed is None else listed
        if edges.contradict(test for one in self._wanted for test in one.tests):
            return Verdict.NONE
        found = self._first(self._seeds())
        if found is not None:
            return found
        if not self._is_ordered:
            return self._by_language()
        is_textual = any(isinstance(test, OneOf | TextTest) for test in self._tests)
        by_order = self._by_order()
        if by_order is not Verdict.UNDECIDED or not is_textual:
            return by_order
        return self._by_trying()

    def _fits(self, text: str) -> bool:
        if self._is_lower and text.lower() != text:
            return False
        return all(passes(text) for passes in self._passes) and not any(
            passes(text) for passes in self._escapes
        )

    def _first(self, texts: Iterable[str]) -> str | None:
        return next((text for text in texts if self._fits(text)), None)

    def _listed(self) -> Iterable[str] | None:
        """Return the texts it must be one of, where a test lists them to the letter."""
        for one in self._wanted:
            for test in one.tests:
                if isinstance(test, OneOf) and not one.is_loose:
                    is_lower = one.is_identifier
                    return [text.lower() for text in test.texts] if is_lower else test.texts
        return None

    def _seeds(self) -> Iterator[str]:
        """Yield texts that are likely to do, and pleasant to read."""
        return itertools.islice(self._guesses(), _MOST_SEEDS)

    def _guesses(self) -> Iterator[str]:
        yield from ("x", "")
        beginnings, insides, ends = [""], [""], [""]
        for one in self._wanted:
            for test in one.tests:
                if isinstance(test, OneOf):
                    yield from test.texts[:20]
                elif isinstance(test, TextTest):
                    operator, text = test.operator, test.text
                    if operator == "startsWith":
                        beginnings.append(text)
                    elif operator == "endsWith":
                        ends.append(text)
                    elif operator == "contains":
                        insides.append(text)
                    elif operator == "glob":
                        instance = _instance(text)
                        yield instance
                        insides.append(instance)
                    else:
                        yield text
        beginning, inside, end = max(beginnings, key=len), "".join(insides), max(ends, key=len)
        yield from (beginning + inside + end, beginning, inside, end, beginning + "x" + end)
        for number in ("0", "1", "5", "10"):
            yield beginning + number + end

    def _by_language(self) -> str | Verdict:
        try:
            found = self._question().shortest()
        except languages.TooManyStates:
            return Verdict.UNDECIDED
        if found is None:
            return Verdict.NONE
        return found if self._fits(found) else Verdict.UNDECIDED

    def _question(self) -> languages.Question:
        """Ask of languages alone: an order test wanted is a spelling, unwanted it is nothing."""
        wanted = [automaton for one in self._wanted for automaton in _automata(one)]
        unwanted = [
            _automata(one)
            for one in self._unwanted
            if not any(isinstance(test, NumberTest | MomentTest) for test in one.tests)
        ]
        return languages.Question(
            wanted, unwanted, is_lower=self._is_lower, is_ordered=self._is_ordered
        )

    def _by_order(self) -> str | Verdict:
        """Try one text of every interval: with order tests alone, one stands for all."""
        samples = intervals.samples(self._tests)
        found = self._first(samples.texts)
        if found is not None:
            return found
        wanted = [passes for one in self._wanted for passes in [_order_alone(one)] if passes]
        escapes = [
            one.passes()
            for one in self._unwanted
            if all(isinstance(test, NumberTest | MomentTest) for test in one.tests)
        ]
        is_possible = samples.is_partial or any(
            all(passes(text) for passes in wanted) and not any(passes(text) for passes in escapes)
            for text in samples.texts
        )
        return Verdict.UNDECIDED if is_possible else Verdict.NONE

    def _by_trying(self) -> str | Verdict:
        try:
            texts = self._question().texts()
            for tried, text in enumerate(texts):
                if self._fits(text):
                    return text
                if tried > MOST_TRIED:
                    return Verdict.UNDECIDED
        except languages.TooManyStates:
            return Verdict.UNDECIDED
        return Verdict.NONE


def _automata(one: Language) -> list[automata.Automaton]:
    return [
        automata.automaton(test, is_loose=one.is_loose, is_lower=one.is_identifier)
        for test in one.tests
    ]


def _instance(pattern: str) -> str:
    """Return a text that a glob describes, if an ordinary one fits each of its classes."""
    places = [place for piece in split(pattern) for place in piece]
    return "".join(
        place if isinstance(place, str) else next(filter(place.admits, _ORDINARY), "")
        for place in places
    )


def _order_alone(one: Language) -> Callable[[str], bool] | None:
    tests = tuple(test for test in one.tests if isinstance(test, NumberTest | MomentTest))
    if not tests:
        return None
    return Language(tests=tests, is_loose=one.is_loose).passes()
