"""What a state tells beside the one before it: no event invented, none lost (S9)."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from postroom.intake.snapshot_diff import RecipientState, Snapshot, events, is_stale, news, told

ENVELOPE = "e0000000-0000-4000-8000-000000000901"
FIRST, SECOND = "b0000000-0000-4000-8000-000000000001", "b0000000-0000-4000-8000-000000000002"


def state(recipient_id: str = FIRST, status: str = "sent", **more: Any) -> RecipientState:
    return RecipientState(id=recipient_id, status=status, **({"sent_at": 10} | more))


def snapshot(*recipients: RecipientState, at: int = 100, **more: Any) -> Snapshot:
    given_: dict[str, Any] = {"status": "sent", "created_at": 1, "sent_at": 10}
    return Snapshot(envelope_id=ENVELOPE, generated_at=at, recipients=recipients, **(given_ | more))


WAITING = RecipientState(id=SECOND, status="created")
SIGNED = state(status="completed", delivered_at=20, signed_at=30)


def test_one_message_tells_that_one_has_signed_and_the_next_was_sent_to() -> None:
    before = snapshot(state(status="delivered", delivered_at=20), WAITING, at=25)
    after = snapshot(SIGNED, state(SECOND, sent_at=31), sent_at=31, at=32)
    assert events(before, after) == (("recipient-completed", FIRST), ("recipient-sent", SECOND))


def test_the_first_state_tells_all_that_led_to_it_in_order() -> None:
    done = snapshot(SIGNED, status="completed", delivered_at=20, completed_at=30)
    assert events(None, done) == (
        ("envelope-sent", None),
        ("recipient-sent", FIRST),
        ("recipient-delivered", FIRST),
        ("envelope-delivered", None),
        ("recipient-completed", FIRST),
        ("envelope-completed", None),
    )


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("completed", "envelope-completed"),
        ("declined", "envelope-declined"),
        ("voided", "envelope-voided"),
        ("timedout", "envelope-voided"),
        ("deleted", "envelope-deleted"),
    ],
)
def test_how_an_envelope_ended_is_told_last(status: str, event: str) -> None:
    end = snapshot(SIGNED, status=status, sent_at=99)
    assert events(snapshot(SIGNED, at=50), end) == ((event, None),)
    assert events(None, end)[-1] == (event, None)


def test_a_draft_is_told_of_by_its_own_message_only() -> None:
    draft = snapshot(status="created", sent_at=None)
    assert events(None, draft) == (("envelope-created", None),)
    assert events(draft, snapshot(at=101)) == (("envelope-sent", None),)


def test_the_same_state_again_tells_nothing() -> None:
    again = snapshot(SIGNED, at=101)
    assert events(snapshot(SIGNED), again) == ()
    assert not is_stale(snapshot(SIGNED), again)


def test_an_older_state_tells_nothing_and_is_stale() -> None:
    older = snapshot(SIGNED, status="completed", at=99)
    assert events(snapshot(state()), older) == ()
    assert is_stale(snapshot(state()), older)
    assert not is_stale(None, older)


def test_a_bounce_is_told_each_time_it_shows_anew() -> None:
    sent, bounced = snapshot(state()), snapshot(state(status="autoresponded"))
    assert events(sent, bounced) == (("recipient-autoresponded", FIRST),)
    assert events(bounced, sent) == ()
    assert events(sent, bounced) == (("recipient-autoresponded", FIRST),)


def test_a_failed_authentication_is_told_at_its_moment() -> None:
    failed = snapshot(state(failed_at=15))
    (one,) = news(snapshot(state()), failed)
    assert (one.event, one.at) == ("recipient-authenticationfailed", 15)


def test_a_copy_is_told_sent_and_completed_but_not_opened() -> None:
    copy = snapshot(state(status="completed"), status="completed", completed_at=30)
    of_copy = [event for event, who in events(None, copy) if who]
    assert of_copy == ["recipient-sent", "recipient-completed"]


# --- whole lives ---

STEPS = ("sent", "delivered", "completed")


@st.composite
def lives(draw: st.DrawFn) -> list[Snapshot]:
    """Return every state of one envelope's life, from sending to some end."""
    count = draw(st.integers(1, 4))
    done = dict.fromkeys((f"b{number}" for number in range(count)), 0)
    moments: dict[str, dict[str, int]] = {one: {} for one in done}
    at, taken = 10, []
    whole = snapshot(*(RecipientState(id=one, status="created") for one in done), at=at)
    states = [whole]
    for _ in range(draw(st.integers(0, 3 * count))):
        open_ = [one for one, steps in done.items() if steps < len(STEPS)]
        if not open_:
            break
        one = draw(st.sampled_from(open_))
        at += draw(st.integers(0, 3))
        step = STEPS[done[one]]
        done[one] += 1
        moments[one][{"completed": "signed_at"}.get(step, f"{step}_at")] = at
        taken.append((f"recipient-{step}", one))
        whole = replace(
            whole,
            generated_at=at,
            sent_at=at if step == "sent" else whole.sent_at,
            recipients=tuple(
                RecipientState(
                    id=one, status=STEPS[steps - 1] if steps else "created", **moments[one]
                )
                for one, steps in done.items()
            ),
        )
        states.append(whole)
    end = draw(st.sampled_from(["none", "voided", "declined", "completed"]))
    if end != "none":
        states.append(replace(whole, status=end, generated_at=at + 1))
    return states


def followed(states: list[Snapshot]) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    previous = None
    for current in states:
        found += events(previous, current)
        previous = current
    return found


@given(lives(), st.data())
def test_a_skipped_message_neither_loses_nor_invents_an_event(
    life: list[Snapshot], data: st.DataObject
) -> None:
    whole = followed(life)
    kept = [one for one in life[:-1] if data.draw(st.booleans())] + [life[-1]]
    assert Counter(followed(kept)) == Counter(whole)
    assert max(Counter(whole).values()) == 1


@given(lives())
def test_what_is_told_is_what_happened(life: list[Snapshot]) -> None:
    happened = {
        (f"recipient-{step}", one.id)
        for one in life[-1].recipients
        for step in STEPS[: STEPS.index(one.status) + 1 if one.status in STEPS else 0]
    }
    whole = followed(life)
    assert {one for one in whole if one[1]} == happened
    for recipient in life[-1].recipients:
        order = [event for event, who in whole if who == recipient.id]
        assert order == [f"recipient-{step}" for step in STEPS[: len(order)]]


@given(lives())
def test_moments_never_go_back_and_never_pass_the_message(life: list[Snapshot]) -> None:
    for one in life:
        moments = [event.at for event in told(one)]
        assert moments == sorted(moments)
        assert all(at <= one.generated_at for at in moments)


@given(lives(), st.randoms())
def test_in_whatever_order_messages_come_nothing_is_told_twice(
    life: list[Snapshot], random: Any
) -> None:
    shuffled = list(life)
    random.shuffle(shuffled)
    found: list[tuple[str, str | None]] = []
    previous = None
    for current in shuffled:
        found += events(previous, current)
        if not is_stale(previous, current):
            previous = current
    assert Counter(found) <= Counter(set(followed(life)))
