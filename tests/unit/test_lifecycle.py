"""The life of an envelope, verb by verb and by the type of recipient."""

from collections import Counter
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.unit.lifecycle_cast import (
    ROLES,
    START,
    action,
    envelope,
    events,
    field,
    play,
    recipient,
    sent,
)

from postroom.clock import SECOND
from postroom.envelopes.envelope import Action, Envelope, Reminders, Role, Step, Verb
from postroom.envelopes.lifecycle import (
    EXPIRED,
    act,
    correct_recipients,
    created,
    due_action,
    next_at,
    remove_recipients,
    set_fields,
)
from postroom.envelopes.turns import ending_verb
from postroom.errors import DocusignError

LATER = START + 3600 * SECOND
DAY = 86_400 * SECOND
SIGNED = ["recipient-delivered 1", "envelope-delivered", "recipient-completed 1"]
MADE = ["recipient-sent 1", "envelope-sent"]
COMPLETED = [*MADE, *SIGNED, "envelope-completed"]


def refusal(start: Envelope, verb: Verb, recipient_id: str | None = None) -> str:
    with pytest.raises(DocusignError) as caught:
        act(start, action(verb, recipient_id), at=LATER)
    message = str(caught.value)
    assert message.endswith(".")
    assert message.count(":") >= 1 or message.startswith("Give ")
    return caught.value.code


def statuses(start: Envelope) -> list[str]:
    return [one.status for one in start.recipients]


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


# --- other people -----------------------------------------------------------------------------


def test_who_reassigns_is_replaced_and_gets_a_copy() -> None:
    step = play(sent(recipient(1), recipient(2, routing_order=2)), action("reassign", "1"))
    assert events(step) == ["recipient-reassign 1", "recipient-sent 3"]
    assert step.happenings[0].reassigned_recipient_id == "3"
    successor, old, _ = step.envelope.recipients
    assert (successor.name, successor.email) == ("Rita", "rita@example.com")
    assert (successor.role, successor.routing_order, successor.status) == ("signers", 1, "sent")
    assert (old.role, old.status, old.reassigned_to) == ("carbonCopies", "completed", "3")
    assert events(play(step.envelope, action("sign", "3")))[-1] == "recipient-sent 2"


def test_a_delegation_tells_only_who_delegates() -> None:
    step = play(sent(), action("delegate", "1"))
    assert events(step) == ["recipient-delegate 1", "recipient-sent 2"]
    assert step.happenings[0].reassigned_recipient_id is None


def test_an_envelope_whose_reader_reassigns_is_no_longer_delivered() -> None:
    start = play(sent(), action("view", "1")).envelope
    step = act(start, action("reassign", "1"), at=LATER)
    assert (step.envelope.status, step.envelope.delivered_at) == ("sent", None)
    assert events(play(step.envelope, action("view", "2")))[-1] == "envelope-delivered"


def test_reassigning_is_refused_where_the_envelope_forbids_it_or_nobody_is_named() -> None:
    assert refusal(sent(options={"allowReassign": "false"}), "reassign", "1") == (
        "USER_LACKS_PERMISSIONS"
    )
    with pytest.raises(DocusignError, match="address"):
        act(sent(), Action(verb="reassign", recipient_id="1", name="Rita"), at=LATER)


def test_handing_over_again_to_the_same_person_changes_nothing() -> None:
    start = play(sent(), action("reassign", "1")).envelope
    assert act(start, action("reassign", "1"), at=LATER).envelope is start


def test_handing_over_to_a_second_person_is_refused_once_handed_over() -> None:
    start = play(sent(), action("reassign", "1")).envelope
    with pytest.raises(DocusignError):
        act(start, action("reassign", "1", email="other@example.com"), at=LATER)


def test_who_finishes_later_has_opened_and_can_sign_another_day() -> None:
    start = sent()
    step = play(start, action("finish-later", "1"), action("sign", "1"))
    assert events(step) == [
        "recipient-delivered 1",
        "envelope-delivered",
        "recipient-finish-later 1",
        "recipient-completed 1",
        "envelope-completed",
    ]


@pytest.mark.parametrize("verb", ["resend", "remind"])
def test_what_is_meant_to_be_done_again_is_told_again_at_another_moment(verb: Verb) -> None:
    once = act(sent(), action(verb), at=LATER)
    assert act(once.envelope, action(verb), at=LATER).happenings == ()
    assert act(once.envelope, action(verb), at=LATER + 1).happenings == once.happenings


