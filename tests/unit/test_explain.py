"""Every listener's answer to why, or why not; and what nearly matched."""

from typing import Any

import pytest
from tests.unit.routing_cast import (
    A1,
    ALICE,
    EMAILS,
    U123,
    listener,
    notification,
    only,
    registry,
    with_fields,
)

from postroom.model import Finding, Lane, Notification, OwedState, Registry, Truth
from postroom.routing.explaining.explanation import explain
from postroom.routing.explaining.near_miss import near_misses
from postroom.routing.match import Router

FIELD = "customFields.Integration"


def test_everyday_users_are_named_as_the_reason() -> None:
    known = registry(listener("AAA", events=("envelope-completed",), users=only(U123)))
    explained = explain(known, known.listeners[1], notification(sender_id=ALICE))
    assert explained.truth is Truth.NO
    assert [finding.truth for finding in explained.findings] == [Truth.YES, Truth.YES, Truth.NO]
    assert explained.findings[-1] == Finding(
        truth=Truth.NO,
        condition=f"only users {EMAILS[U123]}",
        seen=f"{EMAILS[ALICE]} {ALICE}",
    )
    assert explained.match is None
    assert explained.outcome == (
        f"not wanted: sent by {EMAILS[ALICE]}, who is not among {EMAILS[U123]}"
    )


def test_findings_come_in_order_and_end_at_the_first_no() -> None:
    known = registry(listener("A", events=("envelope-sent",), users=only(U123)))
    explained = explain(known, known.listeners[1], notification(sender_id=ALICE))
    assert [finding.condition for finding in explained.findings] == [
        f"account is {A1}",
        "event is one of envelope-sent",
    ]
    assert explained.findings[-1].seen == "envelope-completed"


def test_another_accounts_notification_is_told_apart_first() -> None:
    known = registry(listener("A"))
    explained = explain(known, known.listeners[1], notification(account_id="a2"))
    assert [finding.seen for finding in explained.findings] == ["a2"]
    assert explained.truth is Truth.NO


def test_an_unreadable_message_is_explained_by_its_flaw() -> None:
    known = registry(listener("A"))
    received = notification(is_readable=False, flaw="malformed JSON", body=b"[")
    explained = explain(known, known.listeners[1], received)
    assert explained.truth is Truth.NO
    assert explained.findings[0].hint == "malformed JSON"


def test_a_match_shows_all_four_conditions() -> None:
    known = registry(listener("A", filter={FIELD: "ERP"}))
    explained = explain(known, known.listeners[1], with_fields({"Integration": "ERP"}))
    assert [finding.truth for finding in explained.findings] == [Truth.YES] * 4
    assert explained.findings[-1].seen == "ERP"
    assert explained.match is not None
    assert explained.outcome == "matched"


def test_an_undecided_listener_says_which_include_is_missing() -> None:
    known = registry(listener("A", filter={FIELD: "ERP"}))
    explained = explain(known, known.listeners[1], notification())
    assert explained.truth is Truth.UNKNOWN
    assert "include `custom_fields`" in (explained.findings[-1].hint or "")
    assert explained.match is not None
    assert explained.match.state is OwedState.HELD
    assert explained.outcome.startswith("held: undecided: customFields.Integration")


def test_unknown_sender_and_failing_filter_make_a_no() -> None:
    known = registry(listener("A", users=only(U123), filter={FIELD: "ERP"}))
    explained = explain(known, known.listeners[1], with_fields({}, sender_id=None))
    truths = [finding.truth for finding in explained.findings]
    assert truths == [Truth.YES, Truth.YES, Truth.UNKNOWN, Truth.NO]
    assert explained.truth is Truth.NO


def test_a_crossing_is_part_of_the_explanation() -> None:
    known = registry(listener("crm", lane="write-back"), listener("erp", lane="write-back"))
    explained = explain(known, known.listeners[1], notification())
    assert explained.truth is Truth.YES
    assert explained.outcome.startswith("matched, but crossed with erp in lane write-back")


def test_yielding_is_part_of_the_explanation() -> None:
    lane = Lane(account_id=A1, name="write-back", prefer=("erp",))
    known = registry(
        listener("crm", lane="write-back"), listener("erp", lane="write-back"), lanes=[lane]
    )
    explained = explain(known, known.listeners[1], notification())
    assert explained.match is None
    assert explained.outcome == "wanted, but yielded to erp in lane write-back"


def test_explanations_agree_with_what_was_decided() -> None:
    known = registry(
        listener("a", filter={FIELD: "ERP"}, lane="L"),
        listener("b", filter={"recipients.signers.email": "x"}, lane="L"),
        listener("c", users=only(ALICE)),
        listener("d", filter={"bogus": 1}),
        listener("e", filter={FIELD: "ERP"}),
    )
    for received in (notification(), with_fields({"Integration": "ERP"}), with_fields()):
        owed = {match.listener_id: match for match in Router(known).match(received).matches}
        for number, one in known.listeners.items():
            assert explain(known, one, received).match == owed.get(number)


