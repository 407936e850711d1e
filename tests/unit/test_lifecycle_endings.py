"""How an envelope ends, and what time does to it."""

import pytest
from msgspec.structs import replace
from tests.unit.lifecycle_cast import (
    LATER,
    START,
    action,
    document,
    envelope,
    events,
    play,
    recipient,
    refusal,
    sent,
)

from postroom.clock import SECOND
from postroom.envelopes.envelope import Action, Envelope, Reminders
from postroom.envelopes.lifecycle import (
    EXPIRED,
    act,
    due_action,
    next_at,
)
from postroom.envelopes.limits import Limits
from postroom.errors import DocusignError

DAY = 86_400 * SECOND


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


def purged(state: str, *, days: float = 14) -> Envelope:
    """Return an envelope whose purge was queued, and carried out when it was due."""
    start = sent(
        recipient(tabs={"textTabs": [{"tabLabel": "PO"}]}),
        documents=(replace(document(), tabs={"prefillTabs": {}}),),
        attachments=[{"attachmentId": "1"}],
    )
    ended = play(start, action("sign", "1")).envelope
    queued = act(
        ended, action("purge", purge_state=state), at=LATER, limits=Limits(purge_days=days)
    ).envelope
    due_at = next_at(queued)
    assert due_at == LATER + round(days * DAY)
    assert due_action(queued, due_at - 1) is None
    due = due_action(queued, due_at)
    assert due is not None
    step = act(queued, due, at=due_at)
    assert step.happenings == ()
    return step.envelope


def test_a_queued_purge_is_carried_out_in_time_and_told_of_no_more() -> None:
    done = purged("documents_queued")
    assert (done.purge_state, done.is_purged) == ("documents_purged", True)
    assert done.documents[0].tabs == {"prefillTabs": {}}
    assert done.recipients[0].tabs is not None
    assert done.trail[-1].message == "The purge was completed: documents_purged"
    assert next_at(done) is None
    assert act(done, action("complete-purge"), at=LATER + 99 * DAY).envelope is done


@pytest.mark.parametrize("what", ["documents_and_metadata", "documents_and_metadata_and_redact"])
def test_a_purge_of_metadata_takes_tabs_and_attachments_and_leaves_names(what: str) -> None:
    done = purged(f"{what}_queued", days=0.5)
    assert done.purge_state == f"{what}_purged"
    assert (done.documents[0].tabs, done.recipients[0].tabs, done.attachments) == (None, None, None)
    assert done.documents[0].name
    assert done.recipients[0].name


def test_a_purge_that_is_taken_back_is_not_carried_out_and_may_be_queued_again() -> None:
    ended = play(sent(), action("sign", "1")).envelope
    back = play(ended, action("purge"), action("purge", purge_state="documents_dequeued")).envelope
    assert (next_at(back), back.is_purged) == (None, False)
    assert refusal(back, "complete-purge") == "INVALID_REQUEST_PARAMETER"
    again = act(back, action("purge"), at=LATER).envelope
    assert next_at(again) == LATER + 14 * DAY


def test_what_is_purged_is_not_purged_again() -> None:
    done = purged("documents_queued")
    for state in ("documents_queued", "documents_and_metadata_queued", "documents_dequeued"):
        with pytest.raises(DocusignError, match="purged already: nothing is left"):
            act(done, action("purge", purge_state=state), at=LATER + 99 * DAY)


def test_the_documents_of_a_removed_envelope_are_purged_in_time() -> None:
    gone = play(sent(), "delete", "purge", "remove").envelope
    due_at = next_at(gone)
    assert due_at is not None
    assert act(gone, action("complete-purge"), at=due_at).envelope.is_purged


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
