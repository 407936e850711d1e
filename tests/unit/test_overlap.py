"""Whether two listeners can want the same envelope: proofs, and envelopes that both want."""

from typing import Any

import pytest
from tests.unit.routing_cast import A1, ALICE, DIRECTORY, U123, U567, listener, only, registry

from postroom.model import Account, Listener, UserCondition
from postroom.routing.match import Router
from postroom.routing.proving.overlap import Answer, Apart, NotDecided, Overlap, Prover

SUBJECT = "envelope.emailSubject"
FIELD = "customFields.Integration"
ACCOUNT = Account(id=A1, users=DIRECTORY)


def _compare(one: Listener, other: Listener, **how: Any) -> Answer:
    answer = Prover(ACCOUNT, **how).compare(one, other)
    if isinstance(answer, Overlap):
        matches = Router(registry(one, other)).match(answer.witness.notification()).matches
        assert len(matches) == 2
    return answer


def _subjects(one: Any, other: Any, **keys: Any) -> Answer:
    return _compare(
        listener("a", 1, filter={SUBJECT: one}), listener("b", 2, filter={SUBJECT: other}, **keys)
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ERP", "HR"),
        (["ERP", "HR"], {"not": {"in": ["ERP", "HR"]}}),
        ({"startsWith": "PO"}, {"startsWith": "INV"}),
        ({"startsWith": "ab"}, {"not": {"startsWith": "a"}}),
        ({"glob": "[0-9]"}, {"glob": "[!0-9]*"}),
        ({"glob": "a?c"}, {"glob": "a?b"}),
        ({"equalsIgnoreCase": "erp"}, {"glob": "????*"}),
        ({"gt": 5, "lt": 6}, {"gte": 6}),
        ({"lt": "2026-01-01"}, {"gte": "2026-01-01T02:00:00+02:00"}),
        ({"gt": 1}, {"gt": "2026-01-01"}),
        ({"startsWith": "PO"}, {"gt": 0}),
        ({"glob": "[0-9]"}, {"not": {"gte": 0}}),
        ({"exists": True}, {"exists": False}),
    ],
)
def test_conditions_that_no_text_meets_keep_listeners_apart(one: Any, other: Any) -> None:
    assert isinstance(_subjects(one, other), Apart)
    assert isinstance(_subjects(other, one), Apart)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ERP", {"startsWith": "E"}),
        ({"startsWith": "ab"}, {"endsWith": "bc"}),
        ({"contains": "x"}, {"not": "x"}),
        ({"glob": "[0-9]?x*"}, {"glob": "*a[!b]"}),
        ({"equalsIgnoreCase": "STRASSE"}, {"contains": "ß"}),
        ({"gt": 5, "lt": 6}, {"glob": "5*7"}),
        ({"gt": "2026-01-01"}, {"lt": "2026-01-02"}),
        ({"not": {"gt": 5}}, {"not": {"lte": 5}}),
    ],
)
def test_conditions_that_a_text_meets_come_with_an_envelope(one: Any, other: Any) -> None:
    assert isinstance(_subjects(one, other), Overlap)
    assert isinstance(_subjects(other, one), Overlap)


@pytest.mark.parametrize("letters", ["KLMN", "\u0410\u0411\u042e\u042f", "\t\n\x0c\r"])
def test_a_range_of_capitals_or_of_spaces_has_something_inside(letters: str) -> None:
    first, last = letters[0], letters[-1]
    asked = {"glob": f"[{first}-{last}]"}
    assert isinstance(_subjects(asked, {"not": [first, last]}), Overlap)
    assert isinstance(_subjects(asked, {"glob": f"[!{letters[:2]}{last}]"}), Overlap)


def test_loose_comparison_is_seen_through() -> None:
    assert isinstance(_subjects("ERP", "HR", comparison="loose"), Apart)
    assert isinstance(_subjects(" Erp ", "erp", comparison="loose"), Overlap)
    assert isinstance(_subjects({"glob": "?"}, {"glob": "??"}, comparison="loose"), Overlap)
    assert isinstance(_subjects({"glob": "?"}, {"glob": "????"}, comparison="loose"), Apart)


def test_two_fields_of_one_name_reach_both_unless_names_are_taken_to_be_single() -> None:
    erp, hr = listener("a", 1, filter={FIELD: "ERP"}), listener("b", 2, filter={FIELD: "HR"})
    found = _compare(erp, hr)
    assert isinstance(found, Overlap)
    assert found.repeated == ("Integration",)
    apart = _compare(erp, hr, repeats=False)
    assert isinstance(apart, Apart)
    assert apart.is_by_single_names
    assert FIELD in apart.reason


