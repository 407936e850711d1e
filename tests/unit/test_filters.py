"""What filters mean: every operator, several values, and what is missing or not known."""

import datetime as dt
from typing import Any

import pytest
from tests.unit.routing_cast import notification, summary, truth_of, with_fields

from postroom.errors import InvalidInputError
from postroom.model import Truth
from postroom.routing import filters, truth
from postroom.routing.content import Content

YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN
FIELD = "customFields.Integration"
THREE = (YES, NO, UNKNOWN)

# A condition that is yes, no and unknown on `MESSAGE`.
MESSAGE = with_fields({"A": "1"})
STANDS_FOR = {
    YES: {"customFields.A": "1"},
    NO: {"customFields.A": "2"},
    UNKNOWN: {"recipients.signers.email": "s@example.com"},
}


@pytest.mark.parametrize("left", THREE)
@pytest.mark.parametrize("right", THREE)
def test_all_any_and_not_follow_kleene(left: Truth, right: Truth) -> None:
    both = [STANDS_FOR[left], STANDS_FOR[right]]
    order = [NO, UNKNOWN, YES]
    least, most = min(left, right, key=order.index), max(left, right, key=order.index)
    assert truth_of({"all": both}, MESSAGE) is least
    assert truth_of({**both[0], "all": [both[1]]}, MESSAGE) is least
    assert truth_of({"any": both}, MESSAGE) is most
    assert truth_of({"not": both[0]}, MESSAGE) is order[2 - order.index(left)]


def test_conjunction_of_nothing_holds_and_disjunction_of_nothing_does_not() -> None:
    assert truth.conjunction([]) is YES
    assert truth.disjunction([]) is NO


