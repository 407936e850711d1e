"""Shares: whose a listener's places are, as nodes come and go."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from postroom.model import Listener
from postroom.storage.port import Crew, Member
from postroom.workers import shares

LISTENER = Listener(id=7, account_id="a1", name="erp", url="https://erp.example.com")
NUMBERS = st.lists(st.integers(1, 10_000), min_size=1, max_size=6, unique=True)
PLACES = st.integers(1, 40)


def member(number: int, **changed: object) -> Member:
    return replace(Member(number=number, joined=number, seen=100), **changed)


def crew(me: int, *members: Member) -> Crew:
    """Return the crew of these members as one of them sees it."""
    return Crew(me=next(one for one in members if one.number == me), members=members)


@given(NUMBERS, st.integers(1, 10_000), PLACES)
def test_together_the_nodes_have_every_place_once(
    numbers: list[int], id_: int, places: int
) -> None:
    listener = replace(LISTENER, id=id_, concurrency=places)
    members = [member(number) for number in sorted(numbers)]
    got = [shares.share(listener, crew(one.number, *members)) for one in members]
    assert sum(one.places for one in got) == places
    assert sum(one.is_first for one in got) == 1


@given(NUMBERS, st.integers(1, 10_000), PLACES, st.integers(10_001, 20_000))
def test_a_node_that_joins_takes_places_and_moves_none_between_the_others(
    numbers: list[int], id_: int, places: int, new: int
) -> None:
    listener = replace(LISTENER, id=id_, concurrency=places)
    before = shares.owners(listener, numbers)
    after = shares.owners(listener, [*numbers, new])
    assert all(now in (was, new) for was, now in zip(before, after, strict=True))


def test_more_places_are_added_to_those_that_there_are() -> None:
    few = shares.owners(replace(LISTENER, concurrency=5), [1, 2, 3])
    many = shares.owners(replace(LISTENER, concurrency=50), [1, 2, 3])
    assert many[:5] == few
    assert set(many) == {1, 2, 3}


def test_less_is_kept_ready_where_others_could_do_it() -> None:
    alone = shares.share(LISTENER, crew(1, member(1)))
    (one, other) = (shares.share(LISTENER, crew(me, member(1), member(2))) for me in (1, 2))
    assert alone.most_ready > one.most_ready + other.most_ready
    assert one.most_ready == 2 * one.places


def test_a_node_that_joins_starts_nothing_before_all_others_go_by_it() -> None:
    others = member(1, seen=3), member(2, seen=2)
    assert shares.closed(crew(3, *others, member(3))) is None
    acknowledged = others[0], replace(others[1], seen=3)
    assert shares.closed(crew(3, *acknowledged, member(3))) == frozenset()


def test_it_starts_nothing_at_listeners_that_others_have_too_many_calls_at() -> None:
    others = member(1, draining=frozenset({7})), member(2, draining=frozenset({8}))
    later = member(4, draining=frozenset({9}))
    assert shares.closed(crew(3, *others, member(3), later)) == frozenset({7, 8})


def test_a_node_that_leaves_is_not_waited_for_but_where_it_has_calls_under_way() -> None:
    leaving = member(1, seen=0, is_leaving=True, draining=frozenset({7}))
    joined = crew(3, leaving, member(3))
    assert shares.closed(joined) == frozenset({7})
    assert shares.share(LISTENER, joined).places < LISTENER.concurrency
    assert shares.share(replace(LISTENER, id=8), joined).places == LISTENER.concurrency


def test_the_node_that_leads_is_the_longest_there_of_those_that_stay() -> None:
    members = member(5, joined=1, is_leaving=True), member(9, joined=2), member(2, joined=3)
    assert [shares.leads(crew(me, *members)) for me in (5, 9, 2)] == [False, True, False]
