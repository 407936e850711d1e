"""S1's E-103 and S2's E-205: why not, asked of the started program as people ask it."""

from typing import Any

import pytest
from tests.acceptance.cast import A1, ALICE, U123, U567, account, envelope, envelope_id
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder

SINCE = "2026-03-02T00:00:00Z"


@pytest.fixture
def told(gateway: Gateway, recorder: Recorder) -> Gateway:
    """Return the gateway once alice's E-103 and the misspelt E-205 have been through it."""
    named: list[tuple[str, dict[str, Any]]] = [
        ("AAA", {"users": {"only": [U123.email]}}),
        ("SF", {"filter": {"customFields.Integration": "Salesforce"}}),
    ]
    listeners = [
        {"name": name, "account": A1, "url": recorder.url(name), "events": ["completed"]} | wants
        for name, wants in named
    ]
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": listeners})
    gateway.tell(envelope(103, sender=ALICE), "envelope-sent", "envelope-completed")
    gateway.tell(envelope(205, sender=U567, Integration="salesforce "), "envelope-completed")
    gateway.until_quiet()
    return gateway


def test_e_103_is_not_delivered_since_alice_is_not_an_associated_user(told: Gateway) -> None:
    completed = told.find(envelope_id(103), "envelope-completed")
    said = told.run("explain", completed["id"], "AAA")
    why = f"not delivered to AAA: sent by {ALICE.email}, who is not among {U123.email}"
    assert why in " ".join(said.split())


def test_e_205_is_not_delivered_for_a_space_and_a_letters_case(told: Gateway) -> None:
    why = (
        'custom field Integration was "salesforce " (trailing space, case differs), '
        'wanted "Salesforce"'
    )
    said = told.run("explain", "--envelope", envelope_id(205))
    assert f"not delivered to SF: {why}" in " ".join(said.split())
    history = told.ask("explain", "--envelope", envelope_id(205), "--listener", "SF")
    ((cell,),) = [row["cells"] for row in history["events"]]
    assert (cell["outcome"], cell["reason"]) == ("not_wanted", why)


def test_the_silence_of_sf_is_told_with_the_near_miss_that_caused_it(told: Gateway) -> None:
    told.advance(minutes=1)
    found = told.ask("explain", "--listener", "SF", "--since", SINCE)
    assert (found["looked_at"], found["owed"]) == (3, [])
    assert {one["kind"]: one["count"] for one in found["reasons"]} == {"content": 2, "event": 1}
    (near,) = found["near_misses"]
    assert (near["seen"], near["wanted"], near["count"]) == ("salesforce ", "Salesforce", 1)