# --- corrections ------------------------------------------------------------------------------


def test_correcting_under_a_lock_is_told_when_the_lock_is_removed() -> None:
    step = play(
        sent(), "lock", action("correct", "1", email="new@example.com"), "unlock", "lock", "unlock"
    )
    assert events(step) == ["recipient-sent 1", "envelope-corrected"]
    assert not step.envelope.is_locked


def test_a_lock_removed_after_the_end_tells_of_no_correction() -> None:
    corrected = action("correct", "1", email="new@example.com")
    step = play(sent(), "lock", corrected, action("void"), "unlock")
    assert events(step) == ["recipient-sent 1", "envelope-voided"]
    assert not step.envelope.is_locked


def test_correcting_without_a_lock_does_not_tell_envelope_corrected() -> None:
    step = play(sent(), action("correct", "1", email="new@example.com"), "lock", "unlock")
    assert events(step) == ["recipient-sent 1"]


def test_a_lock_keeps_recipients_from_acting() -> None:
    start = play(sent(), "lock").envelope
    assert refusal(start, "sign", "1") == "EDIT_LOCK_ENVELOPE_LOCKED"


def test_an_ended_envelope_cannot_be_locked() -> None:
    ended = play(sent(), action("void")).envelope
    assert refusal(ended, "lock") == "EDIT_LOCK_INVALID_STATE_FOR_LOCK"


def test_a_correction_of_one_whose_turn_has_not_come_waits_for_it() -> None:
    start = sent(recipient(1), recipient(2, routing_order=2))
    step = play(start, action("correct", "2", email="new@example.com"), action("sign", "1"))
    assert events(step)[-1] == "recipient-sent 2"
    assert events(step).count("recipient-sent 2") == 1
    assert step.envelope.recipients[1].email == "new@example.com"


def test_who_is_done_cannot_be_corrected() -> None:
    start = play(sent(recipient(1), recipient(2)), action("sign", "1")).envelope
    with pytest.raises(DocusignError) as caught:
        act(start, action("correct", "1", email="new@example.com"), at=LATER)
    assert caught.value.code == "RECIPIENT_UPDATE_FAILED"


def test_a_draft_is_corrected_in_silence() -> None:
    step = act(envelope(), action("correct", "1", name="Anna"), at=LATER)
    assert events(step) == []
    assert step.envelope.recipients[0].name == "Anna"
    assert step.envelope.modified_at == LATER


def test_merged_recipients_keep_how_far_they_have_come() -> None:
    start = play(sent(recipient(1), recipient(2)), action("view", "1")).envelope
    changed = [recipient(1, note="soon, please"), recipient(2, email="new@example.com")]
    step = correct_recipients(start, changed, at=LATER, resend=False)
    assert events(step) == ["recipient-sent 2"]
    first, second = step.envelope.recipients
    assert (first.note, first.status) == ("soon, please", "delivered")
    assert (second.email, second.status, second.sent_at) == ("new@example.com", "sent", LATER)
    assert (step.envelope.sent_at, step.envelope.initial_sent_at) == (LATER, START + SECOND)


def test_resending_with_merged_recipients_resends_to_those_that_do_not_start_again() -> None:
    start = sent(recipient(1), recipient(2), recipient(3))
    changed = [recipient(1), recipient(2, email="new@example.com")]
    step = correct_recipients(start, changed, at=LATER, resend=True)
    assert events(step) == ["recipient-resent 1", "envelope-resent", "recipient-sent 2"]
    assert step.envelope.recipients[0].sent_at == LATER


def test_merged_recipients_that_change_nothing_change_nothing() -> None:
    start = play(sent(recipient(1), recipient(2)), action("sign", "1")).envelope
    step = correct_recipients(start, start.recipients, at=LATER, resend=False)
    assert step.envelope is start
    assert step.happenings == ()


def test_a_recipient_added_on_the_way_is_sent_to_when_it_is_its_turn() -> None:
    added = [recipient(2), recipient(3, routing_order=2)]
    step = correct_recipients(sent(), added, at=LATER, resend=False)
    assert events(step) == ["recipient-sent 2"]
    assert statuses(step.envelope) == ["sent", "sent", "created"]


