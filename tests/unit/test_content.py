"""What can be seen of a notification: values, nothing, or a doubt that says what would help."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.routing_cast import A1, ENVELOPE, U123, notification, summary, with_fields

from postroom.model import Notification
from postroom.routing import paths
from postroom.routing.content import Content, Sight


def look(path: str, received: Notification) -> Sight:
    parsed = paths.parse(path)
    assert isinstance(parsed, paths.Path)
    return Content(received).look(parsed)


def values(path: str, received: Notification) -> tuple[str, ...]:
    sight = look(path, received)
    assert sight.doubt is None
    return sight.values


SIGNERS = {
    "signers": [
        {"recipientId": "1", "email": "s1@example.com", "status": "completed"},
        {"recipientId": "2", "email": "s2@example.com", "status": "sent"},
    ],
    "carbonCopies": [{"recipientId": "3", "email": "cc@example.com"}],
    "recipientCount": "3",
}
SENDER = {"userId": U123.upper(), "email": "svc@example.com", "userName": "Svc", "accountId": A1}
FULL = summary(
    {"Integration": "ERP", "a.b c": "dotted"},
    {"Region": "EU"},
    emailSubject="PO 77",
    anySigner=None,
    sender=SENDER,
    recipients=SIGNERS,
    templates=[{"templateId": "t1"}, {"templateId": "t2"}],
    envelopeMetadata={"allowCorrect": "true", "level": 1.50, "flag": True},
)
RECEIVED = notification(FULL, event="recipient-completed", recipient_id="2")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("customFields.Integration", ("ERP",)),
        ("customFields.a.b c", ("dotted",)),
        ("customFields.Region", ("EU",)),
        ("customFields.region", ()),
        ("envelope.emailSubject", ("PO 77",)),
        ("envelope.templates.templateId", ("t1", "t2")),
        ("envelope.customFields.textCustomFields.name", ("Integration", "a.b c")),
        ("envelope.envelopeMetadata.level", ("1.5",)),
        ("envelope.envelopeMetadata.flag", ("true",)),
        ("envelope.envelopeMetadata", ("{…}",)),
        ("envelope.anySigner", ()),
        ("envelope.voidedReason", ()),
        ("recipients.signers.email", ("s1@example.com", "s2@example.com")),
        ("recipients.witnesses.email", ()),
        ("recipients.recipientCount", ("3",)),
        ("recipient.email", ("s2@example.com",)),
        ("recipient.status", ("sent",)),
        ("sender.email", ("svc@example.com",)),
        ("sender.userId", (U123,)),
        ("event", ("recipient-completed",)),
        ("envelopeId", (ENVELOPE,)),
        ("accountId", (A1,)),
    ],
)
def test_paths_lead_to_values(path: str, expected: tuple[str, ...]) -> None:
    assert values(path, RECEIVED) == expected


def test_there_is_no_recipient_in_an_envelope_event() -> None:
    assert values("recipient.email", notification(FULL)) == ()


def test_a_sender_id_missing_from_the_message_is_taken_from_the_summary() -> None:
    assert values("sender.userId", notification(FULL, sender_id=None)) == (U123,)


@pytest.mark.parametrize("path", ["event", "envelopeId", "accountId", "sender.userId"])
def test_a_message_without_summary_still_has_its_event_and_ids(path: str) -> None:
    assert values(path, notification())


@pytest.mark.parametrize(
    ("path", "include"),
    [
        ("customFields.A", "custom_fields"),
        ("recipients.signers.email", "recipients"),
        ("envelope.envelopeDocuments.name", "documents"),
        ("envelope.emailSubject", None),
        ("sender.email", None),
    ],
)
def test_without_summary_all_else_is_unknown(path: str, include: str | None) -> None:
    sight = look(path, notification())
    assert sight.doubt is not None
    assert "no envelopeSummary" in sight.doubt
    assert sight.include == include


def test_nothing_is_known_about_the_recipient_where_recipients_are_not_carried() -> None:
    received = notification({"status": "sent"}, event="recipient-sent", recipient_id="1")
    assert look("recipient.email", received).include == "recipients"


def test_what_an_include_would_bring_is_unknown_and_other_keys_are_absent() -> None:
    bare = notification({"status": "sent"})
    assert look("customFields.A", bare).include == "custom_fields"
    assert look("envelope.templates.templateId", bare).doubt is not None
    assert values("envelope.voidedReason", bare) == ()


def test_an_include_inside_another_is_unknown_where_nobody_has_it() -> None:
    path = "recipients.signers.tabs.textTabs.value"
    assert look(path, RECEIVED).include == "tabs"
    signers = [{"tabs": {"textTabs": [{"value": "x"}]}}, {}]
    assert values(path, notification(summary(recipients={"signers": signers}))) == ("x",)
    assert values(path, notification(summary(recipients={"signers": []}))) == ()


def test_an_event_about_a_recipient_the_message_does_not_list_is_unknown() -> None:
    received = notification(FULL, event="recipient-sent", recipient_id="9")
    assert look("recipient.email", received).doubt == "the message does not carry recipient 9"


def test_the_fetched_envelope_fills_only_what_the_message_lacks() -> None:
    fetched = json.dumps(summary({"Integration": "HR"}, emailSubject="new")).encode()
    carried = notification(FULL, enrichment=fetched)
    assert values("customFields.Integration", carried) == ("ERP",)
    minimal = notification(enrichment=fetched)
    assert values("customFields.Integration", minimal) == ("HR",)
    assert values("envelope.emailSubject", minimal) == ("new",)
    assert look("recipients.signers.email", minimal).include == "recipients"


@pytest.mark.parametrize(
    "malformed",
    [
        [],
        5,
        "x",
        {"textCustomFields": {}},
        {"textCustomFields": [5]},
        {"textCustomFields": [{"value": "no name"}]},
        {"textCustomFields": [{"name": 1, "value": "x"}]},
        {"listCustomFields": [{"name": "A", "value": {"x": 1}}]},
        {"listCustomFields": [{"name": "A", "value": ["x"]}]},
    ],
)
def test_malformed_custom_fields_are_unknown(malformed: Any) -> None:
    sight = look("customFields.A", notification({"customFields": malformed}))
    assert sight.doubt is not None
    assert "customFields cannot be read" in sight.doubt


@pytest.mark.parametrize("body", [b"", b"null", b"[", b"\xff", b"[" * 100_000, b'{"data":1}'])
def test_a_body_that_cannot_be_read_is_unknown(body: bytes) -> None:
    assert look("customFields.A", notification(body=body)).doubt is not None


@pytest.mark.parametrize(
    "inner", [b"[" * 100_000, b'"\\ud800"', b"1" * 5_000, b'{"signers":[[[5]]]}', b"7", b"[]"]
)
def test_a_key_that_cannot_be_read_is_unknown_and_spares_the_others(inner: bytes) -> None:
    if inner.startswith(b"[["):
        inner += b"]" * 100_000
    body = b'{"data":{"envelopeSummary":{"status":"sent","recipients":' + inner + b"}}}"
    assert look("recipients.signers.email", notification(body=body)).doubt is not None


def test_numbers_read_as_they_are_spelt() -> None:
    body = b'{"data":{"envelopeSummary":{"customFields":{"textCustomFields":['
    body += b'{"name":"A","value":5.10},{"name":"A","value":7},{"name":"A","value":1e400}]}}}}'
    assert values("customFields.A", notification(body=body)) == ("5.10", "7", "1e400")


def test_many_fields_of_one_name_are_read_in_linear_time() -> None:
    received = with_fields([("A", "x")] * 50_000)
    assert len(values("customFields.A", received)) == 50_000


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
KNOWN_KEYS = st.sampled_from(
    [
        "customFields",
        "textCustomFields",
        "name",
        "value",
        "recipients",
        "signers",
        "recipientId",
        "sender",
        "email",
        "envelopeSummary",
        "data",
        "A",
    ]
)
SHAPED_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN_KEYS, inner, max_size=6),
    max_leaves=30,
)
PATHS = [
    "customFields.A",
    "recipient.email",
    "sender.email",
    "sender.userId",
    "envelope.data.name",
    "recipients.signers.email",
    "envelope.customFields.textCustomFields.value",
    "event",
    "envelope.A",
    "recipients.signers.tabs.A",
]


@given(SHAPED_JSON | ANY_JSON, st.sampled_from(PATHS), SHAPED_JSON)
def test_no_content_makes_looking_raise(inside: Any, path: str, fetched: Any) -> None:
    received = notification(
        inside, recipient_id="1", sender_id=None, enrichment=json.dumps(fetched).encode()
    )
    sight = look(path, received)
    assert not (sight.values and sight.doubt)


@given(st.binary(max_size=200), st.binary(max_size=50), st.sampled_from(PATHS))
def test_no_bytes_make_looking_raise(body: bytes, sticky: bytes, path: str) -> None:
    parsed = paths.parse(path)
    assert isinstance(parsed, paths.Path)
    received = notification(body=body, recipient_id="1", sticky_fields=sticky, enrichment=body)
    assert isinstance(Content(received).look(parsed, is_sticky=True), Sight)


# --- what an XML message tells, and what it cannot ---

STATED: dict[str, Any] = {
    "status": "sent",
    "emailSubject": "PO 77",
    "sender": {"userName": "Svc", "email": "svc@example.com"},
    "customFields": {"textCustomFields": [{"name": "Integration", "value": "ERP"}]},
    "recipients": {"signers": [{"recipientId": "r1", "email": "s1@example.com"}]},
    "envelopeDocuments": [{"documentId": "1", "name": "a.pdf", "order": "1"}],
}


def from_xml(stated: dict[str, Any], **keys: Any) -> Notification:
    return notification(
        body=b"<feed/>",
        content_type="text/xml",
        sender_id=None,
        enrichment=json.dumps(stated).encode(),
        **keys,
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("customFields.Integration", ("ERP",)),
        ("customFields.Department", ()),
        ("envelope.emailSubject", ("PO 77",)),
        ("envelope.completedDateTime", ()),
        ("recipients.signers.declinedReason", ()),
        ("recipients.carbonCopies.email", ()),
        ("recipient.email", ("s1@example.com",)),
        ("recipient.signedDateTime", ()),
        ("envelope.envelopeDocuments.name", ("a.pdf",)),
        ("sender.email", ("svc@example.com",)),
    ],
)
def test_what_xml_could_tell_and_does_not_is_not_there(
    path: str, expected: tuple[str, ...]
) -> None:
    received = from_xml(STATED, event="recipient-sent", recipient_id="r1")
    assert values(path, received) == expected


UNTOLD = (
    "envelope.transactionId",
    "envelope.voidedReason",
    "envelope.envelopeMetadata.allowCorrect",
    "recipients.signers.roleName",
    "recipient.userId",
    "envelope.envelopeDocuments.type",
    "sender.userId",
    "envelope.templates.templateId",
)


@pytest.mark.parametrize("path", UNTOLD)
def test_what_xml_cannot_tell_is_not_known(path: str) -> None:
    received = from_xml(STATED, event="recipient-sent", recipient_id="r1")
    assert look(path, received).doubt is not None


def test_the_doubt_about_xml_says_what_would_help() -> None:
    doubt = look("envelope.transactionId", from_xml(STATED)).doubt or ""
    assert "does not tell transactionId" in doubt
    assert "JSON (SIM)" in doubt


def test_once_the_envelope_is_fetched_what_rest_does_not_tell_is_not_there() -> None:
    fetched = from_xml(STATED | {"envelopeUri": "/envelopes/e", "brandId": "b"})
    assert values("envelope.brandId", fetched) == ("b",)
    assert values("envelope.transactionId", fetched) == ()
    assert look("recipients.signers.roleName", fetched).doubt is not None
