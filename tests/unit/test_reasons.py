"""Why not, as people read it: one sentence that says what was there and what was wanted."""

from typing import Any

import pytest
from tests.unit.routing_cast import (
    A1,
    ALICE,
    EMAILS,
    U123,
    U567,
    listener,
    notification,
    only,
    registry,
    summary,
    with_fields,
)

from postroom.model import Listener, Notification, Truth, UserCondition
from postroom.routing.explaining.explanation import Explanation, explain

FIELD = "customFields.Integration"
THREE = ("envelope-completed", "envelope-declined", "envelope-sent")


def explained(one: Listener, received: Notification) -> Explanation:
    known = registry(one)
    return explain(known, known.listeners[1], received)


def content(filter_: Any, received: Notification, **keys: Any) -> str:
    found = explained(listener("ERP", filter=filter_, **keys), received)
    assert (found.against, found.truth) == ("content", Truth.NO)
    return str(found.reason)


@pytest.mark.parametrize(
    ("filter_", "fields", "sentence"),
    [
        (
            {FIELD: "ERP"},
            {"Integration": "erp "},
            'custom field Integration was "erp " (trailing space, case differs), wanted "ERP"',
        ),
        ({FIELD: "ERP"}, {"Integration": "HR"}, 'custom field Integration was "HR", wanted "ERP"'),
        (
            {FIELD: "ERP"},
            {"Integrations": "ERP", "PO": "1"},
            (
                'custom field Integration is missing, wanted "ERP"; '
                'the envelope has "Integrations" (one letter more)'
            ),
        ),
        (
            {FIELD: "ERP"},
            {"Integrations": "CRM", "PO": "1"},
            (
                'custom field Integration is missing, wanted "ERP"; '
                'the envelope has "Integrations", "PO"'
            ),
        ),
        ({FIELD: "ERP"}, {}, 'custom field Integration is missing, wanted "ERP"'),
        ({FIELD: {"exists": True}}, {}, "custom field Integration is missing"),
        (
            {FIELD: {"exists": False}},
            {"Integration": "x"},
            'custom field Integration was "x", wanted none',
        ),
        (
            {FIELD: ["ERP", "CRM"]},
            {"Integration": "crm"},
            (
                'custom field Integration was "crm" (nearly "CRM": case differs), '
                'wanted one of "ERP", "CRM"'
            ),
        ),
        (
            {"customFields.Amount": {"gt": 100}},
            {"Amount": "1,000"},
            (
                'custom field Amount was "1,000" (which reads as no number), '
                "wanted one that is above 100"
            ),
        ),
        (
            {"customFields.Amount": {"gt": 100}},
            {"Amount": "99"},
            'custom field Amount was "99", wanted one that is above 100',
        ),
        (
            {"customFields.PO": "7"},
            {"PO": "007"},
            'custom field PO was "007" (the same number, written differently), wanted "7"',
        ),
        (
            {FIELD: {"not": "ERP"}},
            {"Integration": "ERP"},
            'custom field Integration was "ERP", which must not equal "ERP"',
        ),
        (
            {"not": {FIELD: "ERP"}},
            {"Integration": "ERP"},
            'customFields.Integration equals "ERP", and must not',
        ),
        (
            {"customFields.PO": {"startsWith": "PO "}},
            {"PO": "po 77"},
            (
                'custom field PO was "po 77" (nearly "PO ": case differs), '
                'wanted one that starts with "PO "'
            ),
        ),
    ],
)
def test_the_content_is_told_with_what_was_wanted_of_it(
    filter_: Any, fields: dict[str, str], sentence: str
) -> None:
    assert content(filter_, with_fields(fields)) == sentence


def test_all_that_is_missed_is_told_not_only_the_first() -> None:
    both = {FIELD: "ERP", "customFields.Region": "EU"}
    assert content(both, with_fields({"Integration": "HR", "Region": "US"})) == (
        'custom field Integration was "HR", wanted "ERP"; custom field Region was "US", wanted "EU"'
    )


def test_of_alternatives_the_one_that_came_closest_is_told() -> None:
    either = {
        "any": [
            {FIELD: "CRM"},
            {"all": [{FIELD: "ERP"}, {"customFields.Region": "EU"}]},
        ]
    }
    told = content(either, with_fields({"Integration": "ERP", "Region": "US"}))
    assert told == (
        'of 2 alternatives this came closest: custom field Region was "US", wanted "EU"'
    )


def test_of_alternatives_a_misspelt_one_is_closer_than_another_value() -> None:
    either = {"any": [{"customFields.Region": "EU"}, {FIELD: "ERP"}]}
    found = explained(
        listener("ERP", filter=either), with_fields({"Integration": "erp", "Region": "US"})
    )
    assert found.nearly is not None
    assert (found.nearly.path, found.nearly.how) == (FIELD, ("case differs",))


def test_one_more_condition_missed_is_no_near_miss() -> None:
    both = {FIELD: "ERP", "customFields.Region": "EU"}
    found = explained(
        listener("ERP", filter=both), with_fields({"Integration": "erp", "Region": "US"})
    )
    assert found.nearly is None


def test_a_value_in_a_list_field_is_told_from_one_in_a_text_field() -> None:
    path = "envelope.customFields.textCustomFields.value"
    assert content({path: "ERP"}, with_fields({}, {"Integration": "ERP"})) == (
        f'{path} is missing, wanted "ERP"; "ERP" is in listCustomFields'
    )


def test_loose_comparison_calls_no_case_and_no_space_a_difference() -> None:
    told = content({FIELD: "Prod"}, with_fields({"Integration": " PRD"}), comparison="loose")
    assert told == 'custom field Integration was " PRD" (one letter missing), wanted "Prod"'