OPERATORS: list[tuple[Any, str, Truth]] = [
    ("ERP", "ERP", YES),
    ("ERP", "erp", NO),
    ("ERP", "ERP ", NO),
    (["SAP", "ERP"], "ERP", YES),
    (["SAP", "ERP"], "HR", NO),
    ({"equals": "ERP"}, "ERP", YES),
    ({"in": ["SAP", "ERP"]}, "SAP", YES),
    ({"in": ["SAP", "ERP"]}, "S", NO),
    ({"not": "ERP"}, "HR", YES),
    ({"not": "ERP"}, "ERP", NO),
    ({"not": ["ERP", "HR"]}, "HR", NO),
    ({"not": ["ERP", "HR"]}, "SF", YES),
    ({"not": {"startsWith": "E"}}, "ERP", NO),
    ({"not": {"gte": 10, "lt": 20}}, "15", NO),
    ({"not": {"gte": 10, "lt": 20}}, "25", YES),
    ({"exists": True}, "", YES),
    ({"exists": False}, "", NO),
    ({"startsWith": "PO "}, "PO 77", YES),
    ({"startsWith": "PO "}, "po 77", NO),
    ({"endsWith": "77"}, "PO 77", YES),
    ({"endsWith": "77"}, "PO 771", NO),
    ({"contains": "O 7"}, "PO 77", YES),
    ({"contains": "o 7"}, "PO 77", NO),
    ({"glob": "PO-*"}, "PO-1", YES),
    ({"glob": "PO-*"}, "A PO-1", NO),
    ({"equalsIgnoreCase": "STRASSE"}, "straße", YES),
    ({"equalsIgnoreCase": "erp"}, "ERP ", NO),
    ({"gt": 5}, "5.01", YES),
    ({"gt": 5}, "5", NO),
    ({"gte": 5}, "5.0", YES),
    ({"lt": "10"}, "9", YES),
    ({"lt": "10"}, "abc", NO),
    ({"lt": 10}, "1,000", NO),
    ({"lte": 0.1}, "0.1", YES),
    ({"gt": 1}, "1e3", YES),
    ({"gt": 1}, "٣", NO),
    ({"gt": 1}, "NaN", NO),
    ({"gt": 1}, "Infinity", NO),
    ({"gte": 10, "lt": 20}, "15", YES),
    ({"gte": 10, "lt": 20}, "20", NO),
    ({"gt": "2026-01-01"}, "2026-01-01T00:00:00.0000010Z", YES),
    ({"gte": "2026-01-01T02:00:00+02:00"}, "2026-01-01", YES),
    ({"lt": dt.date(2026, 1, 1)}, "2025-12-31T23:59:59.9584687Z", YES),
    ({"lt": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "2026-01-01T00:00:00Z", NO),
    ({"gt": dt.date(2026, 1, 1)}, "2026-13-45", NO),
    ({"gt": dt.date(2026, 1, 1)}, "99", NO),
    ({"contains": "O", "not": "PO"}, "POX", YES),
    ({"contains": "O", "not": "PO"}, "PO", NO),
    (5, "5", YES),
    (5, "5.0", NO),
    (5.5, "5.5", YES),
    (True, "true", YES),
    (False, "False", NO),
    (dt.date(2026, 1, 31), "2026-01-31", YES),
]


@pytest.mark.parametrize(("asked", "value", "expected"), OPERATORS)
def test_each_operator_on_one_value(asked: Any, value: str, expected: Truth) -> None:
    assert truth_of({FIELD: asked}, with_fields({"Integration": value})) is expected


@pytest.mark.parametrize(
    "asked",
    [
        "ERP",
        ["ERP"],
        {"not": "ERP"},
        {"not": {"contains": "E"}},
        {"exists": True},
        {"glob": "*"},
        {"contains": ""},
        {"lt": 10},
        {"exists": False, "equals": "ERP"},
    ],
)
def test_a_missing_field_matches_nothing_but_exists_false(asked: Any) -> None:
    assert truth_of({FIELD: asked}, with_fields()) is NO
    assert truth_of({FIELD: {"exists": False}}, with_fields()) is YES


@pytest.mark.parametrize("asked", ["ERP", {"not": "ERP"}, {"exists": True}, {"exists": False}])
def test_whatever_is_asked_of_a_field_that_is_not_carried_is_unknown(asked: Any) -> None:
    assert truth_of({FIELD: asked}, notification()) is UNKNOWN
    assert truth_of({FIELD: asked}, notification({"status": "sent"})) is UNKNOWN


def test_the_not_around_conditions_is_fulfilled_by_a_missing_field() -> None:
    assert truth_of({"not": {FIELD: "ERP"}}, with_fields()) is YES


def test_a_null_value_is_no_value() -> None:
    assert truth_of({FIELD: {"exists": False}}, with_fields({"Integration": None})) is YES


def test_of_several_values_one_is_enough_and_not_wants_none() -> None:
    both = with_fields([("Integration", "ERP")], [("Integration", "HR")])
    assert truth_of({FIELD: "HR"}, both) is YES
    assert truth_of({FIELD: {"not": "ERP"}}, both) is NO
    assert truth_of({FIELD: {"not": "SF"}}, both) is YES


def test_operators_of_one_mapping_speak_of_the_same_value() -> None:
    far_apart = with_fields([("Amount", "1"), ("Amount", "99")])
    assert truth_of({"customFields.Amount": {"gt": 10, "lt": 50}}, far_apart) is NO
    assert truth_of({"customFields.Amount": {"not": {"gt": 10, "lt": 50}}}, far_apart) is YES


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ("Salesforce", "salesforce "),
        (["ERP", " Salesforce"], "SALESFORCE"),
        ({"startsWith": "sales"}, "  SalesForce"),
        ({"endsWith": "FORCE "}, "Salesforce"),
        ({"contains": "LESF"}, "Salesforce"),
        ({"glob": "SALES*"}, "salesforce\t"),
        ({"equalsIgnoreCase": "salesforce"}, " Salesforce "),
        ({"gt": 5}, " 6 "),
    ],
)
def test_loose_comparison_trims_and_ignores_case(asked: Any, value: str) -> None:
    received = with_fields({"Integration": value})
    assert truth_of({FIELD: asked}, received, comparison="loose") is YES
    assert truth_of({FIELD: asked}, received) is NO


def test_loose_not_excludes_what_loosely_equals() -> None:
    received = with_fields({"Integration": "erp "})
    assert truth_of({FIELD: {"not": "ERP"}}, received, comparison="loose") is NO


def test_ids_are_compared_without_regard_to_case() -> None:
    sender = MESSAGE.sender_id
    assert sender is not None
    assert truth_of({"sender.userId": sender.upper()}, MESSAGE) is YES
    assert truth_of({"accountId": [MESSAGE.account_id.upper()]}, MESSAGE) is YES


