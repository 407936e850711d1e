"""The ledger finds what must not be: each test breaks one promise."""

from dataclasses import replace

from tests.chaos.audience import Arrival, Character
from tests.chaos.ledger import Fault, Findings, check
from tests.chaos.letters import EVENTS, Letter, body, read

ONE = Character(name="one", concurrency=2)
ODD = Character(name="odd", concurrency=2, wants_odd_only=True)
KILL = Fault(kind="node killed", began=10.0, ended=10.0, kills=1, calls=2)
SENT: list[Letter] = [(number, place) for number in (1, 2) for place in range(len(EVENTS))]
ACKNOWLEDGED = {letter: f"id of {letter}" for letter in SENT}
FIRSTS = [Arrival(letter, ACKNOWLEDGED[letter], 10.0) for letter in SENT]
AGAIN = replace(FIRSTS[0], at=11.0)


def found(*arrivals: Arrival, faults: tuple[Fault, ...] = (KILL,)) -> Findings:
    return check(ACKNOWLEDGED, SENT, {"one": arrivals}, faults, [ONE])


def test_what_arrives_once_and_in_order_is_no_complaint() -> None:
    assert found(*FIRSTS).complaints == []
    assert found(*FIRSTS).deliveries == len(SENT)


def test_an_acknowledged_event_that_never_arrives_is_lost() -> None:
    assert found(*FIRSTS[:-1]).lost == [f"one {SENT[-1]}"]


def test_what_a_listener_does_not_want_is_not_missed() -> None:
    odd = [one for one in FIRSTS if one.letter[0] == 1]
    assert check(ACKNOWLEDGED, SENT, {"odd": odd}, (), [ODD]).complaints == []
    assert check(ACKNOWLEDGED, SENT, {"odd": FIRSTS}, (), [ODD]).never_sent != []


def test_what_was_never_sent_is_told() -> None:
    made_up = Arrival((99, 0), "made up", 10.0)
    assert found(*FIRSTS, made_up).never_sent == ["one (99, 0)"]


def test_a_repeat_after_a_kill_is_counted_and_no_complaint() -> None:
    assert found(*FIRSTS, AGAIN).complaints == []
    assert found(*FIRSTS, AGAIN).repeats == 1


def test_a_repeat_under_another_id_is_told() -> None:
    assert found(*FIRSTS, replace(AGAIN, id="another")).of_two_ids == [f"one {SENT[0]}"]


def test_a_repeat_without_a_fault_is_told() -> None:
    assert len(found(*FIRSTS, AGAIN, faults=()).unexplained) == 1
    assert (
        len(found(*FIRSTS, AGAIN, faults=(replace(KILL, began=30.0, ended=30.0),)).unexplained) == 1
    )


def test_more_repeats_than_calls_were_cut_off_are_told() -> None:
    repeats = [replace(AGAIN, at=11.0 + n) for n in range(3)]
    assert found(*FIRSTS, *repeats).complaints == ["3 repeats, where at most 2 calls were cut off"]


def test_an_event_that_overtakes_an_earlier_one_of_its_envelope_is_told() -> None:
    overtaken = [FIRSTS[1], FIRSTS[0], *FIRSTS[2:]]
    assert found(*overtaken).disordered == [f"one {SENT[0]} after event 1"]


def test_a_message_is_read_back_as_the_event_it_was_made_of() -> None:
    assert [read(body(letter)) for letter in SENT] == SENT
