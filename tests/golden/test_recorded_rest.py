"""What is answered about envelopes has the shape of the answers recorded from the service."""

from itertools import count
from typing import get_args

import pytest
from tests.golden.shapes import Json, differences, recorded, shape_of

from postroom.clock import SECOND
from postroom.envelopes import definition, lifecycle, rest_view
from postroom.envelopes.envelope import Action, Envelope, Sender, Verb
from postroom.model import Account

CREATED_AT = 1_782_303_330_153_000
"""2026-06-24T12:15:30.153Z."""
ACCOUNT = Account(id="a1000000-0000-4000-8000-000000000001", name="Acme")
SENDER = Sender(
    user_id="5f0c1f3e-0000-4000-8000-000000000123",
    name="Sam Sender",
    email="sam@example.com",
    ip_address="192.0.2.10",
)


def asked_for() -> Json:
    return recorded("create-envelope.json")[0]["request"]["data"]


def draft(**otherwise: Json) -> Envelope:
    numbers = count(1)
    read = definition.read_definition(
        asked_for() | otherwise,
        account=ACCOUNT,
        sender=SENDER,
        envelope_id="e0000000-0000-4000-8000-000000000101",
        now=CREATED_AT,
        new_guid=lambda: f"f0000000-0000-4000-8000-{next(numbers):012d}",
    )
    return lifecycle.created(read.envelope).envelope


def after(envelope: Envelope, *verbs: str) -> Envelope:
    at = envelope.modified_at
    for verb in verbs:
        assert verb in get_args(Verb)
        at += SECOND
        action = Action(verb=verb, reason="No longer needed")  # type: ignore[arg-type]  # asserted above
        envelope = lifecycle.act(envelope, action, at=at).envelope
    return envelope


def same_shape(name: str, made: Json, exchange: int = 0) -> None:
    assert not list(differences(recorded(name)[exchange]["response"], made))


def test_creating_an_envelope_answers_as_recorded() -> None:
    same_shape("create-envelope.json", rest_view.created_view(draft()))


def test_a_draft_is_shown_as_recorded() -> None:
    same_shape("get-envelope.json", rest_view.envelope_view(draft(emailBlurb=None)))


def test_a_list_of_envelopes_is_shown_as_recorded() -> None:
    voided, sent = after(draft(), "send", "void"), after(draft(), "send")
    views = [rest_view.list_view(one) for one in (voided, sent, voided)]
    made = rest_view.page(views, start=0, total=3, count=50, uri=str)
    same_shape("list-envelopes.json", made)


def test_the_recipients_of_a_sent_envelope_are_shown_as_recorded() -> None:
    made = rest_view.recipients_view(after(draft(), "send"))
    same_shape("list-envelope-recipients.json", made)


def test_correcting_a_recipient_answers_and_is_then_shown_as_recorded() -> None:
    envelope = draft()
    asked = recorded("update-envelope-recipients.json")[0]["request"]["data"]
    read = definition.read_recipients(asked, envelope, account=ACCOUNT, new_guid=lambda: ACCOUNT.id)
    same_shape("update-envelope-recipients.json", definition.results_view(read))
    changed = lifecycle.correct_recipients(
        envelope, read.recipients, at=CREATED_AT + SECOND, resend=False
    )
    shown = rest_view.recipients_view(changed.envelope)
    same_shape("update-envelope-recipients.json", shown, exchange=1)
    assert shown["signers"][0]["name"] == asked["signers"][0]["name"]


def test_the_documents_are_shown_as_recorded() -> None:
    same_shape("list-envelope-documents.json", rest_view.documents_view(draft()))


def test_the_audit_events_of_a_draft_are_shown_as_recorded() -> None:
    same_shape("get-envelope-audit-events.json", rest_view.audit_events_view(draft()))


def test_no_custom_fields_are_shown_as_recorded() -> None:
    same_shape("custom-fields.json", rest_view.custom_fields_view(()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "1", "b": "1"}, {"b": "1", "a": "1"}),
        ({"a": "true"}, {"a": "True"}),
        ({"a": "true"}, {"a": True}),
        ({"a": "12"}, {"a": 12}),
        ({"a": "2026-06-24T12:15:30.1530000Z"}, {"a": "2026-06-24T12:15:30.153Z"}),
        ({"a": "no_interaction"}, {"a": "accept"}),
        ({"a": [{"b": None}]}, {"a": [{"b": ""}]}),
        ({"a": ["1"]}, {"a": ["1", "2"]}),
        ({"a": f"/envelopes/{ACCOUNT.id}/documents"}, {"a": f"/envelopes/{ACCOUNT.id}/document"}),
    ],
)
def test_the_comparer_tells_apart_what_a_client_could(one: Json, other: Json) -> None:
    assert list(differences(one, other))
    assert shape_of(one) != shape_of(other)


def test_the_comparer_does_not_mind_what_is_said() -> None:
    one = {"a": ACCOUNT.id, "b": "Ann", "c": "ann@example.com", "d": "/x/1", "e": "1", "f": None}
    other = {"a": SENDER.user_id, "b": "Ben B", "c": "b@x.org", "d": "/x/22", "e": "9", "f": None}
    assert not list(differences(one, other))
    assert shape_of(one) == shape_of(other)
