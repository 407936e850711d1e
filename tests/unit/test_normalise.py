import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.intake import normalise
from postroom.model import Notification

A1 = "a1000000-0000-4000-8000-000000000001"
E1 = "e0000000-0000-4000-8000-000000000001"
NOW = 1_772_000_000_000_000


def sim(event: str = "envelope-sent", **more: Any) -> dict[str, Any]:
    inner = {"accountId": A1, "userId": A1.upper(), "envelopeId": E1.upper()} | more.pop("data", {})
    return {
        "event": event,
        "apiVersion": "v2.1",
        "retryCount": 0,
        "configurationId": 10363315,
        "generatedDateTime": "2026-02-25T06:13:20.1234567Z",
        "data": inner,
    } | more


def read(message: Any, **more: Any) -> Notification:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    given_: dict[str, Any] = {
        "account_id": A1,
        "content_type": "application/json",
        "received_at": NOW,
    }
    return normalise.normalise(body, **(given_ | more))


def test_a_message_is_read_as_far_as_the_road_needs() -> None:
    one = read(sim("recipient-completed", data={"recipientId": "1"}))
    assert (one.event, one.envelope_id, one.recipient_id) == ("recipient-completed", E1, "1")
    assert (one.sender_id, one.configuration_id) == (A1, "10363315")
    assert one.occurred_at == 1_772_000_000_123_456
    assert (one.flaw, one.is_readable) == (None, True)


def test_retry_and_second_channel_keep_the_id() -> None:
    first = read(sim())
    assert read(sim(retryCount=3)).id == first.id
    assert read(sim(configurationId=0)).id == first.id


@pytest.mark.parametrize(
    "other",
    [
        sim("envelope-delivered"),
        sim(generatedDateTime="2026-02-25T06:13:21Z"),
        sim(data={"envelopeId": A1}),
        sim(data={"recipientId": "1"}),
    ],
)
def test_another_event_has_another_id(other: dict[str, Any]) -> None:
    assert read(other).id != read(sim()).id


def test_what_happens_once_has_one_id_whenever_it_is_said() -> None:
    later = sim("envelope-completed", generatedDateTime="2026-02-26T00:00:00Z")
    assert read(later).id == read(sim("envelope-completed")).id


def test_recipients_without_an_id_are_not_taken_for_one_another() -> None:
    one = read(sim("recipient-completed"))
    other = read(sim("recipient-completed", generatedDateTime="2026-02-25T07:00:00Z"))
    assert one.id != other.id


def test_without_a_moment_the_contents_tell_occurrences_apart() -> None:
    one = read(sim(generatedDateTime=None))
    assert read(sim(generatedDateTime=None, retryCount=1)).id == one.id
    other = sim(generatedDateTime=None, data={"envelopeSummary": {"status": "sent"}})
    assert read(other).id != one.id


def test_a_resend_made_anew_is_known_by_its_contents_where_they_tell() -> None:
    summary = {"envelopeSummary": {"status": "sent"}}
    first = read(sim(data=summary))
    again = read(sim(data=summary, retryCount=1, generatedDateTime="2026-02-26T00:00:00Z"))
    other = {"envelopeSummary": {"status": "delivered"}}
    changed = read(sim(data=other, retryCount=1, generatedDateTime="2026-02-26T00:00:00Z"))
    minimal = read(sim(retryCount=1, generatedDateTime="2026-02-26T00:00:00Z"))
    assert normalise.is_same_event(first, again)
    assert not normalise.is_same_event(first, changed)
    assert not normalise.is_same_event(read(sim()), minimal)


@pytest.mark.parametrize(
    "other",
    [
        {"event": "envelope-resent"},
        {"configurationId": 7},
        {"retryCount": 0},
        {"data": {"envelopeSummary": None}},
    ],
)
def test_only_a_resend_of_the_same_event_on_the_same_channel_is_one(other: dict[str, Any]) -> None:
    first = sim(data={"envelopeSummary": {"status": "sent"}})
    again = first | {"retryCount": 1, "generatedDateTime": "2026-02-26T00:00:00Z"}
    assert normalise.is_same_event(read(first), read(again))
    changed = again | other
    if "data" in other:
        changed["data"] = first["data"] | other["data"]
        first = first | {"data": changed["data"]}
    assert not normalise.is_same_event(read(first), read(changed))


@pytest.mark.parametrize(
    "stamp",
    [
        None,
        "",
        "yesterday",
        "2026-02-25",
        "9999-99-99T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "2026-02-27T00:00:00Z",
    ],
)
def test_a_missing_or_odd_moment_is_the_arrival(stamp: str | None) -> None:
    assert read(sim(generatedDateTime=stamp)).occurred_at == NOW


def test_an_offset_is_taken_into_account() -> None:
    east = read(sim(generatedDateTime="2026-02-25T08:13:20.1234567+02:00"))
    assert east.occurred_at == 1_772_000_000_123_456


def test_an_unknown_event_is_kept_readable_and_flagged() -> None:
    one = read(sim("Envelope-Complete"))
    assert (one.event, one.is_readable) == ("envelope-complete", True)
    assert one.flaw is not None
    assert "envelope-completed" in one.flaw


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"event":' * 10_000,
        b'{"event":"envelope-sent","data":{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}}",
        {"event": 5},
        {"event": "envelope-sent"},
        {"event": "envelope-sent", "data": {"accountId": 7}},
        {"event": "envelope-sent", "data": {"accountId": A1}},
        {"status": "sent", "envelopeId": E1},
        sim("x" * 101),
        sim(data={"accountId": E1}),
        sim(data={"recipientId": "9" * 101}),
        sim("envelope-\x00"),
        sim(data={"envelopeId": "\x1b[31m"}),
        sim(configurationId="7" * 101),
    ],
)
def test_what_cannot_be_understood_is_kept_raw_with_its_flaw(message: Any) -> None:
    one = read(message)
    assert not one.is_readable
    assert one.flaw
    assert one.id.startswith("evt_")


@pytest.mark.parametrize("content_type", ["text/xml; charset=utf-8", "application/json"])
def test_xml_is_kept_raw_and_says_what_to_set(content_type: str) -> None:
    one = read(b"<DocuSignEnvelopeInformation/>", content_type=content_type)
    assert one.flaw is not None
    assert "set the configuration to JSON (SIM" in one.flaw


def test_custom_fields_are_found_raw() -> None:
    fields = {"textCustomFields": [{"name": "PO Number", "value": "7"}]}
    carried = read(sim(data={"envelopeSummary": {"customFields": fields}}))
    assert json.loads(normalise.custom_fields(carried) or b"") == fields
    assert normalise.custom_fields(read(sim())) is None
    assert normalise.custom_fields(read(sim(data={"envelopeSummary": {}}))) is None


def test_an_empty_recipient_is_none() -> None:
    assert read(sim(data={"recipientId": ""})).recipient_id is None
    assert read(sim("recipient-sent", data={"recipientId": 2})).recipient_id == "2"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=10,
)


@given(st.binary(max_size=300) | json_values.map(lambda v: json.dumps(v).encode()))
def test_no_bytes_raise(body: bytes) -> None:
    assert read(body).body == body


@given(
    st.dictionaries(st.sampled_from(list(sim())), json_values),
    st.dictionaries(
        st.sampled_from(["accountId", "envelopeId", "recipientId", "userId", "envelopeSummary"]),
        json_values,
    ),
)
def test_no_odd_value_raises(outer: dict[str, Any], inner: dict[str, Any]) -> None:
    one = read(sim(data=inner) | outer)
    assert normalise.custom_fields(one) is None or one.is_readable
