"""The prover against brute force: what it claims must hold for any message that comes along."""

import itertools

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from tests.unit import overlap_cast
from tests.unit.routing_cast import A1

from postroom.model import Listener, Notification, OwedState, Registry
from postroom.routing.match import Router
from postroom.routing.proving.overlap import Answer, Apart, Overlap, Prover

LISTENERS = 6
"""Of one example: fifteen pairs."""
MESSAGES = 12


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[Listener], list[Notification]]:
    listeners = [draw(overlap_cast.listeners(number)) for number in range(1, LISTENERS + 1)]
    names = tuple(one.name for one in listeners)
    return listeners, draw(
        st.lists(overlap_cast.messages(names), min_size=MESSAGES, max_size=MESSAGES)
    )


class _Judge:
    """Holds answers against the router, and against messages that came along."""

    def __init__(self, listeners: list[Listener], messages: list[Notification]) -> None:
        self._router = Router(
            Registry(
                revision=1,
                accounts={A1: overlap_cast.ACCOUNT},
                listeners={one.id: one for one in listeners},
                lanes={},
            )
        )
        self._reached = [self._matched(message) for message in messages]

    def check(self, answer: Answer, ids: set[int], *, outside: int | None = None) -> None:
        """`ids` are those reached together; `outside` one that must not be."""
        match answer:
            case Overlap(witness=witness):
                matched = self._matched(witness.notification())
                assert ids <= matched
                assert outside not in matched
            case Apart(reason=reason) if outside is None:
                assert not any(ids <= matched for matched in self._reached), reason

    def _matched(self, message: Notification) -> set[int]:
        matches = self._router.match(message).matches
        return {match.listener_id for match in matches if match.state is OwedState.DUE}


def _check(crowd: tuple[list[Listener], list[Notification]]) -> None:
    listeners, messages = crowd
    judge = _Judge(listeners, messages)
    prover = Prover(overlap_cast.ACCOUNT)
    plain = Prover(overlap_cast.ACCOUNT, repeats=False)
    for one, other in itertools.combinations(listeners, 2):
        note(f"{one.filter} {one.users} beside {other.filter} {other.users}")
        pair = {one.id, other.id}
        answer, simple = prover.compare(one, other), plain.compare(one, other)
        judge.check(answer, pair)
        if isinstance(simple, Overlap):
            judge.check(simple, pair)
        assert not isinstance(answer, Apart) or isinstance(simple, Apart)
        judge.check(prover.outside(one, other), {one.id}, outside=other.id)
    for one in listeners:
        judge.check(prover.possible(one), {one.id})


@settings(
    max_examples=25, derandomize=True
)  # the same pairs each time; chance is for the nightly run
@given(crowds())
def test_every_witness_reaches_both_and_no_message_reaches_two_that_are_apart(
    crowd: tuple[list[Listener], list[Notification]],
) -> None:
    _check(crowd)


@pytest.mark.nightly
@pytest.mark.timeout(7_200)
@settings(max_examples=7_000)
@given(crowds())
def test_a_hundred_thousand_pairs_keep_what_was_proved(
    crowd: tuple[list[Listener], list[Notification]],
) -> None:
    _check(crowd)