def test_a_field_that_changed_reaches_a_sticky_and_a_current_listener() -> None:
    erp = listener("a", 1, filter={FIELD: "ERP"})
    hr = listener("b", 2, filter={FIELD: "HR"}, field_policy="sticky")
    found = _compare(erp, hr, repeats=False)
    assert isinstance(found, Overlap)
    assert found.witness.sticky_fields is not None


def test_events_keep_listeners_apart() -> None:
    sent = listener("a", 1, events=("envelope-sent",))
    assert isinstance(_compare(sent, listener("b", 2, events=("envelope-voided",))), Apart)
    assert isinstance(_compare(sent, listener("b", 2)), Overlap)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (only(U123), only(U567), Apart),
        (only(U123), only(U123, ALICE), Overlap),
        (only(U567), UserCondition(kind="except", groups=("erp",)), Apart),
        (only(U123), UserCondition(kind="except", groups=("erp",)), Overlap),
        (only(U123), UserCondition(kind="only", emails=("SVC-Salesforce@example.com",)), Overlap),
        (only(U123), UserCondition(kind="only", groups=("people",)), Apart),
        (only(U123), UserCondition(kind="except", groups=("unlisted",)), NotDecided),
    ],
)
def test_users_by_id_address_and_group(
    one: UserCondition, other: UserCondition, expected: type
) -> None:
    answer = _compare(listener("a", 1, users=one), listener("b", 2, users=other))
    assert isinstance(answer, expected)


def test_users_and_a_filter_on_the_sender_are_one_question() -> None:
    by_user = listener("a", 1, users=only(U123))
    by_filter = listener("b", 2, filter={"sender.userId": U567.upper()})
    assert isinstance(_compare(by_user, by_filter), Apart)


def test_any_all_and_not_are_worked_out() -> None:
    one = listener("a", 1, filter={"any": [{SUBJECT: "A"}, {SUBJECT: "B"}]})
    neither = listener("b", 2, filter={"not": {SUBJECT: ["A", "B"]}})
    not_a = listener("c", 3, filter={"not": {SUBJECT: "A"}})
    assert isinstance(_compare(one, neither), Apart)
    assert isinstance(_compare(one, not_a), Overlap)


def test_listeners_of_single_envelopes_overlap_on_an_envelope_with_both() -> None:
    found = _compare(listener("a", 1, scope="envelope"), listener("b", 2, scope="envelope"))
    assert isinstance(found, Overlap)
    assert found.witness.attached == ("a", "b")


def test_one_that_is_off_or_cannot_be_met_is_impossible() -> None:
    prover = Prover(ACCOUNT)
    assert isinstance(prover.possible(listener("a", is_active=False)), Apart)
    never = listener("a", filter={"all": [{SUBJECT: "A"}, {SUBJECT: {"not": "A"}}]})
    assert isinstance(prover.possible(never), Apart)
    assert isinstance(prover.possible(listener("a", filter={SUBJECT: "A"})), Overlap)
    flawed = listener("a", filter={"nothing": 1})
    assert isinstance(prover.possible(flawed), Apart)


def test_one_inside_another_is_never_outside_it() -> None:
    prover = Prover(ACCOUNT)
    narrow = listener("a", 1, filter={SUBJECT: {"startsWith": "PO-"}})
    wide = listener("b", 2, filter={SUBJECT: {"startsWith": "PO"}})
    assert isinstance(prover.outside(narrow, wide), Apart)
    assert isinstance(prover.outside(wide, narrow), Overlap)


def test_what_is_beyond_the_budget_is_not_called_apart() -> None:
    # Numbers that begin with 12 and end with 7 between 5 and 6: no such text, but no proof.
    assert isinstance(_subjects({"glob": "12*7"}, {"gt": 5, "lt": 6}), NotDecided)
    ways = [{"any": [{f"envelope.k{n}": "A"}, {f"envelope.k{n}": "B"}]} for n in range(12)]
    none = {"not": {"any": [{"envelope.k11": ["A", "B"]}, {"envelope.k0": "C"}]}}
    one, other = listener("a", 1, filter={"all": ways}), listener("b", 2, filter=none)
    assert not isinstance(_compare(one, other, most_branches=2), Apart)


def test_a_group_of_which_nobody_is_known_proves_nothing() -> None:
    prover = Prover(ACCOUNT)
    one = listener("a", 1, users=UserCondition(kind="only", groups=("unlisted",)))
    other = listener("b", 2, users=UserCondition(kind="only", groups=("another",)))
    for answer in (prover.compare(one, other), prover.possible(one), prover.outside(one, other)):
        assert isinstance(answer, NotDecided)
        assert answer.why == "who is in group unlisted is not known"
    surely = listener("c", 3, users=UserCondition(kind="only", ids=(U123,), groups=("unlisted",)))
    assert isinstance(_compare(surely, listener("d", 4, users=only(U123))), Overlap)
    by_event = listener("e", 5, events=("envelope-sent",), users=one.users)
    assert isinstance(_compare(by_event, listener("f", 6, events=("envelope-voided",))), Apart)