# --- near misses ---


@pytest.mark.parametrize(
    ("wanted", "seen", "sentence"),
    [
        (
            "Salesforce",
            "salesforce ",
            (
                'custom field Integration was "salesforce " (trailing space, case differs), '
                'wanted "Salesforce"'
            ),
        ),
        (
            "prod",
            "prd",
            'custom field Integration was "prd" (one letter missing), wanted "prod"',
        ),
        (
            ["prod", "live"],
            "prd",
            (
                'custom field Integration was "prd" (nearly "prod": one letter missing), '
                'wanted one of "prod", "live"'
            ),
        ),
    ],
)
def test_a_value_that_nearly_matched_is_named(wanted: object, seen: str, sentence: str) -> None:
    known = registry(listener("A", filter={FIELD: wanted, "event": "envelope-completed"}))
    received = with_fields({"Integration": seen})
    assert [miss.sentence for miss in near_misses(known, received)] == [sentence]
    assert explain(known, known.listeners[1], received).near_miss == sentence


@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        ({"filter": {FIELD: "prod"}}, "staging"),
        ({"filter": {FIELD: "prod"}}, "prod"),
        ({"filter": {FIELD: "prod"}, "comparison": "loose"}, "PROD "),
        ({"filter": {FIELD: {"not": "prd"}}}, "prd"),
        ({"filter": {FIELD: "prod"}, "users": only(ALICE)}, "prd"),
        ({"filter": {FIELD: "prod"}, "events": ("envelope-sent",)}, "prd"),
        ({"filter": {FIELD: "p" * 5_000}}, "p" * 6_000),
        ({"filter": {"bogus": 1}}, "prd"),
        ({}, "prd"),
    ],
)
def test_what_did_not_nearly_match_is_no_near_miss(keys: dict[str, Any], seen: str) -> None:
    known = registry(listener("A", **keys))
    assert near_misses(known, with_fields({"Integration": seen})) == []


def test_each_branch_of_any_can_nearly_match() -> None:
    known = registry(listener("A", filter={"any": [{FIELD: "live"}, {FIELD: "prod"}]}))
    (miss,) = near_misses(known, with_fields({"Integration": "prd"}))
    assert (miss.listener, miss.seen, miss.wanted) == ("A", "prd", "prod")


def test_unreadable_and_foreign_messages_have_no_near_misses() -> None:
    known = registry(listener("A", filter={FIELD: "prod"}))
    assert near_misses(known, notification(is_readable=False)) == []
    assert near_misses(known, notification(account_id="a2")) == []


# --- configurations and eventNotifications ---


def conditions(known: Registry, received: Notification) -> list[tuple[str, Truth]]:
    explained = explain(known, known.listeners[1], received)
    return [(one.condition, one.truth) for one in explained.findings[1:]]


def test_a_configuration_that_is_off_says_so() -> None:
    off = listener("connect-1", configuration={}, is_active=False, events=("envelope-completed",))
    known = registry(off)
    assert conditions(known, notification()) == [
        ("the configuration is active (allowEnvelopePublish)", Truth.NO)
    ]
    explained = explain(known, known.listeners[1], notification())
    assert explained.match is None
    assert explained.outcome == ("not wanted: it is switched off (allowEnvelopePublish is false)")


def test_a_configuration_that_is_on_is_explained_like_any_listener() -> None:
    known = registry(listener("connect-1", configuration={}, events=("envelope-completed",)))
    explained = explain(known, known.listeners[1], notification())
    assert [one.truth for one in explained.findings] == [Truth.YES] * 5
    assert explained.outcome == "matched"


def test_a_configuration_without_events_says_that_none_is_named() -> None:
    known = registry(listener("connect-1", configuration={}))
    assert conditions(known, notification())[-1] == (
        "the configuration names an event",
        Truth.NO,
    )


def test_an_event_notification_names_the_envelopes_it_is_for() -> None:
    own = listener("own", scope="envelope", configuration={}, events=("envelope-completed",))
    known = registry(own)
    assert conditions(known, notification())[-1] == ("the envelope has own", Truth.NO)
    explained = explain(known, known.listeners[1], notification(attached=("own",)))
    assert explained.outcome == "matched"


def test_what_is_published_again_says_whom_it_is_for() -> None:
    known = registry(listener("A"))
    again = notification(origin="historical", attached=("B",))
    assert conditions(known, again) == [("the historical publication is for A", Truth.NO)]


def test_who_is_off_has_no_near_miss() -> None:
    known = registry(listener("A", filter={FIELD: "ERP"}, is_active=False))
    explained = explain(known, known.listeners[1], with_fields({"Integration": "erp"}))
    assert explained.near_miss is None
