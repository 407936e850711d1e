"""Any envelope, lived through in any way: what may never happen to it."""

from collections.abc import Callable, Mapping
from typing import get_args

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)
from msgspec.structs import replace
from tests.unit.lifecycle_cast import ROLES, START, envelope, field, recipient

from postroom import vocabulary
from postroom.clock import SECOND
from postroom.envelopes.envelope import (
    FINAL_STATUSES,
    Action,
    Envelope,
    Happening,
    Recipient,
    Reminders,
    Step,
    Verb,
)
from postroom.envelopes.lifecycle import (
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

REPEATABLE = {"resend", "remind", "finish-later"}
"""The same only at the same moment."""
ACTIVE = {"sent", "delivered", "autoresponded"}
VERBS: tuple[Verb, ...] = get_args(Verb)
VERBS_OF_RECIPIENTS: tuple[Verb, ...] = (
    "view",
    "sign",
    "decline",
    "fail-authentication",
    "bounce",
    "auto-reply",
    "reassign",
    "delegate",
    "finish-later",
    "correct",
    "resend",
)
AFTER_THE_END = {"envelope-purge", "envelope-deleted", "envelope-removed"}
EDGES = {
    "created": {"sent", "completed", "deleted"},
    "sent": {"delivered", "completed", "declined", "voided", "deleted"},
    "delivered": {"sent", "completed", "declined", "voided", "deleted"},
    "completed": {"deleted"},
    "declined": {"deleted"},
    "voided": {"deleted"},
    "deleted": set(),
}
BEFORE = {
    "recipient-sent": {"created"},
    "recipient-delivered": {"sent", "autoresponded"},
    "recipient-completed": {"sent", "delivered"},
    "recipient-declined": {"delivered"},
    "recipient-autoresponded": {"sent"},
    "recipient-authenticationfailed": {"sent", "delivered", "autoresponded"},
    "recipient-resent": {"sent", "delivered", "autoresponded"},
    "recipient-reassign": {"sent", "delivered", "autoresponded"},
    "recipient-delegate": {"sent", "delivered", "autoresponded"},
    "recipient-finish-later": {"delivered"},
}
"""The statuses a recipient may be in when an event is told of it."""
LEADS_TO = {
    "recipient-sent": "sent",
    "recipient-delivered": "delivered",
    "recipient-completed": "completed",
    "recipient-declined": "declined",
    "recipient-autoresponded": "autoresponded",
    "recipient-reassign": "completed",
    "recipient-delegate": "completed",
}

recipients = st.lists(
    st.tuples(st.sampled_from(ROLES), st.integers(1, 3), st.sampled_from([None, "77"])),
    max_size=5,
    min_size=1,
).map(
    lambda drawn: tuple(
        recipient(number, role=role, routing_order=order, client_user_id=embedded)
        for number, (role, order, embedded) in enumerate(drawn, start=1)
    )
)
envelopes = st.builds(
    lambda people, value, is_required, reminders: replace(
        envelope(),
        recipients=people,
        fields=(field("Integration", value, is_required=is_required),),
        reminders=reminders,
    ),
    recipients,
    st.sampled_from(["ERP", "ERP", "ERP", ""]),
    st.booleans(),
    st.builds(
        Reminders,
        is_reminding=st.booleans(),
        is_expiring=st.booleans(),
        delay_days=st.integers(0, 3),
        frequency_days=st.integers(0, 3),
        expire_after_days=st.integers(0, 9),
    ),
)
actions = st.builds(
    Action,
    verb=st.sampled_from(VERBS),
    recipient_id=st.sampled_from(["1", "2", "3", "4", "5", "6", "nobody", None]),
    reason=st.sampled_from(["", "a reason", "x" * 501]),
    name=st.sampled_from([None, "Rita"]),
    email=st.sampled_from([None, "rita@example.com", "no address"]),
    purge_state=st.sampled_from(["documents_queued", "documents_dequeued", "burnt"]),
    tabs=st.sampled_from([None, {}, {"PO": "1"}]),
)


class Life(RuleBasedStateMachine):
    """One envelope, and everything that was told of it."""

    def __init__(self) -> None:
        super().__init__()
        self.envelope: Envelope = envelope()
        self.at = START

    @initialize(drawn=envelopes, is_sent=st.integers(0, 9).map(bool))
    def begin(self, drawn: Envelope, is_sent: bool) -> None:  # noqa: FBT001  # Hypothesis passes by position
        step = created(drawn)
        assert [one.event for one in step.happenings] == ["envelope-created"]
        self.envelope = step.envelope
        if is_sent:
            self.try_act(Action(verb="send"))

    @rule(action=actions)
    def do_anything(self, action: Action) -> None:
        self.try_act(action)

    @rule(verb=st.sampled_from(["send", "lock", "unlock", "resend", "remind"]))
    def do_to_the_envelope(self, verb: Verb) -> None:
        self.try_act(Action(verb=verb))

    @rule(verb=st.sampled_from(VERBS_OF_RECIPIENTS), place=st.integers(0, 5))
    def do_as_a_recipient(self, verb: Verb, place: int) -> None:
        active = [one for one in self.envelope.recipients if one.status in ACTIVE]
        if active:
            whose = active[place % len(active)].id
            self.try_act(Action(verb=verb, recipient_id=whose, email="new@example.com"))

    @rule(is_last_first=st.booleans())
    def let_everybody_whose_turn_it_is_act(self, is_last_first: bool) -> None:  # noqa: FBT001  # Hypothesis passes by position
        people = self.envelope.recipients
        for one in reversed(people) if is_last_first else people:
            verb = ending_verb(one.role)
            if one.status in ACTIVE and verb is not None:
                self.try_act(Action(verb=verb, recipient_id=one.id))

    @rule(
        changed=recipients,
        resend=st.booleans(),
        email=st.sampled_from(["ann@example.com", "new@example.com"]),
    )
    def correct(self, changed: tuple[Recipient, ...], resend: bool, email: str) -> None:  # noqa: FBT001  # Hypothesis passes by position
        people = [replace(one, email=email) for one in changed]
        self.live(
            lambda: correct_recipients(self.envelope, people, at=self.at, resend=resend),
            is_correction=True,
        )

    @rule(ids=st.lists(st.sampled_from(["1", "2", "3", "9"]), max_size=2))
    def remove(self, ids: list[str]) -> None:
        self.live(lambda: remove_recipients(self.envelope, ids, self.at))

    @rule(value=st.sampled_from(["ERP", "HR"]))
    def edit(self, value: str) -> None:
        self.live(lambda: set_fields(self.envelope, [field("Integration", value)], self.at))

    @rule()
    def let_time_pass(self) -> None:
        at = next_at(self.envelope)
        if at is None:
            assert due_action(self.envelope, 2**62) is None
            return
        due = due_action(self.envelope, at)
        assert due is not None
        self.at = max(self.at, at)
        step = self.try_act(due)
        assert step is not None
        assert step.happenings or step.envelope.is_purged

    @invariant()
    def nobody_of_a_later_order_waits_to_be_sent_to_for_nothing(self) -> None:
        if self.envelope.status in {"sent", "delivered"}:
            orders = [one.routing_order for one in blocking(self.envelope)]
            assert orders
            assert all(
                one.routing_order > min(orders)
                for one in self.envelope.recipients
                if one.status == "created"
            )

    @invariant()
    def an_envelope_is_completed_just_when_everybody_is_done(self) -> None:
        statuses = {one.status for one in self.envelope.recipients}
        if self.envelope.status in {"sent", "delivered"}:
            assert statuses != {"completed"}
        if self.envelope.status == "completed":
            assert statuses == {"completed"}

    def teardown(self) -> None:
        event(f"ended {self.envelope.status}")

    def try_act(self, action: Action) -> Step | None:
        is_correction = action.verb == "correct"
        step = self.live(
            lambda: act(self.envelope, action, at=self.at), is_correction=is_correction
        )
        if step is not None:
            self.does_nothing_again(step, action)
        return step

    def does_nothing_again(self, step: Step, action: Action) -> None:
        moments = [self.at] if action.verb in REPEATABLE else [self.at, self.at + SECOND]
        for at in moments:
            again = act(step.envelope, action, at=at)
            assert again.envelope is step.envelope
            assert again.happenings == ()

    def live(self, change: Callable[[], Step], *, is_correction: bool = False) -> Step | None:
        """Live through a change, if it is legal, and check all that may never be otherwise."""
        self.at += SECOND
        before = self.envelope
        try:
            step = change()
        except DocusignError:
            return None
        if step.envelope is before:
            assert step.happenings == ()
            return step
        self.envelope = step.envelope
        after = step.envelope
        assert after.modified_at == self.at
        assert after.trail[: len(before.trail)] == before.trail
        assert len(after.trail) > len(before.trail)
        check_statuses(before, after)
        check_told(before, step)
        check_recipients(before, step, is_correction=is_correction)
        return step


def blocking(envelope: Envelope) -> list[Recipient]:
    """Return those that somebody of a later order has to wait for."""
    return [
        one
        for one in envelope.recipients
        if one.role != "carbonCopies" and one.status != "completed"
    ]


def check_statuses(before: Envelope, after: Envelope) -> None:
    if after.status != before.status:
        assert after.status in EDGES[before.status]
        assert after.status_changed_at == after.modified_at
    else:
        assert after.status_changed_at == before.status_changed_at


def check_told(before: Envelope, step: Step) -> None:
    told = [one.event for one in step.happenings]
    assert set(told) <= vocabulary.EVENTS
    if before.status in FINAL_STATUSES:
        assert set(told) <= AFTER_THE_END
    for ending in ("completed", "declined", "voided"):
        has_ended = step.envelope.status == ending != before.status
        assert told.count(f"envelope-{ending}") == has_ended
        if has_ended:
            assert told[-1] == f"envelope-{ending}"
    if "envelope-completed" in told and any(one.startswith("recipient-") for one in told):
        assert told.index("envelope-completed") > told.index("recipient-completed")


def check_recipients(before: Envelope, step: Step, *, is_correction: bool) -> None:
    statuses = {one.id: "created" for one in step.envelope.recipients}
    statuses |= {one.id: one.status for one in before.recipients if one.id in statuses}
    for happening in step.happenings:
        if not happening.event.startswith("recipient-"):
            assert happening.recipient_id is None
            continue
        whose = happening.recipient_id
        assert whose in statuses
        is_again = is_correction and statuses[whose] in ACTIVE
        assert statuses[whose] in BEFORE[happening.event] or (
            happening.event == "recipient-sent" and is_again
        )
        if happening.event == "recipient-sent":
            check_order(step.envelope, statuses, whose)
        check_successor(before, step.envelope, happening)
        statuses[whose] = LEADS_TO.get(happening.event, statuses[whose])
        if happening.event == "recipient-resent":
            statuses[whose] = statuses[whose].replace("autoresponded", "sent")
    for one in step.envelope.recipients:
        starts_again = is_correction and one.status == "created"
        assert one.status == statuses[one.id] or starts_again


def check_order(envelope: Envelope, statuses: Mapping[str, str], whose: str) -> None:
    order = next(one.routing_order for one in envelope.recipients if one.id == whose)
    for one in envelope.recipients:
        if one.role != "carbonCopies" and one.routing_order < order:
            assert statuses[one.id] == "completed"


def check_successor(before: Envelope, after: Envelope, happening: Happening) -> None:
    if happening.event != "recipient-reassign":
        assert happening.reassigned_recipient_id is None
        return
    assert happening.reassigned_recipient_id in {one.id for one in after.recipients}
    assert happening.reassigned_recipient_id not in {one.id for one in before.recipients}


Life.TestCase.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
TestAnyLifeOfAnEnvelope = Life.TestCase