def test_sticky_filters_go_by_the_fields_as_first_seen() -> None:
    first = b'{"textCustomFields":[{"name":"Integration","value":"ERP"}]}'
    edited = with_fields({"Integration": "HR"}, sticky_fields=first)
    assert truth_of({FIELD: "ERP"}, edited, field_policy="sticky") is YES
    assert truth_of({FIELD: "ERP"}, edited) is NO
    assert truth_of({FIELD: "HR"}, edited) is YES
    path = "envelope.customFields.textCustomFields.value"
    assert truth_of({path: "ERP"}, edited, field_policy="sticky") is YES
    assert truth_of({path: "ERP"}, edited) is NO


def test_without_remembered_fields_sticky_goes_by_the_message() -> None:
    received = with_fields({"Integration": "ERP"})
    assert truth_of({FIELD: "ERP"}, received, field_policy="sticky") is YES


def test_no_filter_wants_all_content() -> None:
    assert truth_of(None, notification()) is YES


def test_compiling_an_invalid_filter_names_place_and_remedy() -> None:
    with pytest.raises(InvalidInputError, match=r"any > 0 > customFields.A > startWith.*startsWit"):
        filters.compile({"any": [{"customFields.A": {"startWith": "x"}}]})


@pytest.mark.parametrize(
    ("filter_", "words"),
    [
        (None, "all content"),
        ({FIELD: "ERP"}, 'customFields.Integration equals "ERP"'),
        ({FIELD: ["A", "B"]}, 'customFields.Integration equals one of "A", "B"'),
        ({FIELD: list("ABCDEFG")}, "and 2 more"),
        (
            {FIELD: "ERP", "any": [{"event": {"glob": "e*"}}, {"not": {"sender.email": "x"}}]},
            'equals "ERP" and (event matches "e*" or not (sender.email equals "x"))',
        ),
        ({"customFields.N": {"gt": 5, "not": {"gt": 7}}}, "is above 5 and does not lie above 7"),
        ({"envelope.sentDateTime": {"lt": dt.date(2026, 1, 2)}}, "is before 2026-01-02"),
        ({"customFields.N": {"exists": False}}, "customFields.N is absent"),
        ({"customFields.N": {"not": {"startsWith": "a\n"}}}, 'does not start with "a\\n"'),
        ({"custmFields.N": "x"}, "invalid: custmFields.N: "),
    ],
)
def test_a_filter_can_be_said_in_plain_words(filter_: Any, words: str) -> None:
    assert words in filters.describe(filter_)


def test_a_finding_names_the_first_condition_that_fails_and_the_value_seen() -> None:
    filter_ = {"customFields.A": "1", "all": [{"customFields.B": "x"}], "customFields.C": "y"}
    received = with_fields([("A", "1"), ("B", "z"), ("B", "w")])
    finding = filters.compile(filter_).finding(Content(received))
    assert finding.truth is NO
    assert finding.condition == 'customFields.B equals "x"'
    assert finding.seen == ["z", "w"]
    assert finding.hint is None


def test_an_undecided_finding_says_which_include_would_decide_it() -> None:
    received = notification(summary({"A": "1"}))
    filter_ = {"customFields.A": "1", "recipients.signers.email": "s@example.com"}
    finding = filters.compile(filter_).finding(Content(received))
    assert finding.truth is UNKNOWN
    assert finding.condition == 'recipients.signers.email equals "s@example.com"'
    assert finding.hint is not None
    assert "include `recipients`" in finding.hint


def test_a_finding_on_any_shows_what_each_branch_saw() -> None:
    filter_ = {"any": [{"customFields.A": "2"}, {"customFields.B": "2"}]}
    finding = filters.compile(filter_).finding(Content(MESSAGE))
    assert finding.truth is NO
    assert finding.seen == {"customFields.A": "1", "customFields.B": None}


def test_a_finding_shows_no_more_than_a_little_of_a_huge_value() -> None:
    received = with_fields([("A", "x" * 1_000_000)] * 9)
    finding = filters.compile({"customFields.A": "1"}).finding(Content(received))
    assert isinstance(finding.seen, list)
    assert sum(map(len, finding.seen)) < 1_000
