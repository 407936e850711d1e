"""A feed of aggregate XML is understood as a feed of JSON is (S2, S9), and trusted no further."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit import legacy_cast
from tests.unit.legacy_cast import ENVELOPE, SECOND, WINTER, recipient, signed
from tests.unit.routing_cast import EMAILS, U123, U567, listener, only, registry

from postroom.envelopes.envelope import CustomField, Envelope, Sender
from postroom.envelopes.legacy_element import NAMESPACE
from postroom.envelopes.legacy_xml import envelope_xml
from postroom.intake import normalise
from postroom.intake.snapshot_diff import Snapshot
from postroom.model import Notification
from postroom.routing.match import Router

A1 = legacy_cast.ACCOUNT
NOW = WINTER + 3600 * SECOND
TIME_ZONE = frozenset({"time_zone"})


def read(body: bytes, *, content_type: str = "text/xml", received_at: int = NOW) -> Notification:
    return normalise.normalise(
        body, account_id=A1, content_type=content_type, received_at=received_at
    )


def message(of: Envelope, *, at: int = WINTER + 5 * SECOND, **more: Any) -> bytes:
    return envelope_xml(of, at=at, **({"extras": TIME_ZONE} | more))


def minimal(status: str = "Completed", inside: str = "", after: str = "") -> bytes:
    return (
        f'<DocuSignEnvelopeInformation xmlns="{NAMESPACE}"><EnvelopeStatus>'
        f"<EnvelopeID>{ENVELOPE}</EnvelopeID><Status>{status}</Status>{inside}"
        f"</EnvelopeStatus>{after}</DocuSignEnvelopeInformation>"
    ).encode()


def said(one: Notification) -> Any:
    assert one.enrichment is not None
    return json.loads(one.enrichment)


# --- what is read ---


def test_a_state_is_read_as_the_event_that_led_to_it() -> None:
    body = message(legacy_cast.envelope())
    one = read(body)
    assert (one.event, one.envelope_id, one.account_id) == ("envelope-completed", ENVELOPE, A1)
    assert (one.flaw, one.is_readable, one.body) == (None, True, body)
    assert one.occurred_at == WINTER + 5 * SECOND


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("Created", "envelope-created"),
        ("Sent", "envelope-sent"),
        ("delivered", "envelope-delivered"),
        ("Signed", "envelope-delivered"),
        ("Declined", "envelope-declined"),
        ("Voided", "envelope-voided"),
        ("TimedOut", "envelope-voided"),
        ("Deleted", "envelope-deleted"),
    ],
)
def test_every_status_has_its_event(status: str, event: str) -> None:
    assert read(minimal(status)).event == event


def test_what_it_says_is_there_under_rests_keys() -> None:
    one = read(message(legacy_cast.envelope()))
    envelope = said(one)
    assert envelope["emailSubject"] == legacy_cast.envelope().subject
    assert envelope["sender"] == {"userName": "Sam Sender", "email": "sam.sender@example.com"}
    assert envelope["sentDateTime"] == "2026-01-14T23:10:25.12-08:00"
    fields = envelope["customFields"]
    assert [(field["name"], field["value"]) for field in fields["textCustomFields"]] == [
        ("PO Number", "PO-7781"),
        ("AccountSite", "demo"),
    ]
    assert fields["listCustomFields"][0]["listItems"] == ["EMEA", "APAC"]
    (signer,) = envelope["recipients"]["signers"]
    assert (signer["email"], signer["status"]) == ("signer1@example.com", "completed")
    assert signer["recipientId"] == "b0000000-0000-4000-8000-000000000001"
    assert json.loads(normalise.custom_fields(one) or b"") == fields


def test_a_value_keeps_its_spaces() -> None:
    field = "<CustomFields><CustomField><Name>I</Name><Value>ERP </Value></CustomField>"
    one = read(minimal(inside=f"{field}</CustomFields>"))
    assert said(one)["customFields"]["textCustomFields"][0]["value"] == "ERP "


@pytest.mark.parametrize(
    "body",
    [
        message(legacy_cast.envelope(), soap_namespace="https://erp.example.com/connect"),
        b"\xef\xbb\xbf" + minimal(),
        minimal().replace(f' xmlns="{NAMESPACE}"'.encode(), b""),
        minimal().decode().encode("utf-16"),
    ],
    ids=["soap", "byte order mark", "no namespace", "utf-16"],
)
def test_it_is_read_in_any_dress(body: bytes) -> None:
    assert read(body).event == "envelope-completed"


def test_large_documents_are_not_looked_at() -> None:
    pdf = (legacy_cast.envelope().documents[0], b"x" * (20 << 20))
    assert read(message(legacy_cast.envelope(), documents=[pdf])).event == "envelope-completed"


def test_without_an_offset_a_moment_is_pacific_and_never_after_the_arrival() -> None:
    stamp = "<TimeGenerated>2026-01-14T23:10:25.12</TimeGenerated>"
    assert read(minimal(inside=stamp)).occurred_at == WINTER
    assert read(minimal(inside=stamp), received_at=WINTER - SECOND).occurred_at == WINTER - SECOND
    east = minimal(inside=stamp, after="<TimeZoneOffset>-5</TimeZoneOffset>")
    assert read(east).occurred_at == WINTER - 3 * 3600 * SECOND


# --- its identity ---


def test_what_happens_once_has_the_id_it_has_in_json() -> None:
    inner = {"accountId": A1, "envelopeId": ENVELOPE}
    sim = json.dumps({"event": "envelope-completed", "data": inner}).encode()
    assert read(sim, content_type="application/json").id == read(minimal()).id


def test_a_state_told_again_is_the_same_event() -> None:
    sent = legacy_cast.envelope(status="sent")
    later = message(sent, at=WINTER + 9 * SECOND)
    assert read(message(sent)).id == read(later).id
    assert read(minimal("Delivered")).id != read(minimal("Sent")).id


# --- several events in one message ---


def unfold(body: bytes, previous: Snapshot | None = None) -> normalise.Unfolded:
    unfolded = normalise.unfold(read(body), previous)
    assert unfolded is not None
    return unfolded


def pairs(unfolded: normalise.Unfolded) -> list[tuple[str, str | None]]:
    return [(one.event, one.recipient_id) for one in unfolded.notifications]


ONE, TWO = recipient(1).guid, recipient(2).guid
OPENED = recipient(1, status="delivered", sent_at=WINTER, delivered_at=WINTER + SECOND)
BEFORE = legacy_cast.envelope(
    status="sent",
    recipients=(OPENED, recipient(2)),
    delivered_at=None,
    completed_at=None,
)
AFTER = replace(
    BEFORE, recipients=(signed(1), recipient(2, status="sent", sent_at=WINTER + 3 * SECOND))
)


def test_one_message_becomes_a_notification_for_each_event() -> None:
    first = unfold(message(BEFORE))
    assert pairs(first) == [
        ("envelope-sent", None),
        ("recipient-sent", ONE),
        ("recipient-delivered", ONE),
    ]
    second = unfold(message(AFTER, at=WINTER + 9 * SECOND), first.snapshot)
    assert pairs(second) == [("recipient-completed", ONE), ("recipient-sent", TWO)]
    moments = [one.occurred_at for one in second.notifications]
    assert moments == [WINTER + 2 * SECOND, WINTER + 3 * SECOND]
    assert len({one.id for one in (*first.notifications, *second.notifications)}) == 5
    assert {one.body for one in second.notifications} == {message(AFTER, at=WINTER + 9 * SECOND)}


def test_each_event_has_one_id_whichever_message_tells_it() -> None:
    first = unfold(message(BEFORE))
    skipped = unfold(message(AFTER, at=WINTER + 9 * SECOND))
    assert {one.id for one in first.notifications} <= {one.id for one in skipped.notifications}
    assert read(message(BEFORE)).id in {one.id for one in first.notifications}


def test_a_message_without_news_is_kept_as_a_repeat() -> None:
    first = unfold(message(BEFORE))
    again = unfold(message(BEFORE, at=WINTER + 9 * SECOND), first.snapshot)
    assert [one.id for one in again.notifications] == [first.notifications[0].id]


def test_an_older_message_is_parked_as_stale() -> None:
    newer = unfold(message(AFTER, at=WINTER + 9 * SECOND))
    older = unfold(message(BEFORE), newer.snapshot)
    (parked,) = older.notifications
    assert older.snapshot is None
    assert (parked.is_readable, parked.envelope_id) == (False, ENVELOPE)
    assert parked.flaw is not None
    assert parked.flaw.startswith("stale")


def test_other_messages_do_not_unfold() -> None:
    assert normalise.unfold(read(b"{}", content_type="application/json"), None) is None
    assert normalise.unfold(read(b"<x/>"), None) is None


# --- routing by what it says: S2 ---

LISTENERS = (
    listener(
        "SF",
        events=("envelope-completed", "envelope-declined", "envelope-voided"),
        filter={"customFields.Integration": "Salesforce"},
    ),
    listener("ERP", events=("envelope-completed",), filter={"customFields.Integration": "ERP"}),
    listener(
        "HR",
        events=("recipient-sent", "recipient-delivered", "recipient-completed"),
        filter={"customFields.Integration": "HR"},
    ),
    listener("HR2", events=("envelope-completed",), filter={"customFields.CC": "HR"}),
)


def text(name: str, value: str) -> CustomField:
    return CustomField(id="1", name=name, value=value)


def wanted_by(notifications: tuple[Notification, ...]) -> dict[str, int]:
    """Return how many of the notifications each listener is owed."""
    listeners = [replace(one, id=number) for number, one in enumerate(LISTENERS, start=1)]
    names = {one.id: one.name for one in listeners}
    router = Router(registry(*listeners))
    counts: dict[str, int] = {}
    for notification in notifications:
        for match in router.match(notification).matches:
            assert match.state == "due"
            counts[names[match.listener_id]] = counts.get(names[match.listener_id], 0) + 1
    return counts


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((text("Integration", "Salesforce"),), {"SF": 1}),
        ((text("Integration", "ERP"), text("PO", "PO-7781")), {"ERP": 1}),
        ((text("Integration", "HR"),), {"HR": 6}),
        ((), {}),
        ((text("Integration", "salesforce "),), {}),
        ((replace(text("Integration", "ERP"), kind="list"),), {"ERP": 1}),
        ((text("Integration", "ERP"), text("CC", "HR")), {"ERP": 1, "HR2": 1}),
    ],
    ids=["E-201", "E-202", "E-203", "E-204", "E-205", "E-206", "E-207"],
)
def test_listeners_want_of_xml_what_they_want_of_json(
    fields: tuple[CustomField, ...], expected: dict[str, int]
) -> None:
    two = (signed(1), signed(2))
    body = message(legacy_cast.envelope(fields=fields, recipients=two))
    assert wanted_by(unfold(body).notifications) == expected


def test_the_sender_is_known_by_address() -> None:
    mine = listener("mine", users=only(U567))
    sender = Sender(user_id="", email=EMAILS[U567])
    router = Router(registry(mine))
    assert router.match(read(message(legacy_cast.envelope(sender=sender)))).matches
    other = replace(sender, email=EMAILS[U123])
    assert not router.match(read(message(legacy_cast.envelope(sender=other)))).matches


# --- hostile XML ---

ENTITIES = "".join(
    f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' if n else '<!ENTITY e0 "aaaaaaaaaa">'
    for n in range(12)
)
HOSTILE = {
    "entity bomb": f"<!DOCTYPE a [{ENTITIES}]>".encode()
    + minimal(inside="<Subject>&e11;</Subject>"),
    "bomb in an attribute": f"<!DOCTYPE a [{ENTITIES}]>".encode() + b'<a b="&e11;"/>',
    "file": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + minimal("&x;"),
    "network": b'<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd">' + minimal(),
    "harmless document type": b"<!DOCTYPE a>" + minimal(),
    "deep": minimal(inside="<a>" * 100_000),
    "large": minimal(inside="<a/>" * 2_000_000),
    "long text": minimal(inside="<Subject>" + "x" * (5 << 20) + "</Subject>"),
    "many recipients": minimal(
        inside=f"<RecipientStatuses>{'<RecipientStatus/>' * 2_000}</RecipientStatuses>"
    ),
    "unknown entity": minimal(inside="<Subject>&nope;</Subject>"),
    "unknown status": minimal("Template"),
    "no status": minimal(""),
    "other root": b"<html><body/></html>",
    "control characters in the id": minimal().replace(ENVELOPE.encode(), b"a&#9;b"),
    "long id": minimal().replace(ENVELOPE.encode(), b"a" * 101),
    "broken": minimal()[:-5],
    "empty": b"",
    "unknown encoding": b'<?xml version="1.0" encoding="x-none"?>' + minimal(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_xml_is_kept_raw_with_its_flaw_and_in_no_time(name: str) -> None:
    started = time.process_time()
    one = read(HOSTILE[name])
    assert time.process_time() - started < 2
    assert (one.is_readable, one.body) == (False, HOSTILE[name])
    assert one.flaw is not None
    assert "set the configuration to JSON (SIM" in one.flaw
    assert len(one.flaw) < 400


PIECES = st.sampled_from(
    [
        "<EnvelopeID>",
        "</EnvelopeID>",
        "<Status>Sent</Status>",
        "<RecipientStatuses><RecipientStatus>",
        "</RecipientStatus></RecipientStatuses>",
        "<RecipientId>x</RecipientId>",
        "<Sent>2026-01-14T23:10:25.12</Sent>",
        "<Signed>9999-12-31T23:59:59</Signed>",
        "<TimeGenerated>0001-01-01T00:00:00</TimeGenerated>",
        "<RecipientAuthenticationStatus><A><Status>Failed</Status></A>",
        "</RecipientAuthenticationStatus>",
        "<CustomFields><CustomField><Name>a</Name></CustomField></CustomFields>",
        "<!-- -->",
        "<?p?>",
        "<![CDATA[x]]>",
        "&#0;",
        "&lt;",
    ]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join), st.text(max_size=6))
def test_no_xml_raises(inside: str, hours: str) -> None:
    offset = f"<TimeZoneOffset>{hours}</TimeZoneOffset>"
    for body in (
        minimal(inside=inside, after=offset).decode().encode("utf-8", "replace"),
        f"<{inside}".encode("utf-8", "replace"),
    ):
        one = read(body)
        assert one.body == body
        unfolded = normalise.unfold(one, None)
        assert (unfolded is not None) == one.is_readable
        assert normalise.custom_fields(one) is None or one.is_readable


@given(st.binary(max_size=200))
def test_no_bytes_raise(body: bytes) -> None:
    assert read(body).body == body
