"""Which options are advised: cases with one right answer, and what holds of every advice."""

import itertools

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.advice_cast import (
    A1,
    A2,
    IDS,
    about,
    advised,
    documents,
    facts,
    field,
    integration,
    options,
    why_not,
    worked_out,
)
from tests.unit.routing_cast import notification, summary

from postroom.model import Json, OwedState, Registry
from postroom.operations.lint import lint
from postroom.routing.advising import advice, wording
from postroom.routing.advising.steps import Step
from postroom.routing.match import Router

CRM, ERP = "crm@example.com", "erp@example.com"
BY_API = {"created_by_api": True, "code_can_change": True}


# cases


def test_a_field_that_nobody_sets_yet_is_left_alone_where_each_has_a_user_of_its_own() -> None:
    said = advised(integration("crm", CRM, field=field("CRM", "possible")), integration("erp", ERP))
    assert options(said) == {"crm": (4,), "erp": (4,)}
    assert "depends on every sender setting it" in why_not(said, "crm", 3)


def test_an_integration_is_not_moved_where_only_its_rival_has_to_be() -> None:
    said = advised(integration("crm", CRM), integration("erp", CRM), further_account=True)
    assert options(said) == {"crm": (4,), "erp": (1,)}


def test_a_user_who_sends_other_things_too_is_no_way_to_tell() -> None:
    said = advised(integration("crm", CRM, only_for_it=False), integration("erp", ERP))
    assert options(said) == {"crm": (), "erp": (4,)}
    assert why_not(said, "crm", 4) == f"{CRM} sends other envelopes too"


def test_users_of_one_group_are_the_same_users_by_whichever_name() -> None:
    said = advised(integration("crm", "services"), integration("erp", IDS[ERP]))
    assert options(said) == {"crm": (), "erp": ()}


def test_all_that_people_send_is_told_apart_from_what_services_send() -> None:
    said = advised(integration("hr", only_for_it=True), integration("erp", ERP))
    assert options(said) == {"hr": (4,), "erp": (4,)}
    assert "have not sent" in about(said, "hr").why


def test_what_is_not_marked_for_another_can_be_an_integrations_own() -> None:
    said = advised(integration("erp", CRM, field=field("ERP")), integration("vendor", CRM))
    assert options(said) == {"erp": (4, 3), "vendor": (4, 3)}
    assert "not marked for another" in about(said, "vendor").why
    assert any("forget to mark reaches vendor" in one for one in said.still_open)


def test_what_is_not_marked_is_nobodys_where_others_forget_to_mark() -> None:
    told = integration("erp", CRM, field=field("ERP", "sometimes"))
    said = advised(told, integration("vendor", CRM))
    assert options(said)["vendor"] == ()


def test_without_postroom_a_field_needs_a_listener_that_discards() -> None:
    told = [integration(n, CRM, field=field(n), listener_can_change=True) for n in ("a", "b")]
    said = advised(*told, postroom=False)
    assert options(said) == {"a": (4, 3), "b": (4, 3)}
    assert any("discard" in step for step in about(said, "a").to_do)


def test_without_postroom_the_envelopes_own_listener_comes_before_a_field_nobody_sets() -> None:
    told = [
        integration(n, CRM, field=field(n, "possible"), listener_can_change=True, **BY_API)
        for n in ("a", "b")
    ]
    assert options(advised(*told, postroom=False)) == {"a": (5,), "b": (5,)}
    assert options(advised(*told)) == {"a": (4, 3), "b": (4, 3)}


def test_who_may_not_administer_the_account_is_left_with_the_envelope() -> None:
    said = advised(integration("a", CRM, **BY_API), integration("b", ERP), may_configure=False)
    assert options(said) == {"a": (5,), "b": ()}
    assert "may make a Connect configuration" in why_not(said, "b", 4)


def test_what_its_envelopes_carry_does_not_keep_other_listeners_from_hearing_of_them() -> None:
    said = advised(integration("a", CRM, **BY_API, only_for_it=False), integration("b", CRM))
    assert options(said) == {"a": (5,), "b": ()}, "all that b could ask for are a's envelopes too"


def test_the_only_listener_of_a_sub_account_needs_nothing_more() -> None:
    said = advised(integration("crm", CRM), integration("uk", account="Sub", strict=True))
    assert options(said) == {"crm": (4,), "uk": (1,)}


