"""The life of an envelope, verb by verb and by the type of recipient."""

from collections import Counter

import pytest
from msgspec.structs import replace
from tests.unit.lifecycle_cast import (
    LATER,
    ROLES,
    START,
    action,
    envelope,
    events,
    field,
    play,
    recipient,
    refusal,
    sent,
    statuses,
)

from postroom.clock import SECOND
from postroom.envelopes.envelope import Action, Role, Verb
from postroom.envelopes.lifecycle import (
    act,
    created,
)
from postroom.envelopes.turns import ending_verb
from postroom.errors import DocusignError

SIGNED = ["recipient-delivered 1", "envelope-delivered", "recipient-completed 1"]
MADE = ["recipient-sent 1", "envelope-sent"]
COMPLETED = [*MADE, *SIGNED, "envelope-completed"]


# --- from making to completing ----------------------------------------------------------------


def test_creating_tells_envelope_created_once_and_begins_the_trail() -> None:
    step = created(envelope())
    assert events(step) == ["envelope-created"]
    assert step.envelope.trail[0].action == "Registered"
    assert step.envelope.trail[0].at == START
    assert created(step.envelope).happenings == ()


def test_a_signer_that_opens_and_signs_completes_the_envelope() -> None:
    step = play(envelope(), "send", action("view", "1"), action("sign", "1"))
    assert events(step) == COMPLETED
    ended = step.envelope
    assert (ended.status, statuses(ended)) == ("completed", ["completed"])
    assert (ended.initial_sent_at, ended.sent_at) == (START + SECOND, START + SECOND)
    assert ended.delivered_at == START + 2 * SECOND
    assert ended.completed_at == ended.status_changed_at == ended.modified_at == START + 3 * SECOND
    signer = ended.recipients[0]
    assert (signer.sent_at, signer.delivered_at) == (START + SECOND, START + 2 * SECOND)
    assert (signer.signed_at, signer.completed_count) == (START + 3 * SECOND, 1)


def test_signing_without_having_opened_opens_first() -> None:
    assert events(play(envelope(), "send", action("sign", "1"))) == COMPLETED


def test_two_signers_in_sequence_are_each_told_of_when_it_is_their_turn() -> None:
    two = (recipient(1), recipient(2, routing_order=2))
    step = play(envelope(203, recipients=two), "send", action("sign", "1"), action("sign", "2"))
    assert events(step) == [
        *MADE,
        "recipient-delivered 1",
        "recipient-completed 1",
        "recipient-sent 2",
        "recipient-delivered 2",
        "envelope-delivered",
        "recipient-completed 2",
        "envelope-completed",
    ]
    assert len([one for one in events(step) if one.startswith("recipient-")]) == 6


def test_recipients_of_one_order_act_side_by_side_in_any_order() -> None:
    both = sent(recipient(1), recipient(2), recipient(3, routing_order=7))
    assert statuses(both) == ["sent", "sent", "created"]
    step = play(both, action("view", "2"), action("sign", "2"), action("sign", "1"))
    assert events(step) == [
        "recipient-delivered 2",
        "recipient-completed 2",
        "recipient-delivered 1",
        "recipient-completed 1",
        "recipient-sent 3",
    ]
    assert step.envelope.status == "sent"


def test_everybody_in_the_first_order_is_sent_to_before_the_envelope_is_said_to_be() -> None:
    step = play(envelope(recipients=(recipient(1), recipient(2))), "send")
    assert events(step) == ["recipient-sent 1", "recipient-sent 2", "envelope-sent"]


def test_the_envelope_is_delivered_when_the_last_has_opened_it() -> None:
    step = play(sent(recipient(1), recipient(2)), action("view", "1"), action("view", "2"))
    assert events(step) == ["recipient-delivered 1", "recipient-delivered 2", "envelope-delivered"]
    assert step.envelope.status == "delivered"


def test_a_recipient_whose_turn_has_not_come_may_not_act() -> None:
    start = sent(recipient(1), recipient(2, routing_order=2))
    assert refusal(start, "view", "2") == "RECIPIENT_NOT_IN_SEQUENCE"


def test_values_of_a_signing_go_into_the_tabs_by_their_labels() -> None:
    tabs = {
        "textTabs": [{"tabLabel": "PO", "value": ""}, {"tabLabel": "Other", "value": "kept"}],
        "checkboxTabs": [{"tabLabel": "Agree", "selected": "false"}],
    }
    start = sent(recipient(tabs=tabs))
    values = {"PO": "PO-7781", "Agree": True}
    signed = act(start, Action(verb="sign", recipient_id="1", tabs=values), at=LATER).envelope
    assert signed.recipients[0].tabs == {
        "textTabs": [
            {"tabLabel": "PO", "value": "PO-7781"},
            {"tabLabel": "Other", "value": "kept"},
        ],
        "checkboxTabs": [{"tabLabel": "Agree", "selected": "true"}],
    }
    assert start.recipients[0].tabs["textTabs"][0]["value"] == ""


