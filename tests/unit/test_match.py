"""Who wants a notification: the article's options, lanes, and an index that changes nothing."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    states,
    summary,
    with_fields,
)

from postroom.model import (
    Group,
    Lane,
    Listener,
    Match,
    Notification,
    OwedState,
    Registry,
    Truth,
    UserCondition,
)
from postroom.routing.content import Content
from postroom.routing.index import FEW, MOST_PLACES
from postroom.routing.match import Router
from postroom.routing.users import Directory
from postroom.routing.wants import Wants

DUE, HELD, CROSSED = OwedState.DUE, OwedState.HELD, OwedState.CROSSED
FIELD = "customFields.Integration"

# --- S1: associated users ---

STORY = [
    (U123, "envelope-sent"),
    (U123, "envelope-completed"),
    (U567, "envelope-sent"),
    (U567, "envelope-declined"),
    (ALICE, "envelope-sent"),
    (ALICE, "envelope-completed"),
    (U123, "envelope-sent"),
    (U123, "envelope-voided"),
]
EVENTS = ("envelope-sent", "envelope-completed", "envelope-declined")


@pytest.mark.parametrize(
    ("aaa", "bbb", "expected"),
    [
        (only(U123), only(U567), {"AAA": 3, "BBB": 2, "AUDIT": 7}),
        (None, None, {"AAA": 7, "BBB": 7, "AUDIT": 7}),
        (
            UserCondition(kind="except", emails=(EMAILS[ALICE],)),
            only(U567),
            {"AAA": 5, "BBB": 2, "AUDIT": 7},
        ),
    ],
)
def test_the_articles_own_case(
    aaa: UserCondition | None, bbb: UserCondition | None, expected: dict[str, int]
) -> None:
    known = registry(
        listener("AAA", events=EVENTS, users=aaa),
        listener("BBB", events=EVENTS, users=bbb),
        listener("AUDIT", events=EVENTS),
    )
    arrivals = Counter(
        name
        for sender, event in STORY
        for name in states(known, notification(sender_id=sender, event=event))
    )
    assert arrivals == expected


# --- S2: custom fields ---

DONE = ("envelope-completed", "envelope-declined", "envelope-voided")
PER_RECIPIENT = ("recipient-sent", "recipient-delivered", "recipient-completed")
INTEGRATIONS = registry(
    listener("SF", events=DONE, filter={FIELD: "Salesforce"}),
    listener("ERP", events=("envelope-completed",), filter={FIELD: "ERP"}),
    listener("HR", events=PER_RECIPIENT, filter={FIELD: "HR"}),
    listener("HR2", events=("envelope-completed",), filter={"customFields.CC": "HR"}),
)


@pytest.mark.parametrize(
    ("text", "listed", "expected"),
    [
        ({"Integration": "Salesforce", "SFObject": "0065g00000ABCDE"}, {}, {"SF": DUE}),
        ({"Integration": "ERP", "PO": "PO-7781"}, {}, {"ERP": DUE}),
        ({}, {}, {}),
        ({"Integration": "salesforce "}, {}, {}),
        ({}, {"Integration": "ERP"}, {"ERP": DUE}),
        ({"Integration": "ERP", "CC": "HR"}, {}, {"ERP": DUE, "HR2": DUE}),
    ],
)
def test_completed_envelopes_go_where_their_field_says(
    text: dict[str, str], listed: dict[str, str], expected: dict[str, OwedState]
) -> None:
    received = with_fields(text, listed)
    assert states(INTEGRATIONS, received) == expected
    assert Router(INTEGRATIONS).match(received).is_unclaimed is not bool(expected)


def test_recipient_events_go_to_the_listener_of_recipients() -> None:
    for event in PER_RECIPIENT:
        received = with_fields({"Integration": "HR"}, event=event, recipient_id="1")
        assert states(INTEGRATIONS, received) == {"HR": DUE}


def test_loose_comparison_takes_what_is_spelt_carelessly() -> None:
    known = registry(listener("SF", filter={FIELD: "Salesforce"}, comparison="loose"))
    assert states(known, with_fields({"Integration": "salesforce "})) == {"SF": DUE}


def test_a_feed_without_custom_fields_holds_and_says_which_include_it_lacks() -> None:
    routing = Router(INTEGRATIONS).match(notification())
    assert [match.state for match in routing.matches] == [HELD, HELD, HELD]
    assert routing.matches[1].reason == (
        'undecided: customFields.Integration equals "ERP": the message carries no '
        "envelopeSummary; add the include `custom_fields` to the Connect configuration"
    )
    assert not routing.is_unclaimed


def test_what_was_held_is_decided_once_the_notification_is_enriched() -> None:
    fetched = json.dumps(summary({"Integration": "ERP"})).encode()
    assert states(INTEGRATIONS, notification(enrichment=fetched)) == {"ERP": DUE}


def test_sticky_and_current_listeners_see_different_fields_after_an_edit() -> None:
    first = json.dumps(summary({"Integration": "ERP"})["customFields"]).encode()
    edited = with_fields({"Integration": "HR"}, sticky_fields=first)
    known = registry(
        listener("first", filter={FIELD: "ERP"}, field_policy="sticky"),
        listener("now", filter={FIELD: "HR"}),
    )
    assert states(known, edited) == {"first": DUE, "now": DUE}
    assert Router(known).needs_sticky(A1)
    assert not Router(INTEGRATIONS).needs_sticky(A1)
    assert not Router(known).needs_sticky("elsewhere")


# --- conditions together ---


def test_a_no_from_the_filter_outweighs_an_unknown_sender() -> None:
    known = registry(listener("A", users=only(U123), filter={FIELD: "ERP"}))
    assert states(known, with_fields({"Integration": "HR"}, sender_id=None)) == {}
    assert states(known, with_fields({"Integration": "ERP"}, sender_id=None)) == {"A": HELD}


def test_a_no_from_the_sender_outweighs_unknown_content() -> None:
    known = registry(listener("A", users=only(U567), filter={FIELD: "ERP"}))
    assert states(known, notification(sender_id=U123)) == {}


def test_a_listener_without_events_wants_even_those_nobody_has_heard_of() -> None:
    known = registry(listener("all"), listener("some", events=("envelope-sent",)))
    assert states(known, notification(event="envelope-foo")) == {"all": DUE}
    assert states(known, notification(event="envelope-sent")) == {"all": DUE, "some": DUE}


def test_an_event_named_twice_is_owed_once() -> None:
    known = registry(listener("A", events=("envelope-sent", "envelope-sent")))
    assert len(Router(known).match(notification(event="envelope-sent")).matches) == 1


def test_unreadable_messages_match_nobody_and_are_not_unclaimed() -> None:
    received = notification(event="", is_readable=False, body=b"\xff")
    routing = Router(registry(listener("all"))).match(received)
    assert routing.matches == ()
    assert not routing.is_unclaimed


def test_accounts_never_see_each_other() -> None:
    known = registry(listener("all"))
    routing = Router(known).match(notification(account_id="a2"))
    assert routing.matches == ()
    assert routing.is_unclaimed


def test_a_filter_that_another_version_let_in_holds_instead_of_opening() -> None:
    known = registry(listener("odd", filter={"bogus": 1}), listener("well", filter={FIELD: "x"}))
    match = Router(known).match(with_fields()).matches[0]
    assert match.state is HELD
    assert match.reason is not None
    assert "invalid" in match.reason
    assert "correct the listener" in match.reason


# --- configurations and eventNotifications ---

CONFIGURATION = {"connectId": "22210001"}
OWN = "eventNotification-0123456789ab"
OF_ENVELOPE: dict[str, Any] = {
    "scope": "envelope",
    "configuration": {"url": "https://x"},
    "events": EVENTS,
}


def test_a_configuration_that_is_off_wants_nothing() -> None:
    known = registry(listener("on", events=EVENTS), listener("off", events=EVENTS, is_active=False))
    assert states(known, notification()) == {"on": DUE}


def test_a_configuration_without_events_fires_for_none() -> None:
    known = registry(
        listener("connect-1", configuration=CONFIGURATION),
        listener("connect-2", configuration=CONFIGURATION, events=EVENTS),
    )
    assert states(known, notification()) == {"connect-2": DUE}
    assert states(known, notification(event="envelope-foo")) == {}


def test_a_configuration_for_nobody_fires_for_nobody() -> None:
    known = registry(listener("connect-1", events=EVENTS, users=only()))
    assert states(known, notification(sender_id=U123)) == {}
    assert states(known, notification(sender_id=None)) == {}


def test_an_empty_group_has_nobody_in_it_once_it_is_known_to_be_there() -> None:
    empty = UserCondition(kind="only", groups=("newcomers",))
    known = registry(listener("A", users=empty), groups=(Group(id="7", name="newcomers"),))
    assert states(known, notification()) == {}
    assert states(registry(listener("A", users=empty)), notification()) == {"A": HELD}


def test_an_event_notification_wants_the_envelopes_that_carry_it_alone() -> None:
    known = registry(listener("MAIN", events=EVENTS), listener(OWN, **OF_ENVELOPE))
    assert states(known, notification()) == {"MAIN": DUE}
    assert states(known, notification(attached=(OWN,))) == {"MAIN": DUE, OWN: DUE}
    other = notification(attached=("eventNotification-ffffffffffff",))
    assert states(known, other) == {"MAIN": DUE}


def test_an_event_notification_wants_its_own_events_alone() -> None:
    known = registry(listener(OWN, **OF_ENVELOPE), listener("any", **OF_ENVELOPE | {"events": ()}))
    carried = notification(event="envelope-voided", attached=(OWN, "any"))
    assert states(known, carried) == {}


def test_an_event_notification_carried_twice_is_owed_once() -> None:
    known = registry(listener(OWN, **OF_ENVELOPE))
    assert len(Router(known).match(notification(attached=(OWN, OWN))).matches) == 1


def test_carrying_the_name_of_an_ordinary_listener_changes_nothing() -> None:
    known = registry(listener("ERP", filter={FIELD: "ERP"}))
    assert states(known, with_fields({"Integration": "HR"}, attached=("ERP",))) == {}
    known = registry(listener("MAIN", events=EVENTS))
    assert len(Router(known).match(notification(attached=("MAIN",))).matches) == 1


def test_an_event_notification_that_is_off_or_of_another_account_is_not_found() -> None:
    known = registry(listener(OWN, **OF_ENVELOPE, is_active=False))
    assert states(known, notification(attached=(OWN,))) == {}
    known = registry(listener(OWN, **OF_ENVELOPE))
    assert Router(known).match(notification(account_id="a2", attached=(OWN,))).matches == ()


def test_what_is_published_again_goes_to_those_it_is_for_alone() -> None:
    known = registry(
        listener("MAIN", events=EVENTS),
        listener("connect-1", events=EVENTS, configuration=CONFIGURATION),
        listener("connect-2", events=("envelope-sent",), configuration=CONFIGURATION),
        listener(OWN, **OF_ENVELOPE),
    )
    again = notification(origin="historical", attached=("connect-1", "connect-2", OWN))
    assert states(known, again) == {"connect-1": DUE, OWN: DUE}
    assert Router(known).match(notification(origin="historical")).is_unclaimed


# --- lanes ---

YES, NO, UNKNOWN = {FIELD: "ERP"}, {FIELD: "HR"}, {"recipients.signers.email": "x"}


def in_lane(*filters: Any, **lane: Any) -> Registry:
    names = "abcdef"
    listeners = [listener(names[n], filter=f, lane="L") for n, f in enumerate(filters)]
    lanes = [Lane(account_id=A1, name="L", **lane)] if lane else []
    return registry(*listeners, listener("outside"), lanes=lanes)


@pytest.mark.parametrize(
    ("filters", "lane", "expected"),
    [
        ((YES, NO), {}, {"a": DUE}),
        ((YES, YES), {}, {"a": CROSSED, "b": CROSSED}),
        ((YES, YES), {"on_crossing": "deliver"}, {"a": DUE, "b": DUE}),
        ((YES, UNKNOWN), {"on_crossing": "deliver"}, {"a": DUE, "b": HELD}),
        ((YES, YES), {"prefer": ("b", "a")}, {"b": DUE}),
        ((YES, YES, YES), {"prefer": ("c",)}, {"c": DUE}),
        ((YES, YES, NO), {"prefer": ("c",)}, {"a": CROSSED, "b": CROSSED}),
        ((YES, YES, NO), {"prefer": ("c", "b")}, {"b": DUE}),
        ((UNKNOWN,), {}, {"a": HELD}),
        ((UNKNOWN, UNKNOWN), {}, {"a": HELD, "b": HELD}),
        ((YES, UNKNOWN), {}, {"a": HELD, "b": HELD}),
        ((YES, UNKNOWN), {"prefer": ("a",)}, {"a": DUE}),
        ((YES, UNKNOWN), {"prefer": ("b", "a")}, {"a": HELD, "b": HELD}),
        ((YES, YES, UNKNOWN), {"prefer": ("a",)}, {"a": DUE}),
        ((YES, YES, UNKNOWN), {}, {"a": HELD, "b": HELD, "c": HELD}),
    ],
)
def test_a_lane_lets_one_listener_have_a_notification(
    filters: tuple[Any, ...], lane: dict[str, Any], expected: dict[str, OwedState]
) -> None:
    received = with_fields({"Integration": "ERP"})
    owed = states(in_lane(*filters, **lane), received)
    assert owed.pop("outside") is DUE
    assert owed == expected


def matches(known: Registry) -> tuple[Match, ...]:
    return Router(known).match(with_fields({"Integration": "ERP"})).matches


def test_crossed_listeners_are_told_of_their_rivals() -> None:
    crossed = matches(in_lane(YES, YES, YES))[0]
    assert crossed.lane == "L"
    assert crossed.reason is not None
    assert crossed.reason.startswith("crossed with b and c in lane L: choose one")


def test_a_match_that_waits_says_for_whom() -> None:
    waiting, undecided = matches(in_lane(YES, UNKNOWN))[:2]
    assert waiting.reason is not None
    assert waiting.reason.startswith("waits until b is decided")
    assert undecided.reason is not None
    assert "include `recipients`" in undecided.reason


def test_lanes_of_one_name_on_two_accounts_are_two_lanes() -> None:
    known = in_lane(YES, YES)
    elsewhere = {("a2", "L"): Lane(account_id="a2", name="L", on_crossing="deliver")}
    other = Registry(
        revision=1, accounts=known.accounts, listeners=known.listeners, lanes=elsewhere
    )
    assert [match.state for match in matches(other)][:2] == [CROSSED, CROSSED]


# --- the index ---


def by_plain_evaluation(known: Registry, received: Notification) -> dict[int, Truth]:
    """Return what every listener says, one by one, without any index."""
    directory = Directory(known.accounts[A1])
    truths = {}
    for one in known.listeners.values():
        wants = Wants(one, directory)
        findings = [*wants.by_standing(received), wants.by_event(received)]
        is_wanted = all(finding.truth is Truth.YES for finding in findings)
        truths[one.id] = wants.decide(Content(received)) if is_wanted else Truth.NO
    return {number: truth for number, truth in truths.items() if truth is not Truth.NO}


VALUES = st.sampled_from(["x", "y", "X ", "5"])
NAMES = st.sampled_from(["A", "B"])
SIMPLE = st.dictionaries(
    NAMES.map("customFields.{}".format),
    VALUES | st.lists(VALUES, min_size=1, max_size=2) | st.just({"not": "x"}) | st.just(5),
    min_size=1,
)
SOME_FILTERS = st.none() | st.recursive(
    SIMPLE | st.just({"sender.email": "x"}),
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=2)})
        | st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=2)})
    ),
    max_leaves=4,
)
LISTENERS = st.lists(
    st.builds(
        listener,
        st.just("some"),
        filter=SOME_FILTERS,
        events=st.sampled_from([(), ("envelope-sent",), ("envelope-sent", "envelope-completed")]),
        users=st.sampled_from([None, only(U123), only(U567)]),
        comparison=st.sampled_from(["exact", "loose"]),
        field_policy=st.sampled_from(["current", "sticky"]),
        is_active=st.sampled_from([True, True, True, False]),
        configuration=st.sampled_from([None, None, CONFIGURATION]),
    ),
    max_size=8,
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=3)


@given(LISTENERS, FIELDS, FIELDS | st.none(), st.sampled_from(["envelope-sent", "click-agreed"]))
def test_the_index_finds_whom_plain_evaluation_finds(
    listeners: list[Listener],
    first: list[tuple[str, str]],
    now: list[tuple[str, str]] | None,
    event: str,
) -> None:
    known = registry(*listeners)
    sticky = json.dumps(summary(first)["customFields"]).encode() if first else None
    carried = None if now is None else summary(now)
    received = notification(carried, event=event, sticky_fields=sticky)
    owed = {match.listener_id: match.state for match in Router(known).match(received).matches}
    expected = by_plain_evaluation(known, received)
    assert list(owed) == list(expected)
    assert owed == {number: DUE if t is Truth.YES else HELD for number, t in expected.items()}


STRANGER = "stranger@example.com"
WHOSE = st.none() | st.builds(
    UserCondition,
    kind=st.sampled_from(["only", "only", "only", "except"]),
    ids=st.lists(st.sampled_from([U123, U567, ALICE]), max_size=2).map(tuple),
    emails=st.lists(st.sampled_from([EMAILS[U123], STRANGER, "S2@example.com"]), max_size=2).map(
        tuple
    ),
    groups=st.lists(st.sampled_from(["integrations", "people", "nobody"]), max_size=1).map(tuple),
)


@given(
    st.lists(WHOSE, min_size=1, max_size=8),
    st.sampled_from([U123, ALICE, "5f0c1f3e-0000-4000-8000-00000000dead", None]),
    st.sampled_from([None, EMAILS[U123], EMAILS[U567], STRANGER, "s2@EXAMPLE.com"]),
    st.booleans(),
)
def test_many_listeners_by_sender_are_found_as_plain_evaluation_finds_them(
    conditions: list[UserCondition | None],
    sender_id: str | None,
    sender_email: str | None,
    is_summary_carried: bool,  # noqa: FBT001  # drawn
) -> None:
    # Many: only then are they filed by their users. Every third asks for a field besides.
    some = [
        listener("some", users=users, filter={"customFields.A": "x"} if place % 3 == 0 else None)
        for place, users in enumerate((conditions * FEW)[: FEW + 8])
    ]
    known = registry(*some)
    carried = summary({"A": "x"}) | ({"sender": {"email": sender_email}} if sender_email else {})
    received = notification(carried if is_summary_carried else None, sender_id=sender_id)
    owed = {match.listener_id: match.state for match in Router(known).match(received).matches}
    expected = by_plain_evaluation(known, received)
    assert list(owed) == list(expected)
    assert owed == {number: DUE if t is Truth.YES else HELD for number, t in expected.items()}


SUBJECTS = ["", "PO 7", "PO 77", "Order 7", "po 7"]
ABOUT = st.sampled_from(
    [
        {"envelope.emailSubject": {"startsWith": "PO "}},
        {"envelope.emailSubject": {"startsWith": "po"}},
        {"envelope.emailSubject": {"startsWith": ""}},
        {"envelope.emailSubject": {"startsWith": "PO 7", "endsWith": "77"}},
        {"envelope.emailSubject": {"in": ["PO 7", "Order 7"]}, "customFields.A": {"gt": 1}},
        {"envelope.emailSubject": {"not": {"startsWith": "PO"}}},
        {"envelope.emailSubject": {"exists": False}},
        {"envelope.templates.templateId": ["T1", "T2"]},
        {"customFields.A": {"startsWith": "5"}},
        {"any": [{"envelope.emailSubject": "PO 7"}, {"customFields.A": "x"}]},
        {"all": [{"envelope.emailSubject": "PO 7"}, {"customFields.A": ["x", "5"]}]},
        {"sender.userId": U123.upper()},
        {"recipients.signers.email": {"startsWith": "ann@"}},
    ]
)
CROWD = [listener("some", filter={f"envelope.key{number}": "x"}) for number in range(MOST_PLACES)]


@given(
    filters=st.lists(ABOUT, min_size=1, max_size=12),
    comparison=st.sampled_from(["exact", "exact", "loose"]),
    subject=st.sampled_from([None, *SUBJECTS]),
    templates=st.lists(st.sampled_from(["T1", "T3"]), max_size=2),
    fields=FIELDS,
    is_summary_carried=st.booleans(),
    is_crowded=st.booleans(),
)
def test_many_listeners_by_what_they_ask_are_found_as_plain_evaluation_finds_them(
    *,
    filters: list[Any],
    comparison: Any,
    subject: str | None,
    templates: list[str],
    fields: list[tuple[str, str]],
    is_summary_carried: bool,
    is_crowded: bool,
) -> None:
    some = [
        listener("some", filter=one, comparison=comparison) for one in (filters * FEW)[: FEW + 8]
    ]
    known = registry(*(CROWD if is_crowded else []), *some)
    carried = summary(fields, key3="x", templates=[{"templateId": one} for one in templates])
    if subject is not None:
        carried["emailSubject"] = subject
    received = notification(carried if is_summary_carried else None)
    owed = {match.listener_id: match.state for match in Router(known).match(received).matches}
    expected = by_plain_evaluation(known, received)
    assert list(owed) == list(expected)
    assert owed == {number: DUE if t is Truth.YES else HELD for number, t in expected.items()}