def test_pinned_fields_senders_and_events_are_proofs_by_themselves() -> None:
    one = listener("a", 1, users=only(U123), filter={FIELD: ["ERP", "CRM"]})
    other = listener("b", 2, users=only(U123, U567), filter={FIELD: ["HR"]})
    apart = _compare(one, other, repeats=False)
    assert isinstance(apart, Apart)
    assert apart.is_by_single_names
    loose = listener("c", 3, filter={FIELD: "erp"}, comparison="loose")
    assert isinstance(_compare(one, loose, repeats=False), Overlap)
    by_sender = _compare(listener("d", 4, users=only(U567)), one)
    assert isinstance(by_sender, Apart)
    assert not by_sender.is_by_single_names


def _nobody(event: str, *listeners: Listener) -> Answer:
    answer = Prover(ACCOUNT).nobody(listeners, event)
    if isinstance(answer, Overlap):
        notification = answer.witness.notification()
        assert notification.event == event
        assert Router(registry(*listeners)).match(notification).is_unclaimed
    return answer


def test_what_reaches_nobody_comes_with_an_envelope() -> None:
    erp = listener("a", 1, events=("envelope-completed",), users=only(U567))
    hr = listener("b", 2, filter={FIELD: "HR"})
    assert isinstance(_nobody("envelope-completed", erp, hr), Overlap)
    assert isinstance(_nobody("envelope-voided", erp), Overlap)


def test_what_somebody_always_gets_is_no_gap() -> None:
    others = UserCondition(kind="except", ids=(U567,))
    parts = (listener("a", 1, users=only(U567)), listener("b", 2, users=others))
    assert isinstance(_nobody("envelope-completed", *parts), Apart)
    po = listener("c", 3, filter={SUBJECT: {"startsWith": "PO"}})
    rest = listener("d", 4, filter={"not": {SUBJECT: {"startsWith": "PO"}}})
    assert isinstance(_nobody("envelope-completed", po, rest), Apart)
    assert isinstance(_nobody("envelope-completed", po, parts[0]), Overlap)


def test_what_comes_with_single_envelopes_and_what_is_off_closes_no_gap() -> None:
    own = listener("a", 1, scope="envelope")
    off = listener("b", 2, is_active=False)
    assert isinstance(_nobody("envelope-completed", own, off), Overlap)


def test_a_crowd_of_listeners_leaves_a_gap_that_is_found() -> None:
    crowd = [listener(f"l{n}", n, filter={FIELD: f"I{n}"}) for n in range(1, 301)]
    assert isinstance(_nobody("envelope-completed", *crowd), Overlap)


def test_several_together_cover_what_none_does_alone() -> None:
    prover = Prover(ACCOUNT)
    both = listener("a", 1, filter={SUBJECT: ["A", "B"]})
    one, other = listener("b", 2, filter={SUBJECT: "A"}), listener("c", 3, filter={SUBJECT: "B"})
    assert isinstance(prover.outside(both, one), Overlap)
    assert isinstance(prover.outside(both, one, other), Apart)


def test_recipients_asked_to_be_a_text_beside_a_recipient_are_no_type_error() -> None:
    text = listener("a", 1, filter={"envelope.recipients": {"startsWith": "x"}})
    about = listener("b", 2, filter={"recipient.email": "a@example.com"})
    assert not isinstance(_compare(text, about), Overlap)


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ({"startsWith": "PO-"}, {"startsWith": "po-1"}, {"comparison": "loose"}),
        ({"startsWith": "x "}, {"equalsIgnoreCase": "X"}, {"comparison": "loose"}),
        ({"endsWith": " x"}, {"glob": "*y x"}, {}),
        ({"glob": "?b*"}, {"startsWith": "ab"}, {}),
        ({"startsWith": "\u017f"}, {"startsWith": "S"}, {"comparison": "loose"}),
        ({"glob": "[k-m]"}, {"equalsIgnoreCase": "K"}, {"comparison": "loose"}),
    ],
)
def test_what_contradicts_at_a_glance_only_by_looks_is_no_proof(
    one: Any, other: Any, how: dict[str, Any]
) -> None:
    assert isinstance(_subjects(one, other, **how), Overlap)


def test_beginnings_and_ends_that_differ_are_proofs_in_every_comparison() -> None:
    for how in ({}, {"comparison": "loose"}):
        assert isinstance(_subjects({"startsWith": "PO-1"}, {"startsWith": "PO-2"}, **how), Apart)
        assert isinstance(_subjects({"endsWith": "#1"}, {"glob": "*[0-9]#2"}, **how), Apart)
        assert isinstance(_subjects({"contains": "ab"}, {"equalsIgnoreCase": "xa"}, **how), Apart)