def test_what_the_feed_leaves_out_is_told_with_the_remedy() -> None:
    found = explained(
        listener("ERP", filter={FIELD: "ERP", "customFields.PO": "1"}), notification()
    )
    assert (found.truth, found.against) == (Truth.UNKNOWN, "content")
    assert found.reason == (
        "the feed carries no custom_fields; add it to the feed's includeData, "
        "or configure enrichment"
    )


@pytest.mark.parametrize(
    ("events", "event", "sentence"),
    [
        (
            THREE,
            "envelope-voided",
            (
                "envelope-voided is not among its 3 events "
                "(envelope-completed, envelope-declined, envelope-sent)"
            ),
        ),
        (
            ("envelope-sent",),
            "envelope-voided",
            "the event is envelope-voided, wanted envelope-sent",
        ),
        (
            ("envelope-complete", "envelope-sent"),
            "envelope-completed",
            (
                "envelope-completed is not among its 2 events (envelope-complete, envelope-sent) "
                "(nearly envelope-complete: one letter more)"
            ),
        ),
        (
            tuple(f"recipient-{number}" for number in range(9)),
            "envelope-voided",
            "envelope-voided is not among its 9 events",
        ),
    ],
)
def test_an_event_is_told_with_those_that_are_wanted(
    events: tuple[str, ...], event: str, sentence: str
) -> None:
    found = explained(listener("ERP", events=events), notification(event=event))
    assert (found.against, found.reason) == ("event", sentence)


EXCEPT_ALICE = UserCondition(kind="except", emails=(EMAILS[ALICE],))
NEARLY_ALICE = UserCondition(kind="only", emails=("a@example.con",))


@pytest.mark.parametrize(
    ("users", "sender", "sentence"),
    [
        (only(U567), ALICE, f"sent by {EMAILS[ALICE]}, who is not among {EMAILS[U567]}"),
        (
            only(U123, U567),
            ALICE,
            f"sent by {EMAILS[ALICE]}, who is not among {EMAILS[U123]}, {EMAILS[U567]}",
        ),
        (
            EXCEPT_ALICE,
            ALICE,
            (
                f"sent by {EMAILS[ALICE]}, whose envelopes it does not want: "
                f"all but those of {EMAILS[ALICE]}"
            ),
        ),
        (
            only(U567),
            "5f0c1f3e-0000-4000-8000-00000000dead",
            (
                "sent by 5f0c1f3e-0000-4000-8000-00000000dead (whom the account's directory does "
                f"not know by e-mail), who is not among {EMAILS[U567]}"
            ),
        ),
    ],
)
def test_a_sender_is_told_with_those_that_are_wanted(
    users: UserCondition, sender: str, sentence: str
) -> None:
    found = explained(listener("ERP", users=users), notification(sender_id=sender))
    assert (found.against, found.reason) == ("sender", sentence)


def test_a_sender_whose_address_is_nearly_wanted_is_told_so() -> None:
    received = notification(summary(sender={"email": EMAILS[ALICE]}), sender_id=ALICE)
    found = explained(listener("ERP", users=NEARLY_ALICE), received)
    assert str(found.reason).endswith("(nearly a@example.con: one letter is another)")


@pytest.mark.parametrize(
    ("keys", "received", "sentence"),
    [
        ({"is_active": False}, {}, "it is switched off"),
        (
            {"is_active": False, "configuration": {}},
            {},
            "it is switched off (allowEnvelopePublish is false)",
        ),
        ({"scope": "envelope"}, {}, "the envelope does not carry its eventNotification"),
        (
            {},
            {"origin": "historical", "attached": ("crm",)},
            "it was published again, as history, for crm alone",
        ),
        ({"configuration": {}}, {}, "its configuration names no events"),
        (
            {},
            {"is_readable": False, "flaw": "malformed JSON"},
            "the message cannot be read: malformed JSON",
        ),
        (
            {},
            {"account_id": "a2"},
            f"it came for account a2, and the listener is of account {A1}",
        ),
    ],
)
def test_what_stands_in_the_way_before_the_content_is_told(
    keys: dict[str, Any], received: dict[str, Any], sentence: str
) -> None:
    found = explained(listener("ERP", **keys), notification(**received))
    assert found.reason == sentence
    assert found.outcome == f"not wanted: {sentence}"


def test_hostile_values_make_one_bounded_line() -> None:
    received = with_fields({"Integration": "x\n\x1b[31m" * 1000, "\u202eevil": "ERP"})
    told = content({FIELD: "ERP"}, received)
    assert len(told) < 700
    assert "\n" not in told
    assert "\x1b" not in told


def test_a_filter_that_another_version_let_in_is_told_with_what_is_wrong_with_it() -> None:
    found = explained(listener("ERP", filter={"bogus": 1}), with_fields({}))
    assert found.truth is Truth.UNKNOWN
    assert "the filter is invalid" in str(found.reason)
    assert str(found.reason).endswith("correct the listener")


def test_a_sender_of_blanks_alone_is_no_sender() -> None:
    received = notification(summary(sender={"userId": " "}), sender_id=None)
    found = explained(listener("ERP", users=only(U567)), received)
    assert found.against == "sender"
    assert str(found.reason).startswith("sent by nobody it names")


def test_many_values_against_many_texts_stay_cheap_to_compare() -> None:
    fields = [("Integration", f"value {number} of many") for number in range(2000)]
    told = content(
        {FIELD: [f"wanted {number} of all" for number in range(2000)]}, with_fields(fields)
    )
    assert told.startswith('custom field Integration was "value 0 of many"')
