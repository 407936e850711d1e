"""S2: Salesforce, ERP and HR on one account, told apart by an envelope custom field."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.acceptance import invariants
from tests.acceptance.cast import (
    A1,
    ALICE,
    BOB,
    KA1,
    account,
    envelope,
    envelope_id,
    signed_headers,
)
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Arrival, Recorder

from postroom.envelopes import progress
from postroom.envelopes.legacy_xml import envelope_xml
from postroom.envelopes.sim_envelope import SimEnvelope

REST_TOKEN = "rest-token-of-the-acceptance-tests"
SECOND = 1_000_000
HR_EVENTS = ("recipient-sent", "recipient-delivered", "recipient-completed")
WHOLE_LIFE = (
    "envelope-sent",
    "recipient-sent:1",
    "recipient-delivered:1",
    "envelope-delivered",
    "recipient-completed:1",
    "envelope-completed",
)
TWO_SIGNERS = (
    "envelope-sent",
    "recipient-sent:1",
    "recipient-delivered:1",
    "recipient-completed:1",
    "recipient-sent:2",
    "recipient-delivered:2",
    "envelope-delivered",
    "recipient-completed:2",
    "envelope-completed",
)


def connect(
    recorder: Recorder,
    *,
    enriched: bool = True,
    everyone: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Make the set-up; `everyone` adds to each listener."""

    def listener(name: str, events: tuple[str, ...], filter_: dict[str, Any]) -> dict[str, Any]:
        sink = name.removesuffix("2")  # HR2 is a second rule of the same integration
        return {
            "name": name,
            "account": A1,
            "url": recorder.url(sink),
            "events": list(events),
            "filter": filter_,
        } | (everyone or {})

    rest = {"base_url": recorder.url("restapi"), "token": {"text": REST_TOKEN}}
    endings = ("envelope-completed", "envelope-declined", "envelope-voided")
    return {
        "accounts": [account(A1, "Acme Corp", **({"enrichment": rest} if enriched else {}))],
        "listeners": [
            listener("SF", endings, {"customFields.Integration": "Salesforce"}),
            listener("ERP", ("envelope-completed",), {"customFields.Integration": "ERP"}),
            listener("HR", HR_EVENTS, {"customFields.Integration": "HR"}),
            listener("HR2", ("envelope-completed",), {"customFields.CC": "HR"}),
        ],
    }


Tell = Callable[..., None]
"""Feeds events of an envelope, in order: `tell(envelope, *events)`."""


def play_the_plain_ones(tell: Tell) -> None:
    """Feed E-201 to E-207."""
    salesforce = envelope(201, Integration="Salesforce", SFObject="0065g00000ABCDE")
    tell(salesforce, *WHOLE_LIFE)
    tell(envelope(202, Integration="ERP", PO="PO-7781"), *WHOLE_LIFE)
    tell(envelope(203, signers=2, Integration="HR"), *TWO_SIGNERS)
    tell(envelope(204, sender=ALICE), "envelope-completed")
    tell(envelope(205, Integration="salesforce "), "envelope-completed")
    tell(envelope(206, list_fields=(("Integration", "ERP"),)), *WHOLE_LIFE)
    tell(envelope(207, Integration="ERP", CC="HR"), *WHOLE_LIFE)


def told_in_xml(gateway: Gateway) -> Tell:
    """Return what feeds the state after each event as XML, as `Gateway.tell` does in JSON."""

    def tell(said: SimEnvelope, *events: str) -> None:
        first_at = gateway.now_at - SECOND * (len(events) - 1)
        known = replace(said, created_at=first_at - 600 * SECOND)
        for number, event in enumerate(events):
            name, _, recipient = event.partition(":")
            at = first_at + SECOND * number
            state = progress.after(known, name, at=at, recipient_id=recipient or None)
            body = envelope_xml(state, at=at, extras=("time_zone",))
            headers = signed_headers([KA1], body) | {"Content-Type": "text/xml; charset=utf-8"}
            assert gateway.post(body, headers, f"/{A1}") == 200

    return tell


def play_the_edited_one(gateway: Gateway) -> None:
    """Feed E-209: ERP when sent, HR from before the signer opens it."""
    gateway.tell(envelope(209, Integration="ERP"), *WHOLE_LIFE[:2])
    gateway.advance(minutes=1)
    gateway.tell(envelope(209, Integration="HR"), *WHOLE_LIFE[2:])


def completed(listener: str, *numbers: int) -> Counter[Arrival]:
    return Counter((listener, envelope_id(n), None, "envelope-completed") for n in numbers)


