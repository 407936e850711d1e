"""What `check` finds in a document, in Docusign's configurations, and what it does not claim."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.routing_cast import A1, U123, U567

from postroom.errors import PostroomError
from postroom.model import Registry
from postroom.operations import check
from postroom.operations.checking import examine, pairs, reading
from postroom.operations.checking.examine import Checked
from postroom.operations.checking.finding import CheckFinding
from postroom.operations.checking.rules import RULES
from postroom.operations.checking.subject import Subject

NOTHING = Registry(revision=0, accounts={}, listeners={}, lanes={})
FIELD = "customFields.Integration"
ACME: dict[str, Any] = {
    "id": A1,
    "name": "Acme Corp",
    "users": [
        {"id": U567, "email": "svc-erp@example.com", "groups": ["integrations"]},
        {"id": U123, "email": "svc-salesforce@example.com", "groups": ["integrations"]},
    ],
}


def one(name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "account": "Acme Corp", "url": f"https://{name}.example.com/"} | keys


def checked(*listeners: dict[str, Any], is_all: bool = False, **parts: Any) -> Checked:
    document = {"accounts": [ACME], "listeners": list(listeners)} | parts
    subject = reading.of_document(document, NOTHING)
    [found] = check.report([subject], is_all=is_all, with_proofs=True).checked
    return found


def of_rule(found: Checked, rule: str) -> list[CheckFinding]:
    return [each for each in found.findings if each.rule == rule]


def the(found: Checked, rule: str) -> CheckFinding:
    [finding] = of_rule(found, rule)
    return finding


def in_lane(**first: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    erp = one("erp", lane="write-back", events=["Completed"], **first)
    return erp, one("hr", lane="write-back", filter={FIELD: "HR"})


# --- overlap ----------------------------------------------------------------------------------


def test_two_of_a_lane_that_share_an_envelope_are_an_error_with_that_envelope() -> None:
    found = checked(*in_lane(users={"only": ["svc-erp@example.com"]}))
    overlap = the(found, "overlap")
    assert (overlap.severity, overlap.lane, overlap.listeners) == (
        "error",
        "write-back",
        ("erp", "hr"),
    )
    assert overlap.path == ("listeners", 1, "lane")
    assert overlap.witness is not None
    assert overlap.witness.in_words == (
        'envelope-completed of svc-erp@example.com with custom field Integration "HR"'
    )
    assert overlap.witness.sender_id == U567
    assert overlap.witness.custom_fields == {"Integration": ("HR",)}
    assert not found.is_clean


def test_two_that_are_apart_are_a_proof_with_its_reason() -> None:
    found = checked(*in_lane(filter={FIELD: "ERP"}))
    assert (found.pairs, found.apart) == (1, 1)
    [proof] = found.proofs
    assert proof.listeners == ("erp", "hr")
    assert FIELD in proof.reason
    assert found.is_clean


def test_fields_of_one_name_twice_are_told_once_a_lane_with_an_envelope() -> None:
    more = [one(f"l{n}", lane="write-back", filter={FIELD: f"I{n}"}) for n in range(4)]
    note = the(checked(*more), "repeated-field")
    assert note.severity == "note"
    assert "up to 6 pairs" in note.message
    assert note.witness is not None
    assert len(note.witness.custom_fields["Integration"]) == 2


@pytest.mark.parametrize(
    ("lane", "says"),
    [({"prefer": ["hr"]}, "hr gets it"), ({"on_crossing": "deliver"}, "both get it")],
)
def test_an_overlap_that_the_lane_settles_is_a_note(lane: dict[str, Any], says: str) -> None:
    lanes = [{"name": "write-back", "account": A1} | lane]
    overlap = the(checked(*in_lane(), lanes=lanes), "overlap")
    assert overlap.severity == "note"
    assert says in overlap.message


def test_listeners_of_no_lane_are_compared_only_when_all_are_and_then_as_a_note() -> None:
    pair = (one("erp"), one("audit"))
    assert of_rule(checked(*pair), "overlap") == []
    assert the(checked(*pair, is_all=True), "overlap").severity == "note"


def test_a_shadow_meets_nobody() -> None:
    erp, hr = in_lane()
    assert of_rule(checked(erp, hr | {"mode": "shadow"}), "overlap") == []


def test_what_is_too_much_to_decide_is_a_warning_and_no_proof() -> None:
    subject = "envelope.emailSubject"
    found = checked(
        one("a", lane="write-back", filter={subject: {"glob": "12*7"}}),
        one("b", lane="write-back", filter={subject: {"gt": 5, "lt": 6}}),
    )
    assert the(found, "overlap-not-decided").severity == "warning"
    assert found.apart == 0
    assert not found.is_clean


def test_more_pairs_than_are_compared_are_not_called_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pairs, "MOST_PAIRS", 2)
    found = checked(*(one(f"l{n}", lane="x", filter={FIELD: f"{n}"}) for n in range(3)))
    assert found.pairs == 2
    assert "first 2 pairs" in the(found, "overlap-not-decided").message


def test_findings_beyond_the_most_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "MOST_FINDINGS", 2)
    found = checked(*(one(f"l{n}", acknowledgement=False) for n in range(5)))
    assert found.left_out == {"acknowledgement-off": 3}


# --- what reaches nobody, or only others --------------------------------------------------------


def test_a_gap_is_told_in_the_terms_of_the_conditions() -> None:
    group = {"only": ["integrations"]}
    found = checked(one("erp", events=["Completed", "Declined", "Voided"], users=group))
    gap = the(found, "gap")
    assert gap.message == (
        "every envelope-completed, envelope-declined and envelope-voided reaches nobody,"
        " unless the sender is one of group integrations"
    )
    assert gap.severity == "note"
    assert gap.witness is not None
    assert gap.witness.sender_id not in {U123, U567}


def test_an_event_that_no_listener_names_is_a_gap_of_its_own() -> None:
    gap = the(checked(one("erp", events=["Completed", "Declined"])), "gap")
    assert gap.message == "no listener of Acme Corp wants envelope-voided"


def test_where_a_gap_is_not_decided_it_says_so() -> None:
    found = checked(one("a", account="Elsewhere", users={"except": ["team-a"]}), accounts=[])
    assert "is not decided: who is in group team-a is not known" in the(found, "gap").message


def test_an_audit_of_everything_leaves_no_gap() -> None:
    assert of_rule(checked(one("audit"), one("erp", filter={FIELD: "ERP"})), "gap") == []


def test_one_whose_wishes_all_go_to_those_preferred_is_covered() -> None:
    lanes = [{"name": "write-back", "account": A1, "prefer": ["erp"]}]
    found = checked(*in_lane(), lanes=lanes)
    assert of_rule(found, "covered") == []  # hr also wants other events than erp
    erp, hr = in_lane()
    found_out = the(checked(erp, hr | {"events": ["Completed"]}, lanes=lanes), "covered")
    assert found_out.listeners == ("hr", "erp")
    assert "preferred" in found_out.message or "prefers" in found_out.message


def test_one_whose_wishes_all_go_to_the_same_url_is_told_once() -> None:
    url = "https://erp.example.com/"
    found = checked(one("erp"), one("same", url=url), one("po", url=url, filter={FIELD: "PO"}))
    assert {each.listeners for each in of_rule(found, "covered")} == {
        ("erp", "same"),
        ("po", "erp"),
        ("po", "same"),
    }


def test_what_a_lane_keeps_from_arriving_twice_is_not_said_to() -> None:
    url = "https://erp.example.com/"
    erp, po = (one(name, url=url, lane="write-back") for name in ("erp", "po"))
    po |= {"filter": {FIELD: "PO"}}
    lane = {"name": "write-back", "account": A1}
    prefers = the(checked(erp, po, lanes=[lane | {"prefer": ["erp"]}]), "covered")
    assert prefers.message == "everything po wants goes to erp, which its lane prefers"
    assert of_rule(checked(erp, po, lanes=[lane]), "covered") == []
    twice = the(checked(erp, po, lanes=[lane | {"on_crossing": "deliver"}]), "covered")
    assert "arrives twice" in twice.message


def test_any_include_does_for_who_sent_and_for_the_subject() -> None:
    asked = {"envelope.emailSubject": "PO"}
    need = the(checked(one("a", filter=asked)), "missing-include")
    assert "some include, such as custom_fields, in eventData.includeData" in need.remedy


def test_conditions_that_contradict_each_other_are_impossible() -> None:
    both = {"all": [{FIELD: "ERP"}, {FIELD: "HR"}]}
    impossible = the(checked(one("erp", filter=both)), "impossible")
    assert impossible.severity == "warning"
    assert impossible.path == ("listeners", 0, "filter")
    assert impossible.message.endswith("(unless a field is there twice)")
    subjects = {"all": [{"envelope.emailSubject": "A"}, {"envelope.emailSubject": "B"}]}
    assert "unless" not in the(checked(one("erp", filter=subjects)), "impossible").message


# --- one by one -------------------------------------------------------------------------------


def test_an_unknown_event_is_told_in_its_place_with_the_likely_name() -> None:
    event = the(checked(one("erp", events=["Completed", "envelope-complet"])), "unknown-event")
    assert event.path == ("listeners", 0, "events", 1)
    assert event.remedy == "did you mean envelope-completed?"


def test_includes_that_filters_need_are_told_once_each() -> None:
    tabs = {"recipients.signers.tabs.textTabs.value": "x"}
    found = checked(
        one("a", filter={FIELD: "A"}), one("b", filter={FIELD: "B"}), one("c", filter=tabs)
    )
    told = {each.message for each in of_rule(found, "missing-include")}
    assert told == {
        "a and b look at what the include `custom_fields` brings",
        "c looks at what the include `recipients` brings",
        "c looks at what the include `tabs` brings",
    }


def test_a_filter_on_event_and_ids_needs_no_include() -> None:
    found = checked(
        one("a", filter={"sender.userId": U567}, users={"only": ["svc-erp@example.com"]})
    )
    assert of_rule(found, "missing-include") == []


def test_a_staging_listener_that_production_could_reach_is_an_error_with_an_envelope() -> None:
    acme = ACME | {"environment_field": "Env"}
    either = {"any": [{"customFields.Env": "staging"}, {"envelope.emailSubject": "TEST"}]}
    found = checked(one("stg", environment="staging", filter=either), accounts=[acme])
    finding = the(found, "environment")
    assert finding.severity == "error"
    assert finding.path == ("listeners", 0, "environment")
    assert finding.witness is not None
    assert finding.witness.subject == "TEST"
    insists = {"customFields.Env": "staging"}
    kept = checked(one("stg", environment="staging", filter=insists), accounts=[acme])
    assert of_rule(kept, "environment") == []


def test_a_label_without_a_field_that_carries_it_is_an_error() -> None:
    finding = the(checked(one("stg", environment="staging")), "environment")
    assert "environment_field" in finding.message


def test_every_rule_that_is_found_is_listed() -> None:
    found = checked(one("erp", events=["envelope-complet"], acknowledgement=False))
    assert {each.rule for each in found.findings} <= RULES.keys()


# --- an account that the file does not define ---------------------------------------------------


def test_a_file_may_name_accounts_and_groups_that_it_does_not_define() -> None:
    first = one("a", account="Elsewhere", lane="x", users={"only": ["team-a"]})
    second = one("b", account="Elsewhere", lane="x", users={"only": ["team-b"]})
    found = checked(first, second, accounts=[])
    assert the(found, "unknown-account").path == ("listeners", 0, "account")
    assert found.apart == 0
    assert the(found, "overlap-not-decided").severity == "warning"
    assert {each.severity for each in of_rule(found, "unknown-group")} == {"note"}


def test_keys_are_not_looked_at() -> None:
    keyed = ACME | {"keys": [{"env": "NOT_SET"}]}
    found = checked(one("erp", keys=[{"file": "gone"}]), accounts=[keyed])
    assert of_rule(found, "unusable") == []


# --- Docusign's configurations ------------------------------------------------------------------


def configuration(name: str, **keys: Any) -> dict[str, Any]:
    return {
        "connectId": f"22{len(name)}",
        "name": name,
        "urlToPublishTo": f"https://{name.lower()}.example.com/",
        "configurationType": "custom",
        "allowEnvelopePublish": "true",
        "allUsers": "true",
        "enableLog": "true",
        "requiresAcknowledgement": "true",
        "events": ["envelope-completed"],
        "eventData": {"version": "restv2.1", "includeData": ["recipients"]},
    } | keys


def configured(*bodies: Any) -> Checked:
    subject = reading.of_configurations({"configurations": list(bodies)})
    [found] = check.report([subject]).checked
    return found


def test_configurations_for_all_users_that_overlap_are_a_warning() -> None:
    found = configured(configuration("PROD"), configuration("STAGING"))
    overlap = the(found, "all-users-overlap")
    assert overlap.path == ("configurations", 1, "allUsers")
    assert overlap.witness is not None
    apart = configured(configuration("PROD"), configuration("X", events=["envelope-voided"]))
    assert of_rule(apart, "all-users-overlap") == []
    assert apart.is_clean


def test_all_users_and_all_but_some_overlap_too() -> None:
    but = {"allUsersExcept": "true", "userIds": [U567]}
    overlap = the(configured(configuration("PROD"), configuration("X", **but)), "all-users-overlap")
    assert "are both for all users, or all but some" in overlap.message
    only = {"allUsers": "false", "userIds": [U567]}
    assert configured(configuration("X", **but), configuration("ERP", **only)).is_clean
    unknown = {"allUsersExcept": "true", "groupIds": ["7001"]}
    assert configured(configuration("PROD"), configuration("X", **unknown)).is_clean


def test_two_for_all_users_at_one_url_are_told_though_neither_has_all_of_the_other() -> None:
    url = "https://one.example.com/"
    more = ({"events": ["envelope-completed", f"envelope-{one}"]} for one in ("sent", "voided"))
    first, second = (
        configuration(name, urlToPublishTo=url) | one for name, one in zip("AB", more, strict=True)
    )
    found = configured(first, second | {"connectId": "2"})
    assert "to the same URL twice" in the(found, "all-users-overlap").message


def test_acknowledgement_and_logging_left_off_are_warnings() -> None:
    body = configuration("ERP", requiresAcknowledgement="false")
    del body["enableLog"]
    found = configured(body)
    assert the(found, "acknowledgement-off").severity == "warning"
    assert the(found, "logging-off").severity == "warning"


def test_groups_and_users_by_id_are_never_apart_by_accident() -> None:
    some = {"allUsers": "false", "urlToPublishTo": "https://one.example.com/"}
    found = configured(
        configuration("A", groupIds=["11"], **some),
        configuration("BB", groupIds=["12"], **some),
        configuration("CCC", userIds=[U567], **some),
    )
    assert found.apart == 0
    assert len(of_rule(found, "overlap-not-decided")) == 3
    assert len(of_rule(found, "unknown-group")) == 2


@pytest.mark.parametrize(
    "document",
    [configuration("ERP"), [configuration("ERP")], {"Configurations": [configuration("ERP")]}],
)
def test_configurations_come_alone_in_a_list_or_wrapped(document: Any) -> None:
    assert reading.kind_of(document) == "Connect configurations"
    [household] = reading.of_configurations(document).households
    assert [each.listener.name for each in household.listeners] == ["ERP (223)"]


def test_a_configuration_that_docusign_would_refuse_is_a_finding_beside_the_others() -> None:
    found = configured(configuration("ERP"), {"name": "x"}, 7)
    assert [each.path for each in of_rule(found, "unusable")] == [
        ("configurations", 1),
        ("configurations", 2),
    ]
    assert found.listeners == 1


def test_what_no_configuration_includes_is_an_error_for_the_file_beside_it() -> None:
    document = {"accounts": [ACME], "listeners": [one("erp", filter={FIELD: "ERP"})]}

    def beside(*includes: str) -> Checked:
        data = {"version": "restv2.1", "includeData": list(includes)}
        subjects = [
            reading.of_document(document, NOTHING),
            reading.of_configurations(configuration("feed", eventData=data)),
        ]
        return check.report(subjects).checked[0]

    assert the(beside("recipients"), "missing-include").severity == "error"
    assert of_rule(beside("recipients", "custom_fields"), "missing-include") == []


def test_a_feed_in_xml_carries_the_custom_fields_without_being_told_to() -> None:
    document = {"accounts": [ACME], "listeners": [one("a", filter={FIELD: "A"})]}
    xml = configuration("OLD", deliveryMode="Aggregate", eventData={"version": "legacy"})
    feed = xml | {"events": [], "envelopeEvents": ["Completed"]}
    subjects = [reading.of_document(document, NOTHING), reading.of_configurations([feed])]
    assert of_rule(check.report(subjects).checked[0], "missing-include") == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*configuration("x"), *one("x"), "accounts", "listeners", "lanes"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def _as_document(document: Any) -> Subject:
    return reading.of_document(document, NOTHING)


@settings(max_examples=150, derandomize=True)
@given(ANYTHING)
def test_whatever_a_document_is_it_is_read_or_refused_in_words(document: Any) -> None:
    for read in (_as_document, reading.of_configurations):
        said = "read"
        try:
            check.report([read(document)])
        except PostroomError as refused:
            said = str(refused)
        assert said
