"""What an envelope of the account proves, and the events that are made up of it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.acceptance.cast import A1, envelope

from postroom.clock import SECOND
from postroom.envelopes import progress, rest_view
from postroom.envelopes.envelope import Envelope
from postroom.envelopes.sim_message import message
from postroom.esign import derived
from postroom.intake import normalise

NOW = 1_772_442_000 * SECOND
AT = NOW - 3600 * SECOND


def shown(event: str, *, signers: int = 1, recipient: str | None = None) -> Envelope:
    """Return an envelope as read back from what REST shows once an event happened."""
    state = progress.after(
        envelope(1, signers=signers, Integration="ERP"), event, at=AT, recipient_id=recipient
    )
    return read_back(state)


def read_back(state: Envelope) -> Envelope:
    summary = msgspec.json.encode(rest_view.list_view(state, frozenset({"recipients"})))
    return derived.envelope_of(summary, account_id=A1, envelope_id=state.id, at=NOW)


@pytest.mark.parametrize(
    ("event", "last"),
    [
        ("envelope-sent", ("envelope-sent", None)),
        ("envelope-completed", ("envelope-completed", None)),
        ("envelope-declined", ("envelope-declined", None)),
        ("envelope-voided", ("envelope-voided", None)),
        ("recipient-autoresponded", ("recipient-autoresponded", "1")),
    ],
)
def test_an_event_that_happened_is_proved(event: str, last: tuple[str, str | None]) -> None:
    assert last in {(one.event, one.recipient_id) for one in derived.proved(shown(event))}


def test_the_moments_are_those_that_the_account_tells() -> None:
    moments = {one.event: one.at for one in derived.proved(shown("envelope-voided"))}
    assert moments["envelope-voided"] == AT
    assert moments["envelope-sent"] < AT


def test_of_a_draft_nothing_is_proved() -> None:
    assert derived.proved(shown("envelope-created")) == ()


@pytest.mark.parametrize(
    ("event", "recipient"),
    [
        ("envelope-sent", None),
        ("envelope-completed", None),
        ("recipient-completed", "1"),
        ("envelope-delivered", None),
    ],
)
def test_what_is_made_up_has_the_id_of_the_genuine_message_of_that_moment(
    event: str, recipient: str | None
) -> None:
    state = shown("envelope-completed")
    told = next(one for one in derived.proved(state) if one.event == event)
    made_up = derived.notification(state, told, b"{}", is_xml_feed=False, now=NOW)
    body = message(envelope(1), event, at=told.at, recipient_id=recipient, include=["recipients"])
    genuine = normalise.normalise(
        body, account_id=A1, content_type="application/json", received_at=NOW
    )
    assert made_up.id == genuine.id
    assert (made_up.event, made_up.recipient_id, made_up.sender_id, made_up.occurred_at) == (
        genuine.event,
        genuine.recipient_id,
        genuine.sender_id,
        genuine.occurred_at,
    )
    read = normalise.normalise(
        made_up.body, account_id=A1, content_type="application/json", received_at=NOW
    )
    assert replace(read, origin="derived", configuration_id=None) == made_up


@pytest.mark.parametrize(
    ("distance_seconds", "is_same"), [(-600, True), (0.5, True), (600, True), (601, False)]
)
def test_a_genuine_event_is_known_by_its_moment(distance_seconds: float, is_same: bool) -> None:  # noqa: FBT001  # a parameter
    state = shown("envelope-sent")
    told = derived.proved(state)[0]
    made_up = derived.notification(state, told, b"{}", is_xml_feed=False, now=NOW)
    late = replace(made_up, origin="feed", occurred_at=told.at + round(distance_seconds * SECOND))
    assert derived.is_arrival_of(made_up, late) is is_same
    assert not derived.is_arrival_of(replace(made_up, origin="feed"), late)


def test_only_what_is_late_or_sent_again_is_compared() -> None:
    state = shown("envelope-sent")
    told = derived.proved(state)[0]
    one = derived.notification(state, told, b"{}", is_xml_feed=False, now=NOW)
    fresh = replace(one, occurred_at=NOW - 119 * SECOND)
    assert derived.is_late(one)
    assert not derived.is_late(fresh)
    assert derived.is_late(replace(fresh, retry_count=1))


_keys = st.sampled_from(
    [
        "status",
        "recipients",
        "signers",
        "recipientId",
        "recipientIdGuid",
        "sender",
        "userId",
        "sentDateTime",
        "signedDateTime",
        "completedDateTime",
        "statusChangedDateTime",
        "recipientAuthenticationStatus",
    ]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=6),
    max_leaves=20,
)


@given(st.dictionaries(_keys, _json, max_size=8))
def test_no_envelope_however_odd_makes_up_what_could_not_have_arrived(said: dict[str, Any]) -> None:
    summary = msgspec.json.encode(said)
    one = derived.envelope_of(
        summary, account_id=A1, envelope_id="e0000000-0000-4000-8000-000000000001", at=NOW
    )
    for told in derived.proved(one):
        for is_xml_feed in (False, True):
            made_up = derived.notification(one, told, summary, is_xml_feed=is_xml_feed, now=NOW)
            read = normalise.normalise(
                made_up.body, account_id=A1, content_type="application/json", received_at=NOW
            )
            assert read.is_readable
            assert read.event == made_up.event
