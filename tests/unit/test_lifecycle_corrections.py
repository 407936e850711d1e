"""An envelope changed on its way: other people, corrections, locks, fields."""

from collections.abc import Callable

import pytest
from tests.unit.lifecycle_cast import (
    LATER,
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
from postroom.envelopes.envelope import Action, Envelope, Step, Verb
from postroom.envelopes.lifecycle import (
    act,
    correct_recipients,
    remove_recipients,
    set_fields,
)
from postroom.errors import DocusignError

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