def test_a_recipient_moved_to_a_later_order_waits_again() -> None:
    start = sent(recipient(1), recipient(2))
    step = correct_recipients(start, [recipient(1, routing_order=2)], at=LATER, resend=False)
    assert statuses(step.envelope) == ["created", "sent"]
    assert events(play(step.envelope, action("sign", "2")))[-1] == "recipient-sent 1"


@pytest.mark.parametrize(
    "change",
    [
        lambda ended: correct_recipients(ended, [recipient(2)], at=LATER, resend=True),
        lambda ended: remove_recipients(ended, ["1"], LATER),
        lambda ended: set_fields(ended, (), LATER),
        lambda ended: act(ended, action("correct", "1"), at=LATER),
    ],
)
def test_an_ended_envelope_is_not_corrected(change: Callable[[Envelope], Step]) -> None:
    with pytest.raises(DocusignError) as caught:
        change(play(sent(), action("sign", "1")).envelope)
    assert caught.value.code == "ENVELOPE_INVALID_STATUS"


def test_removing_who_is_waited_for_gives_the_next_their_turn() -> None:
    start = sent(recipient(1), recipient(2, routing_order=2))
    assert events(remove_recipients(start, ["1"], LATER)) == ["recipient-sent 2"]


def test_removing_the_last_who_has_to_act_completes_the_envelope() -> None:
    start = play(sent(recipient(1), recipient(2)), action("sign", "1")).envelope
    step = remove_recipients(start, ["2"], LATER)
    assert events(step) == ["envelope-delivered", "envelope-completed"]


def test_who_is_done_or_unknown_or_the_last_is_not_removed() -> None:
    start = play(sent(recipient(1), recipient(2)), action("sign", "1")).envelope
    for ids, code in (
        (["1"], "RECIPIENT_UPDATE_FAILED"),
        (["9"], "UNKNOWN_ENVELOPE_RECIPIENT"),
    ):
        with pytest.raises(DocusignError) as caught:
            remove_recipients(start, ids, LATER)
        assert caught.value.code == code
    with pytest.raises(DocusignError, match="void it"):
        remove_recipients(sent(), ["1"], LATER)
    assert remove_recipients(envelope(), ["1"], LATER).envelope.recipients == ()


def test_fields_edited_under_a_lock_make_a_correction() -> None:
    start = play(sent(), "lock").envelope
    step = set_fields(start, [field("Integration", "HR")], LATER)
    assert step.envelope.fields[0].value == "HR"
    assert events(play(step.envelope, "unlock")) == ["envelope-corrected"]
    assert set_fields(step.envelope, step.envelope.fields, LATER).envelope is step.envelope


# --- how it ends ------------------------------------------------------------------------------


def test_voiding_needs_a_reason_and_tells_it() -> None:
    step = act(sent(), action("void", reason="Wrong file"), at=LATER)
    assert events(step) == ["envelope-voided"]
    assert (step.envelope.status, step.envelope.voided_at) == ("voided", LATER)
    assert step.envelope.voided_reason == "Wrong file"
    with pytest.raises(DocusignError, match="voidedReason"):
        act(sent(), Action(verb="void"), at=LATER)
    with pytest.raises(DocusignError, match="voidedReason"):
        act(sent(), Action(verb="void", reason="x" * 201), at=LATER)


def test_only_what_is_in_process_is_voided() -> None:
    for start in (envelope(), play(sent(), action("sign", "1")).envelope):
        assert refusal(start, "void") == "ENVELOPE_CANNOT_VOID_INVALID_STATE"


def test_an_expired_envelope_is_voided_with_a_reason_that_says_so() -> None:
    step = act(sent(), action("expire"), at=LATER)
    assert events(step) == ["envelope-voided"]
    assert step.envelope.voided_reason == EXPIRED
    assert "expired" in EXPIRED


def test_purging_tells_each_new_state_and_only_of_what_has_ended() -> None:
    ended = play(sent(), action("sign", "1")).envelope
    step = play(
        ended,
        action("purge"),
        action("purge"),
        action("purge", purge_state="documents_dequeued"),
    )
    assert events(step) == ["envelope-purge", "envelope-purge"]
    assert step.envelope.purge_state == "documents_dequeued"
    assert step.envelope.status == "completed"
    assert refusal(sent(), "purge") == "ENVELOPE_INVALID_STATUS"
    for state in ("unpurged", "documents_dequeued"):
        with pytest.raises(DocusignError, match=r"purge"):
            act(ended, action("purge", purge_state=state), at=LATER)


