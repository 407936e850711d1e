"""Messages of our own making look on the wire as Docusign's do (contract 3.1)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.envelopes import progress
from postroom.envelopes.moments import generated_text, summary_text
from postroom.envelopes.sim_envelope import SimEnvelope, SimRecipient, SimSender
from postroom.envelopes.sim_message import message, ordinary_envelope
from postroom.model import Json
from postroom.vocabulary import INCLUDES

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "connect-json"
NOON = 1_768_305_600_000_000
"""2026-01-13T12:00:00Z."""
ACCOUNT = "a1000000-0000-4000-8000-000000000001"
ENVELOPE = "e0000000-0000-4000-8000-000000000101"
SENDER = SimSender(
    user_id="5f0c1f3e-0000-4000-8000-000000000123", name="Sam Sender", email="sam@example.com"
)


def envelope(*orders: int, **more: Json) -> SimEnvelope:
    recipients = tuple(
        SimRecipient(
            id=str(number), name=f"R {number}", email=f"r{number}@example.com", routing_order=order
        )
        for number, order in enumerate(orders, start=1)
    )
    return SimEnvelope(
        account_id=ACCOUNT, id=ENVELOPE, sender=SENDER, recipients=recipients, **more
    )


def summary_of(event: str, *orders: int, recipient_id: str | None = None) -> Json:
    body = message(
        envelope(*orders), event, at=NOON, recipient_id=recipient_id, include=["recipients"]
    )
    return json.loads(body)["data"]["envelopeSummary"]


def statuses(made: Json) -> list[str]:
    return [signer["status"] for signer in made["recipients"]["signers"]]


def test_a_minimal_body_is_compact_and_holds_only_the_three_ids() -> None:
    body = message(envelope(), "envelope-completed", at=NOON, configuration_id=22_028_153)
    assert body == (
        b'{"event":"envelope-completed","apiVersion":"v2.1",'
        b'"uri":"/restapi/v2.1/accounts/a1000000-0000-4000-8000-000000000001'
        b'/envelopes/e0000000-0000-4000-8000-000000000101","retryCount":0,'
        b'"configurationId":22028153,"generatedDateTime":"2026-01-13T12:00:00.0000000Z",'
        b'"data":{"accountId":"a1000000-0000-4000-8000-000000000001",'
        b'"userId":"5f0c1f3e-0000-4000-8000-000000000123",'
        b'"envelopeId":"e0000000-0000-4000-8000-000000000101"}}'
    )


def test_a_recipient_event_names_the_local_id_after_the_three() -> None:
    body = message(envelope(1), "recipient-completed", at=NOON, recipient_id="1", retry_count=3)
    made = json.loads(body)
    assert list(made["data"]) == ["accountId", "userId", "envelopeId", "recipientId"]
    assert made["retryCount"] == 3


def test_generated_moments_have_seven_digits_and_summary_moments_lose_trailing_zeros() -> None:
    assert generated_text(NOON + 299_000) == "2026-01-13T12:00:00.2990000Z"
    assert summary_text(NOON + 500_000) == "2026-01-13T12:00:00.5Z"
    assert summary_text(NOON + 90_000) == "2026-01-13T12:00:00.09Z"
    assert summary_text(NOON) == "2026-01-13T12:00:00Z"


def test_custom_fields_come_only_when_included_and_lists_carry_their_items() -> None:
    made = envelope(text_fields=(("Integration", "ERP"),), list_fields=(("Region", "EU"),))
    without = json.loads(message(made, "envelope-sent", at=NOON, include=["recipients"]))
    carried = json.loads(message(made, "envelope-sent", at=NOON, include=["custom_fields"]))
    fields = carried["data"]["envelopeSummary"]["customFields"]
    assert "customFields" not in without["data"]["envelopeSummary"]
    assert fields["textCustomFields"][0]["name"] == "Integration"
    assert fields["textCustomFields"][0]["value"] == "ERP"
    assert fields["listCustomFields"][0]["listItems"][0] == "EU"
    assert "recipients" not in carried["data"]["envelopeSummary"]


def test_everything_but_the_two_counters_is_text() -> None:
    made = json.loads(message(envelope(1, 2), "envelope-sent", at=NOON, include=INCLUDES))
    scalars = [value for value in _scalars(made) if not isinstance(value, str)]
    assert scalars == [0, 22_100_001, None]  # retryCount, configurationId, anySigner


def test_an_include_the_maker_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="everything"):
        message(envelope(), "envelope-sent", at=NOON, include=["everything"])


@pytest.mark.parametrize(
    ("event", "recipient_id", "status", "expected"),
    [
        ("envelope-created", None, "created", ["created", "created"]),
        ("envelope-sent", None, "sent", ["sent", "created"]),
        ("recipient-sent", "1", "sent", ["sent", "created"]),
        ("recipient-delivered", "1", "sent", ["delivered", "created"]),
        ("recipient-completed", "1", "sent", ["completed", "created"]),
        ("recipient-sent", "2", "sent", ["completed", "sent"]),
        ("recipient-delivered", "2", "delivered", ["completed", "delivered"]),
        ("recipient-completed", "2", "delivered", ["completed", "completed"]),
        ("recipient-declined", "2", "declined", ["completed", "declined"]),
        ("recipient-autoresponded", "1", "sent", ["autoresponded", "created"]),
        ("envelope-delivered", None, "delivered", ["delivered", "delivered"]),
        ("envelope-completed", None, "completed", ["completed", "completed"]),
        ("envelope-declined", None, "declined", ["declined", "created"]),
        ("envelope-voided", None, "voided", ["sent", "created"]),
        ("envelope-foo", None, "sent", ["sent", "created"]),
    ],
)
def test_the_states_fit_the_event_with_two_signers_one_after_the_other(
    event: str, recipient_id: str | None, status: str, expected: list[str]
) -> None:
    made = summary_of(event, 1, 2, recipient_id=recipient_id)
    assert (made["status"], statuses(made)) == (status, expected)


def test_an_ended_envelope_tells_when_it_ended_and_why() -> None:
    voided = summary_of("envelope-voided", 1)
    declined = summary_of("envelope-declined", 1)
    assert voided["voidedDateTime"] == "2026-01-13T12:00:00Z"
    assert voided["voidedReason"]
    assert "completedDateTime" not in voided
    assert declined["declinedDateTime"] == "2026-01-13T12:00:00Z"
    assert declined["recipients"]["signers"][0]["declinedReason"]


def test_no_moment_lies_after_the_event_or_before_the_creation() -> None:
    made = envelope(1, created_at=NOON - 1)
    reached = progress.after(made, "envelope-completed", at=NOON)
    moments = [reached.created_at, reached.sent_at, reached.delivered_at, reached.completed_at]
    assert moments == [NOON - 1, NOON, NOON, NOON]


def test_the_current_routing_order_is_that_of_the_first_who_has_not_signed() -> None:
    made = summary_of("recipient-sent", 1, 2, recipient_id="2")
    assert made["recipients"]["currentRoutingOrder"] == "2"
    assert made["recipients"]["recipientCount"] == "2"


def test_an_ordinary_envelope_makes_a_body_of_about_six_kilobytes() -> None:
    made = ordinary_envelope(account_id=ACCOUNT, envelope_id=ENVELOPE, sender=SENDER)
    body = message(made, "envelope-completed", at=NOON, include=["custom_fields", "recipients"])
    assert 5_500 <= len(body) <= 6_500


@pytest.mark.parametrize(
    "name",
    [
        "envelope-completed_min_2026.json",
        "recipient-completed_min_2022.json",
        "envelope-completed_full_2022.json",
    ],
)
def test_keys_stand_in_the_order_of_the_captured_messages(name: str) -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"no samples beside the checkout: key order was NOT compared with {name}")
    captured = json.loads((SAMPLES / name).read_text())
    is_full = "envelopeSummary" in captured["data"]
    made = json.loads(
        message(
            envelope(1),
            captured["event"],
            at=NOON,
            recipient_id=captured["data"].get("recipientId"),
            include=("recipients", "documents") if is_full else (),
        )
    )
    assert list(_key_paths(made)) == list(_key_paths(captured))


def _key_paths(value: Json, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}.{key}"
            yield from _key_paths(inner, f"{path}.{key}")
    elif isinstance(value, list) and value:
        yield from _key_paths(value[0], f"{path}[]")


def _scalars(value: Json) -> Iterator[Json]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _scalars(inner)
    else:
        yield value