def test_the_only_listener_of_an_account_may_take_everything() -> None:
    said = advised(integration("crm"))
    assert options(said) == {"crm": (2,)}
    assert "the only one of its account" in about(said, "crm").why


def test_strict_apartness_without_a_further_account_stays_open() -> None:
    said = advised(integration("crm", CRM, strict=True), integration("erp", ERP))
    assert options(said) == {"crm": (4,), "erp": (4,)}
    assert any("crm is to be strictly apart" in one for one in said.still_open)


def test_an_environment_that_nobody_filters_by_stays_open() -> None:
    said = advised(integration("crm", CRM, environment="live"), postroom=False)
    assert options(said) == {"crm": (4,)}
    assert any("crm is for live, and nobody filters by that" in one for one in said.still_open)


def test_fields_of_two_names_tell_nothing_apart() -> None:
    said = advised(
        integration("a", field=field("X", name="One")),
        integration("b", field=field("Y", name="Two")),
    )
    assert options(said) == {"a": (), "b": ()}


def test_a_hundred_integrations_of_few_users_are_all_proved_apart() -> None:
    users = [f"u{number}@example.com" for number in range(10)]
    told = facts(
        *(
            integration(f"i{number}", users[number % 10], field=field(f"V{number}"))
            for number in range(100)
        )
    )
    placed = advice.place(told)
    assert {one.step for one in placed.places} == {Step.USERS_AND_FIELD}
    assert (len(placed.pairs), {one.verdict for one in placed.pairs}) == (4950, {"apart"})


# what holds of every advice

senders = st.sampled_from((*IDS.values(), "5f0c1f3e-0000-4000-8000-0000000000c3"))
fields = st.dictionaries(
    st.sampled_from(("Integration", "Unit", "Env")),
    st.sampled_from(("CRM", "ERP", "erp ", "live", "test", "else")),
    max_size=3,
)
envelopes = st.lists(st.tuples(senders, fields), min_size=1, max_size=20)


@settings(max_examples=150)
@given(documents(), envelopes)
def test_no_envelope_reaches_two_that_want_their_own(
    said: Json, sent: list[tuple[str, dict[str, str]]]
) -> None:
    told, placed, _ = worked_out(said)
    assert {one.verdict for one in placed.pairs} <= {"apart"}
    listeners = {one.id: one for one in placed.listeners}
    accounts = {one.id: one for one in told.accounts}
    router = Router(Registry(revision=1, accounts=accounts, listeners=listeners, lanes={}))
    own = {one.name for one in told.integrations if not one.wants_all}
    for account, (sender, marks) in itertools.product((A1, A2), sent):
        one = notification(summary(marks), account_id=account, sender_id=sender)
        # What is held has reached nobody: the sender may be a user whom the directory lacks.
        matches = [m for m in router.match(one).matches if m.state is not OwedState.HELD]
        got = [listeners[match.listener_id].name for match in matches]
        assert len(own.intersection(got)) <= 1


@settings(max_examples=150)
@given(documents())
def test_nothing_can_be_said_against_what_is_written(said: Json) -> None:
    told, placed, files = worked_out(said)
    written: list[Json] = [files.configurations, *files.event_notifications.values()]
    listening = len(files.configurations["configurations"]) + len(files.left_out)
    assert listening == len(placed.listeners)
    found = [lint(msgspec.json.decode(msgspec.json.encode(one))).problems for one in written]
    found.append(lint(files.connect).problems)
    assert found == [()] * len(found)
    placed_as = {one.one.name for one in placed.places if one.step is Step.ENVELOPE}
    assert placed_as == set(files.event_notifications)
    assert len(told.integrations) == len(placed.places)


@settings(max_examples=100)
@given(documents())
def test_every_option_is_either_advised_or_passed_over_for_a_reason(said: Json) -> None:
    told, placed, _ = worked_out(said)
    for one in wording.tell(placed, told).recommendations:
        passed = [each.option for each in one.passed_over]
        assert sorted((*one.options, *passed)) == [1, 2, 3, 4, 5]
        assert all(each.why_not for each in one.passed_over)
        assert len(one.costs) == len(one.options)
        assert one.why


@settings(max_examples=100)
@given(documents())
def test_the_same_facts_get_the_same_advice(said: Json) -> None:
    assert worked_out(said)[1:] == worked_out(said)[1:]