@pytest.mark.parametrize("values", [{"Nope": "1"}, ["PO"], {"PO": 7}, {"PO": None}])
def test_values_for_no_tab_are_refused(values: object) -> None:
    start = sent(recipient(tabs={"textTabs": [{"tabLabel": "PO"}], "odd": 3}))
    with pytest.raises(DocusignError, match="tab") as caught:
        act(start, Action(verb="sign", recipient_id="1", tabs=values), at=LATER)
    assert caught.value.code == "INVALID_REQUEST_PARAMETER"


# --- the types of recipients ------------------------------------------------------------------


@pytest.mark.parametrize("role", [role for role in ROLES if ending_verb(role) == "sign"])
def test_whoever_signs_blocks_the_next_order_until_it_has(role: Role) -> None:
    start = sent(recipient(1, role=role), recipient(2, routing_order=2))
    step = play(start, action("sign", "1"))
    assert events(step) == ["recipient-delivered 1", "recipient-completed 1", "recipient-sent 2"]


def test_a_certified_delivery_is_done_when_opened_and_blocks_until_then() -> None:
    start = sent(recipient(1, role="certifiedDeliveries"), recipient(2, routing_order=2))
    assert statuses(start) == ["sent", "created"]
    step = play(start, action("view", "1"))
    assert events(step) == ["recipient-delivered 1", "recipient-completed 1", "recipient-sent 2"]
    assert step.envelope.recipients[0].signed_at is None
    assert refusal(start, "sign", "1") == "INVALID_RECIPIENT_ID"


def test_a_carbon_copy_is_done_when_sent_to_and_blocks_nobody() -> None:
    people = (recipient(1, role="carbonCopies"), recipient(2, routing_order=2))
    step = play(envelope(recipients=people), "send")
    assert events(step) == [
        "recipient-sent 1",
        "recipient-sent 2",
        "envelope-sent",
        "recipient-completed 1",
    ]
    assert statuses(step.envelope) == ["completed", "sent"]


def test_a_carbon_copy_at_the_end_gets_its_copy_before_the_envelope_completes() -> None:
    people = (recipient(1), recipient(2, routing_order=2, role="carbonCopies"))
    step = play(sent(*people), action("sign", "1"))
    assert events(step) == [
        *SIGNED,
        "recipient-sent 2",
        "recipient-completed 2",
        "envelope-completed",
    ]


def test_an_envelope_for_copies_alone_completes_without_being_opened() -> None:
    step = play(envelope(recipients=[recipient(role="carbonCopies")]), "send")
    assert events(step) == [*MADE, "recipient-completed 1", "envelope-completed"]


def test_a_seal_signs_by_itself_in_its_turn() -> None:
    people = (
        recipient(1),
        recipient(2, routing_order=2, role="seals"),
        recipient(3, routing_order=3),
    )
    step = play(sent(*people), action("sign", "1"))
    assert events(step)[2:] == ["recipient-sent 2", "recipient-completed 2", "recipient-sent 3"]
    assert step.envelope.recipients[1].signed_at == START + SECOND


@pytest.mark.parametrize("role", ["carbonCopies", "seals"])
@pytest.mark.parametrize("verb", ["sign", "decline", "finish-later"])
def test_who_never_acts_cannot_be_made_to(role: Role, verb: Verb) -> None:
    start = sent(recipient(1), recipient(2, role=role))
    assert refusal(start, verb, "2") == "INVALID_RECIPIENT_ID"


# --- what sending demands ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "lacking",
    [
        {"documents": ()},
        {"fields": (field("Integration", " ", is_required=True),)},
        {"recipients": (recipient(1), recipient(1))},
    ],
)
def test_an_incomplete_envelope_is_not_sent(lacking: dict[str, object]) -> None:
    assert refusal(replace(envelope(), **lacking), "send") == "ENVELOPE_IS_INCOMPLETE"


def test_an_envelope_without_recipients_is_not_sent() -> None:
    assert refusal(replace(envelope(), recipients=()), "send") == "ENVELOPE_IS_INCOMPLETE"


def test_a_required_field_with_a_value_and_an_optional_one_without_are_sent() -> None:
    fields = (field("Integration", "ERP", is_required=True), field("PO", ""))
    assert events(play(envelope(fields=fields), "send")) == MADE


# --- what goes wrong --------------------------------------------------------------------------


def test_declining_opens_first_and_ends_the_envelope() -> None:
    start = sent(recipient(1), recipient(2))
    step = act(start, action("decline", "2", reason="wrong price"), at=LATER)
    assert events(step) == ["recipient-delivered 2", "recipient-declined 2", "envelope-declined"]
    ended = step.envelope
    assert (ended.status, ended.declined_at) == ("declined", LATER)
    assert ended.recipients[1].declined_reason == "wrong price"
    assert refusal(ended, "sign", "1") == "ENVELOPE_INVALID_STATUS"