def test_a_sent_envelope_is_deleted_and_a_draft_discarded() -> None:
    deleted = play(sent(), "delete")
    assert events(deleted) == ["envelope-deleted"]
    discarded = play(envelope(), "discard")
    assert events(discarded) == ["envelope-discard"]
    for ended in (deleted.envelope, discarded.envelope):
        assert (ended.status, ended.folder) == ("deleted", "recyclebin")
        assert ended.deleted_at == START + SECOND
    assert refusal(envelope(), "delete") == "ENVELOPE_INVALID_STATUS"
    assert refusal(sent(), "discard") == "ENVELOPE_INVALID_STATUS"


def test_a_removed_envelope_is_no_more() -> None:
    step = play(sent(), "delete", "remove", "remove")
    assert events(step) == ["envelope-deleted", "envelope-removed"]
    assert refusal(step.envelope, "purge") == "ENVELOPE_DOES_NOT_EXIST"
    assert refusal(sent(), "remove") == "ENVELOPE_INVALID_STATUS"


def test_an_action_by_nobody_or_by_somebody_unknown_is_refused() -> None:
    assert refusal(sent(), "sign") == "INVALID_RECIPIENT_ID"
    assert refusal(sent(), "sign", "9" * 1000) == "UNKNOWN_ENVELOPE_RECIPIENT"


def test_a_draft_has_no_recipients_that_act() -> None:
    assert refusal(envelope(), "view", "1") == "ENVELOPE_INVALID_STATUS"


def test_a_verb_of_another_world_is_refused() -> None:
    with pytest.raises(DocusignError, match="no such action"):
        act(sent(), Action(verb="frobnicate"), at=LATER)  # type: ignore[arg-type]  # the point


def test_a_reason_without_end_is_refused() -> None:
    with pytest.raises(DocusignError, match="at most 500"):
        act(sent(), action("decline", "1", reason="x" * 501), at=LATER)


# --- what time does ---------------------------------------------------------------------------


def test_an_envelope_expires_the_given_days_after_it_was_first_sent() -> None:
    start = sent(reminders=Reminders(expire_after_days=3))
    moment = START + SECOND + 3 * DAY
    assert next_at(start) == moment
    assert due_action(start, moment - 1) is None
    assert due_action(start, moment) == Action(verb="expire")
    assert next_at(act(start, action("resend"), at=LATER).envelope) == moment


def test_reminders_come_after_the_delay_and_then_at_their_frequency_until_it_expires() -> None:
    reminders = Reminders(is_reminding=True, delay_days=2, frequency_days=3, expire_after_days=9)
    start = sent(reminders=reminders)
    told: list[tuple[int, str]] = []
    now = START + 30 * DAY
    while (due := due_action(start, now)) is not None:
        at = next_at(start)
        assert at is not None
        step = act(start, due, at=at)
        start = step.envelope
        told += [((at - START) // DAY, event) for event in events(step)]
    assert told == [
        (2, "envelope-reminder-sent"),
        (5, "envelope-reminder-sent"),
        (8, "envelope-reminder-sent"),
        (9, "envelope-voided"),
    ]


def test_time_does_nothing_to_a_draft_nor_to_what_has_ended_nor_without_end() -> None:
    never = Reminders(is_expiring=False)
    for start in (envelope(), play(sent(), action("void")).envelope, sent(reminders=never)):
        assert next_at(start) is None
        assert due_action(start, START + 10_000 * DAY) is None


def test_an_envelope_that_expires_does_not_remind_at_the_same_moment() -> None:
    reminders = Reminders(is_reminding=True, frequency_days=2, expire_after_days=2)
    assert due_action(sent(reminders=reminders), START + 3 * DAY) == Action(verb="expire")


def test_without_a_delay_the_first_reminder_comes_at_the_frequency() -> None:
    reminders = Reminders(is_reminding=True, frequency_days=2, expire_after_days=9)
    assert next_at(sent(reminders=reminders)) == START + SECOND + 2 * DAY


def test_one_reminder_is_sent_where_no_frequency_is_given() -> None:
    reminders = Reminders(is_reminding=True, delay_days=1, is_expiring=False)
    start = sent(reminders=reminders)
    assert next_at(start) == START + SECOND + DAY
    assert next_at(act(start, action("remind"), at=LATER).envelope) is None


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