def at_hr(number: int, recipient: str, *events: str) -> Counter[Arrival]:
    return Counter(("HR", envelope_id(number), recipient, event) for event in events)


PLAIN = (
    completed("SF", 201)
    + completed("ERP", 202, 206, 207)
    + at_hr(203, "1", *HR_EVENTS)
    + at_hr(203, "2", *HR_EVENTS)
    + completed("HR", 207)
)


def test_each_envelope_reaches_the_integration_its_field_names(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder, everyone={"field_policy": "sticky"}))
    play_the_plain_ones(gateway.tell)
    recorder.rest_envelopes[envelope_id(208)] = {
        "customFields": {"textCustomFields": [{"name": "Integration", "value": "ERP"}]}
    }
    gateway.tell(envelope(208, sender=BOB), *WHOLE_LIFE, include=["recipients"])
    play_the_edited_one(gateway)
    gateway.until_enriched()
    assert recorder.totals() == {"SF": 1, "ERP": 5, "HR": 7}
    invariants.check(gateway, recorder, PLAIN + completed("ERP", 208, 209))


def in_xml(arrival: Arrival) -> Arrival:
    """Return an arrival with the recipient under the GUID, which alone is in XML (contract 8.9)."""
    listener, number, recipient, event = arrival
    for one in progress.after(envelope(203, signers=2), "envelope-sent", at=SECOND).recipients:
        if (number, recipient) == (envelope_id(203), one.id):
            return listener, number, one.guid, event
    return arrival


@pytest.mark.parametrize("policy", ["current", "sticky"])
def test_fed_with_xml_the_result_is_the_same(
    gateway: Gateway, recorder: Recorder, policy: str
) -> None:
    gateway.apply(connect(recorder, everyone={"format": "sim", "field_policy": policy}))
    play_the_plain_ones(told_in_xml(gateway))
    gateway.until_quiet()
    assert gateway.ask("held")["items"] == []
    expected = Counter({in_xml(arrival): count for arrival, count in PLAIN.items()})
    invariants.check(gateway, recorder, expected)


def test_the_missing_fields_are_fetched_with_the_accounts_bearer_token(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    recorder.rest_envelopes[envelope_id(208)] = {
        "customFields": {"textCustomFields": [{"name": "Integration", "value": "ERP"}]}
    }
    gateway.tell(envelope(208), "envelope-completed", include=["recipients"])
    gateway.until_enriched()
    ((target, authorization),) = set(recorder.rest_requests)
    path = f"/restapi/v2.1/accounts/{A1}/envelopes/{envelope_id(208)}?include=custom_fields"
    assert target.startswith(path)
    assert authorization == f"Bearer {REST_TOKEN}"
    invariants.check(gateway, recorder, completed("ERP", 208))


def test_without_enrichment_an_undecidable_envelope_is_held_and_says_what_the_feed_lacks(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder, enriched=False))
    gateway.tell(envelope(208), "envelope-completed", include=["recipients"])
    gateway.until_quiet()
    held = gateway.ask("held")["items"]
    assert sorted(one["listener"] for one in held) == ["ERP", "HR2", "SF"]
    assert all("custom_fields" in one["reason"] for one in held)
    invariants.check(gateway, recorder, Counter())


def test_an_edited_field_moves_the_envelope_under_the_current_value_policy(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    play_the_edited_one(gateway)
    gateway.until_quiet()
    expected = at_hr(209, "1", "recipient-delivered", "recipient-completed")
    invariants.check(gateway, recorder, expected)


def test_an_everyday_envelope_is_reported_as_unclaimed_once(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    gateway.tell(envelope(204, sender=ALICE), "envelope-completed")
    gateway.until_quiet()
    unclaimed = gateway.ask("unclaimed")["items"]
    assert [one["envelope_id"] for one in unclaimed] == [envelope_id(204)]
    invariants.check(gateway, recorder, Counter())


def test_a_value_that_nearly_matches_is_not_delivered_but_pointed_out(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder))
    gateway.tell(envelope(205, Integration="salesforce "), "envelope-completed")
    gateway.until_quiet()
    (unclaimed,) = gateway.ask("unclaimed")["items"]
    (near_miss,) = unclaimed["near_misses"]
    assert '"salesforce "' in near_miss
    assert '"Salesforce"' in near_miss
    invariants.check(gateway, recorder, Counter())


def test_loose_comparison_takes_case_and_blanks_as_they_come(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder, everyone={"comparison": "loose"}))
    gateway.tell(envelope(205, Integration="salesforce "), "envelope-completed")
    gateway.until_quiet()
    invariants.check(gateway, recorder, completed("SF", 205))