def test_the_only_signer_that_declines_has_the_envelope_delivered() -> None:
    step = play(sent(), action("decline", "1"))
    assert events(step)[:2] == ["recipient-delivered 1", "envelope-delivered"]


@pytest.mark.parametrize("verb", ["bounce", "auto-reply"])
def test_a_mail_that_comes_back_leaves_the_envelope_sent(verb: Verb) -> None:
    step = act(sent(), action(verb, "1", reason="no such mailbox"), at=LATER)
    assert events(step) == ["recipient-autoresponded 1"]
    assert step.envelope.status == "sent"
    assert statuses(step.envelope) == ["autoresponded"]
    assert step.envelope.recipients[0].autoresponded_reason == "no such mailbox"


def test_a_mail_that_was_opened_or_never_sent_cannot_come_back() -> None:
    opened = play(sent(), action("view", "1")).envelope
    assert refusal(opened, "bounce", "1") == "RECIPIENT_UPDATE_FAILED"
    embedded = sent(recipient(client_user_id="77"))
    assert refusal(embedded, "bounce", "1") == "INVALID_RECIPIENT_ID"


def test_a_bounced_recipient_that_is_corrected_is_sent_to_and_completes() -> None:
    step = play(
        sent(), action("bounce", "1"), action("correct", "1", email="new@example.com"),
        action("sign", "1"),
    )  # fmt: skip
    assert events(step) == [
        "recipient-autoresponded 1",
        "recipient-sent 1",
        *SIGNED,
        "envelope-completed",
    ]
    assert step.envelope.recipients[0].autoresponded_reason is None


def test_who_fails_its_authentication_is_locked_out_until_corrected() -> None:
    step = act(sent(), action("fail-authentication", "1"), at=LATER)
    assert events(step) == ["recipient-authenticationfailed 1"]
    assert (step.envelope.status, statuses(step.envelope)) == ("sent", ["sent"])
    for verb in ("view", "sign", "decline", "finish-later", "reassign"):
        assert refusal(step.envelope, verb, "1") == "USER_AUTHENTICATION_FAILED"
    again = play(step.envelope, action("correct", "1"), action("sign", "1"))
    assert events(again) == ["recipient-sent 1", *SIGNED, "envelope-completed"]


def test_who_was_locked_out_after_opening_may_not_open_again() -> None:
    start = play(sent(), action("view", "1"), action("fail-authentication", "1")).envelope
    assert refusal(start, "view", "1") == "USER_AUTHENTICATION_FAILED"


def test_resending_lets_in_who_was_locked_out_and_forgets_the_bounce() -> None:
    start = play(
        sent(recipient(1), recipient(2), recipient(3, routing_order=2)),
        action("fail-authentication", "1"),
        action("bounce", "2"),
    ).envelope
    step = act(start, action("resend"), at=LATER)
    assert events(step) == ["recipient-resent 1", "recipient-resent 2", "envelope-resent"]
    assert statuses(step.envelope) == ["sent", "sent", "created"]
    assert not step.envelope.recipients[0].is_locked_out
    assert (step.envelope.initial_sent_at, step.envelope.sent_at) == (start.initial_sent_at, LATER)


def test_resending_to_one_recipient_leaves_the_others_alone() -> None:
    step = act(sent(recipient(1), recipient(2)), action("resend", "2"), at=LATER)
    assert events(step) == ["recipient-resent 2", "envelope-resent"]


# --- a bulk send, scaled down (scenario S11) ---------------------------------------------------


def test_a_bulk_send_tells_as_many_of_each_event_as_the_scenario_counts() -> None:
    stories: list[tuple[Verb, int]] = [("sign", 245), ("decline", 3), ("bounce", 2)]
    told = Counter[str]()
    for verb, count in stories:
        opened = () if verb == "bounce" else (action("view", "1"),)
        for _ in range(count):
            told.update(events(play(envelope(), "send", *opened, action(verb, "1"))))
    assert told == {
        "envelope-sent": 250,
        "recipient-sent 1": 250,
        "recipient-autoresponded 1": 2,
        "recipient-delivered 1": 248,
        "envelope-delivered": 248,
        "recipient-completed 1": 245,
        "envelope-completed": 245,
        "recipient-declined 1": 3,
        "envelope-declined": 3,
    }


# --- the trail --------------------------------------------------------------------------------


def test_the_trail_says_who_did_what_and_in_which_status_the_envelope_was() -> None:
    start = created(envelope()).envelope
    ended = play(start, "send", action("view", "1"), action("sign", "1")).envelope
    assert [(one.user_name, one.action, one.envelope_status) for one in ended.trail] == [
        ("Sam Sender", "Registered", "created"),
        ("Sam Sender", "Sent Invitations", "sent"),
        ("Ann", "Viewed", "sent"),
        ("Ann", "Signed", "delivered"),
        ("Sam Sender", "Completed", "completed"),
    ]
    assert [one.at for one in ended.trail][-1] == START + 3 * SECOND
    assert all(one.message for one in ended.trail)
