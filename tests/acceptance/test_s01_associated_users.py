"""S1: two integrations on one account plus everyday users, the article's own case."""

from collections import Counter
from typing import Any

import pytest
from tests.acceptance import invariants
from tests.acceptance.cast import A1, ALICE, U123, U567, account, envelope, envelope_id
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Arrival, Recorder

ONLY_OWN = {"AAA": {"only": [U123.user_id]}, "BBB": {"only": [U567.email]}}
EVERYBODY: dict[str, Any] = {"AAA": None, "BBB": None}
ALL_BUT_ALICE = {"AAA": {"except": [ALICE.email]}, "BBB": {"only": [U567.user_id]}}

STORY = {
    101: (U123, ("envelope-sent", "envelope-completed")),
    102: (U567, ("envelope-sent", "envelope-declined")),
    103: (ALICE, ("envelope-sent", "envelope-completed")),
    104: (U123, ("envelope-sent", "envelope-voided")),
}


def connect(recorder: Recorder, users: dict[str, Any]) -> dict[str, Any]:
    listeners = [
        {
            "name": name,
            "account": A1,
            "url": recorder.url(name),
            "events": ["envelope-sent", "Completed", "envelope-declined"],
            **({"users": users[name]} if users.get(name) else {}),
        }
        for name in ("AAA", "BBB", "AUDIT")
    ]
    return {"accounts": [account(A1, "Acme Corp")], "listeners": listeners}


def play(gateway: Gateway, *, offset: int = 0) -> None:
    for number, (sender, events) in STORY.items():
        gateway.tell(envelope(number + offset, sender=sender), *events)
    gateway.until_quiet()


def arrivals(listener: str, *numbers: int, offset: int = 0) -> Counter[Arrival]:
    return Counter(
        (listener, envelope_id(number + offset), None, event)
        for number in numbers
        for event in STORY[number][1]
        if event != "envelope-voided"
    )


@pytest.mark.parametrize(
    ("users", "aaa", "bbb", "totals"),
    [
        pytest.param(
            ONLY_OWN, (101, 104), (102,), {"AAA": 3, "BBB": 2, "AUDIT": 7}, id="associated-users"
        ),
        pytest.param(
            EVERYBODY, tuple(STORY), tuple(STORY), {"AAA": 7, "BBB": 7, "AUDIT": 7}, id="all-users"
        ),
        pytest.param(
            ALL_BUT_ALICE,
            (101, 102, 104),
            (102,),
            {"AAA": 5, "BBB": 2, "AUDIT": 7},
            id="all-but-alice",
        ),
    ],
)
def test_each_integration_gets_its_own_envelopes_and_audit_gets_all(
    gateway: Gateway,
    recorder: Recorder,
    users: dict[str, Any],
    aaa: tuple[int, ...],
    bbb: tuple[int, ...],
    totals: dict[str, int],
) -> None:
    gateway.apply(connect(recorder, users))
    play(gateway)
    assert recorder.totals() == totals
    expected = arrivals("AAA", *aaa) + arrivals("BBB", *bbb) + arrivals("AUDIT", *STORY)
    invariants.check(gateway, recorder, expected)


def test_the_explanation_of_alices_envelope_names_her_as_not_associated(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder, ONLY_OWN))
    play(gateway)
    completed = gateway.find(envelope_id(103), "envelope-completed")
    explained = gateway.run("explain", completed["id"], "AAA")
    assert ALICE.email in explained or ALICE.user_id in explained


def test_opening_the_listeners_to_all_users_needs_no_restart_and_loses_nothing(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder, ONLY_OWN))
    play(gateway)
    gateway.apply(connect(recorder, EVERYBODY))
    play(gateway, offset=1000)
    first = arrivals("AAA", 101, 104) + arrivals("BBB", 102) + arrivals("AUDIT", *STORY)
    everything = [arrivals(name, *STORY, offset=1000) for name in ("AAA", "BBB", "AUDIT")]
    invariants.check(gateway, recorder, sum(everything, start=first))
