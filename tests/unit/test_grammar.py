"""Invalid filters are refused when saved, with the place and the remedy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.routing_cast import notification, summary
from tests.unit.test_content import SHAPED_JSON

from postroom.model import Truth
from postroom.routing import filters, grammar, operands
from postroom.routing.content import Content

F = "customFields.A"


@pytest.mark.parametrize(
    ("filter_", "place", "message"),
    [
        ([], (), "write a mapping"),
        ("x", (), "write a mapping"),
        ({}, (), "empty condition"),
        ({"customfields.A": "x"}, ("customfields.A",), "did you mean `customFields.A`?"),
        ({"custmFields.A": "x"}, ("custmFields.A",), "did you mean `customFields.A`?"),
        ({"zzz": "x"}, ("zzz",), "a path begins with"),
        ({"sender.mail": "x"}, ("sender.mail",), "did you mean `sender.email`?"),
        ({"sender.email.x": "x"}, ("sender.email.x",), "a sender has no"),
        ({"event.name": "x"}, ("event.name",), "write `event` alone"),
        ({"customFields": "x"}, ("customFields",), "write `customFields.NAME`"),
        ({"customFields. ": "x"}, ("customFields. ",), "write `customFields.NAME`"),
        ({"envelope": "x"}, ("envelope",), "write `envelope.NAME`"),
        ({"envelope.a..b": "x"}, ("envelope.a..b",), "leaves a name empty"),
        ({"envelope.emailsubject": "x"}, ("envelope.emailsubject",), "`emailSubject`?"),
        ({"envelope.customFields.A": "x"}, ("envelope.customFields.A",), "`customFields.A`"),
        ({"recipients.signer.email": 1}, ("recipients.signer.email",), "`signers`?"),
        ({"equals": "x"}, ("equals",), "put it under a path"),
        ({"exists": True}, ("exists",), "put it under a path"),
        ({True: "x"}, (True,), "put the key in quotes"),
        ({None: "x"}, ("None",), "put the key in quotes"),
        ({F: {"startswith": "x"}}, (F, "startswith"), "did you mean `startsWith`?"),
        ({F: {"zzz": "x"}}, (F, "zzz"), "there are exists, not, equals"),
        ({F: {"any": []}}, (F, "any"), "put it beside the path"),
        ({F: {}}, (F,), "empty mapping"),
        ({F: None}, (F,), "exists: false"),
        ({F: "\ud800"}, (F,), "half a character"),
        ({"customFields.\ud800": "x"}, ("customFields.\ud800",), "half a character"),
        ({F: []}, (F,), "an empty list matches nothing"),
        ({F: ["x", ["y"]]}, (F, 1), "an entry of a list"),
        ({F: {"in": ["x", None]}}, (F, "in", 1), "an entry of a list"),
        ({F: {"in": "x"}}, (F, "in"), "wants a list"),
        ({F: {"equals": ["x"]}}, (F, "equals"), "use `in`"),
        ({F: {"equals": {"x": 1}}}, (F, "equals"), "not a mapping"),
        ({F: {"exists": "true"}}, (F, "exists"), "without quotes"),
        ({F: {"not": {"not": "x"}}}, (F, "not", "not"), "around it"),
        ({F: {"not": {"exists": True}}}, (F, "not", "exists"), "around it"),
        ({F: {"not": {}}}, (F, "not"), "not a mapping"),
        ({F: {"not": None}}, (F, "not"), "exists: false"),
        ({F: {"gt": "high"}}, (F, "gt"), "ISO 8601"),
        ({F: {"gt": True}}, (F, "gt"), "ISO 8601"),
        ({F: {"gt": float("nan")}}, (F, "gt"), "ISO 8601"),
        ({F: 1e30}, (F,), "in quotes"),
        ({F: float("inf")}, (F,), "in quotes"),
        ({F: 10**5_000}, (F,), "in quotes"),
        ({F: "x" * 2_001}, (F,), "longer than 2000"),
        ({F: {"in": ["x"] * 10_001}}, (F, "in"), "more than 10000 entries"),
        ({"any": {}}, ("any",), "wants a list"),
        ({"all": []}, ("all",), "at least one"),
        ({"any": [{F: "x"}, 5]}, ("any", 1), "write a mapping"),
        ({"not": []}, ("not",), "write a mapping"),
        ({"any": [{F: {"glib": "x"}}]}, ("any", 0, F, "glib"), "did you mean `glob`?"),
    ],
)
def test_an_invalid_filter_is_refused_with_place_and_remedy(
    filter_: Any, place: tuple[str | int, ...], message: str
) -> None:
    complaints = filters.check(filter_)
    assert complaints
    assert complaints[0].path == place
    assert message in complaints[0].message


def test_every_mistake_is_named_at_once() -> None:
    filter_ = {"custmFields.A": "x", F: {"startswith": "x"}, "any": []}
    assert [complaint.path[0] for complaint in filters.check(filter_)] == [
        "custmFields.A",
        F,
        "any",
    ]


def nested(levels: int) -> Any:
    filter_: Any = {F: "x"}
    for _ in range(levels):
        filter_ = {"not": filter_}
    return filter_


def test_filters_nest_thirty_two_levels_and_no_deeper() -> None:
    assert filters.check(nested(31)) == []
    assert "deeper than 32" in filters.check(nested(32))[0].message
    assert "deeper than 32" in filters.check(nested(50_000))[0].message


def test_filters_have_at_most_a_thousand_conditions() -> None:
    assert filters.check({f"customFields.{n}": "x" for n in range(1_000)}) == []
    complaints = filters.check({f"customFields.{n}": "x" for n in range(1_001)})
    assert [c.message for c in complaints] == ["more than 1000 conditions; split the listener"]


def test_aliases_that_unfold_into_a_huge_filter_are_refused_quickly() -> None:
    filter_: Any = {F: "x"}
    for _ in range(30):
        filter_ = {"any": [filter_] * 10}
    assert "more than 1000" in filters.check(filter_)[0].message


def test_a_filter_has_a_bounded_number_of_values() -> None:
    filter_ = {f"customFields.{n}": [str(m) for m in range(10_000)] for n in range(11)}
    assert str(operands.MOST_IN_A_FILTER) in filters.check(filter_)[0].message


def test_complaints_are_bounded() -> None:
    filter_ = {f"x{n}": "x" for n in range(999)}
    assert len(filters.check(filter_)) == grammar.MOST_COMPLAINTS


TEXTS = st.text(max_size=5)
SCALARS = TEXTS | st.integers() | st.booleans() | st.floats(width=16, allow_nan=False)
ORDERED = st.sampled_from([5, "7.25", "2026-01-31", "2026-01-31T09:00:00Z", -1.5])
FIELD_TESTS = st.fixed_dictionaries(
    {},
    optional={
        "equals": TEXTS,
        "in": st.lists(TEXTS, min_size=1, max_size=3),
        "not": TEXTS | st.lists(TEXTS, min_size=1, max_size=3) | st.just({"glob": "*"}),
        "exists": st.booleans(),
        "startsWith": TEXTS,
        "endsWith": TEXTS,
        "contains": TEXTS,
        "glob": st.text(alphabet="ab*?[]!-", max_size=8),
        "equalsIgnoreCase": TEXTS,
        "gt": ORDERED,
        "gte": ORDERED,
        "lt": ORDERED,
        "lte": ORDERED,
    },
)
SOME_PATHS = st.sampled_from(
    [
        "customFields.A",
        "customFields.B",
        "sender.email",
        "recipient.email",
        "event",
        "recipients.signers.email",
        "envelope.status",
        "envelope.folders.type",
    ]
)
FILTERS = st.recursive(
    st.dictionaries(
        SOME_PATHS, SCALARS | st.lists(TEXTS, max_size=3) | FIELD_TESTS, min_size=1, max_size=3
    ),
    lambda inner: st.fixed_dictionaries(
        {}, optional={"all": st.lists(inner, max_size=3), "any": st.lists(inner), "not": inner}
    ),
    max_leaves=8,
)


@given(FILTERS, SHAPED_JSON, st.sampled_from(["exact", "loose"]), st.booleans())
def test_a_filter_that_checks_clean_compiles_decides_and_explains(
    filter_: Any,
    fields: Any,
    comparison: Any,
    is_sticky: bool,  # noqa: FBT001  # drawn by Hypothesis
) -> None:
    if filters.check(filter_):
        return
    compiled = filters.compile(
        filter_, comparison=comparison, field_policy="sticky" if is_sticky else "current"
    )
    received = notification({**summary({"A": "1"}), "recipients": fields}, recipient_id="1")
    content = Content(received)
    assert compiled.finding(content).truth is compiled.decide(content)
    assert compiled.decide(content) in Truth
    assert filters.describe(filter_)


@given(SHAPED_JSON | FILTERS | st.dictionaries(SOME_PATHS, SHAPED_JSON))
def test_checking_never_raises(filter_: Any) -> None:
    assert isinstance(filters.check(filter_), list)
    assert isinstance(filters.describe(filter_), str)
