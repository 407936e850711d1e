"""S9: an XML listener beside a JSON one, fed with JSON SIM (i) and with XML alone (ii)."""

import json
from collections import Counter
from typing import Any

import pytest
from lxml import etree
from lxml.etree import _Element
from msgspec.structs import replace
from tests.acceptance import invariants
from tests.acceptance.cast import A1, KA1, account, envelope, envelope_id, signed_headers
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Received, Recorder

from postroom.envelopes.envelope import CustomField, Envelope, Recipient, Sender
from postroom.envelopes.legacy_element import NAMESPACE, NIL
from postroom.envelopes.legacy_xml import envelope_xml

SUBJECT = 'Vertrag „Müller & Söhne" <bitte> — "unterschreiben" 契約'
E901 = envelope_id(901)
ONE, TWO = "b0000000-0000-4000-8000-000000000001", "b0000000-0000-4000-8000-000000000002"
SECOND = 1_000_000
WHOLE_LIFE = (
    "envelope-sent",
    "recipient-sent:1",
    "recipient-delivered:1",
    "recipient-completed:1",
    "recipient-sent:2",
    "recipient-delivered:2",
    "envelope-delivered",
    "recipient-completed:2",
    "envelope-completed",
)


def connect(recorder: Recorder, **formats: str) -> dict[str, Any]:
    """Make the set-up: a listener of each name with its format."""
    return {
        "accounts": [account(A1, "Acme Corp")],
        "listeners": [
            {"name": name, "account": A1, "url": recorder.url(name), "format": format_}
            for name, format_ in formats.items()
        ],
    }


def check_the_rest(gateway: Gateway, recorder: Recorder) -> None:
    """Check what of I1 to I6 does not ask for JSON."""
    for one in recorder.received:
        altered = bytes([one.body[0] ^ 1]) + one.body[1:]
        assert invariants.verifies(one, KA1, one.body) == (True, True)
        assert invariants.verifies(one, KA1, altered) == (False, False)
    invariants.everything_is_explained(gateway)
    invariants.nothing_leaks(gateway, {})
    invariants.everything_is_durable(gateway)


def texts(element: _Element, path: str) -> list[str]:
    """Return the texts at a path of the older format's own elements."""
    steps = "/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))
    return [one.text or "" for one in element.findall(steps)]


# --- (i) fed with JSON SIM ---


@pytest.fixture
def told(gateway: Gateway, recorder: Recorder) -> list[bytes]:
    """Feed the life of E-901 as JSON; return the messages."""
    gateway.apply(connect(recorder, OLD="xml", NEW="pass-through"))
    said = replace(
        envelope(901, signers=2),
        subject=SUBJECT,
        text_fields=(("PO Number", "PO-7781"),),
        created_at=gateway.now_at - 600 * SECOND,
    )
    bodies = gateway.messages(said, *WHOLE_LIFE)
    for body in bodies:
        assert gateway.post(body) == 200
    gateway.until_quiet()
    return bodies


def test_fed_with_json_the_json_listener_gets_every_byte_as_it_came(
    gateway: Gateway, recorder: Recorder, told: list[bytes]
) -> None:
    got = recorder.deliveries("NEW")
    assert [one.body for one in got] == told
    assert {one.headers["content-type"] for one in got} == {"application/json; charset=utf-8"}
    check_the_rest(gateway, recorder)


def test_fed_with_json_the_xml_listener_gets_the_state_after_each_event(
    recorder: Recorder, told: list[bytes]
) -> None:
    got = recorder.deliveries("OLD")
    assert len(got) == len(told)
    assert {one.headers["content-type"] for one in got} == {"text/xml"}
    states = [etree.fromstring(one.body) for one in got]
    statuses = [json.loads(body)["data"]["envelopeSummary"]["status"] for body in told]
    assert {*statuses} == {"sent", "delivered", "completed"}
    assert [texts(one, "EnvelopeStatus/Status") for one in states] == [
        [status.capitalize()] for status in statuses
    ]
    for state in states:
        assert texts(state, "EnvelopeStatus/Subject") == [SUBJECT]
        recipients = "EnvelopeStatus/RecipientStatuses/RecipientStatus"
        assert texts(state, f"{recipients}/RoutingOrder") == ["1", "2"]
        assert texts(state, "TimeZoneOffset") == ["-8"]
        field = "EnvelopeStatus/CustomFields/CustomField"
        assert texts(state, f"{field}/Name") == ["PO Number"]
        assert texts(state, f"{field}/Value") == ["PO-7781"]
        reasons = list(state.iter(f"{{{NAMESPACE}}}DeclineReason"))
        assert [one.get(NIL) for one in reasons] == ["true", "true"]
    # 09:00 UTC is 01:00 where the offset is -8; the messages are a second apart.
    generated = [texts(one, "EnvelopeStatus/TimeGenerated")[0] for one in states]
    assert generated == [f"2026-03-02T00:59:{second}" for second in range(52, 60)] + [
        "2026-03-02T01:00:00"
    ]


def test_xml_is_the_same_at_every_try(gateway: Gateway, recorder: Recorder) -> None:
    gateway.apply(connect(recorder, OLD="xml"))
    recorder.say("OLD", status=503, times=1)
    gateway.tell(envelope(901, signers=2), "envelope-completed")
    gateway.catch_up("OLD")
    first, second = recorder.received_by("OLD")
    assert first.body == second.body


def test_a_feed_too_lean_for_xml_is_given_up_with_the_includes_it_lacks(
    gateway: Gateway, recorder: Recorder
) -> None:
    gateway.apply(connect(recorder, OLD="xml"))
    gateway.tell(envelope(901), "envelope-completed", include=["recipients"])
    gateway.until_quiet()
    (failure,) = gateway.ask("failures")["items"]
    assert failure["state"] == "given_up"
    assert "custom_fields" in str(gateway.get(f"deliveries/{failure['id']}"))
    assert recorder.received == []


# --- (ii) fed with aggregate XML ---


class Feed:
    """E-901 as an XML feed tells it: four states, ten seconds apart, the last of them now."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._start = gateway.now_at - 40 * SECOND
        opened = self._recipient(1, "delivered", sent_at=self._at(0), delivered_at=self._at(10))
        signed = replace(opened, status="completed", signed_at=self._at(20))
        last = self._recipient(
            2,
            "completed",
            sent_at=self._at(20) + 1,
            delivered_at=self._at(25),
            signed_at=self._at(30),
        )
        sent = self._envelope(self._recipient(1, "sent", sent_at=self._at(0)), self._recipient(2))
        self.states = (
            envelope_xml(sent, at=self._at(1), extras=("time_zone",)),
            self._message(11, opened, self._recipient(2)),
            self._message(21, signed, self._recipient(2, "sent", sent_at=self._at(20) + 1)),
            self._message(
                31,
                signed,
                last,
                status="completed",
                delivered_at=self._at(25),
                completed_at=self._at(30),
            ),
        )

    def tell(self, *numbers: int) -> None:
        """Feed states by their numbers, from 1; each must be acknowledged."""
        for number in numbers:
            assert self.post(number) == 200
        self._gateway.until_quiet()

    def post(self, number: int) -> int:
        """POST a state as Docusign does: signed, to the account's own URL."""
        body = self.states[number - 1]
        headers = signed_headers([KA1], body) | {"Content-Type": "text/xml; charset=utf-8"}
        return self._gateway.post(body, headers, f"/{A1}")

    def _at(self, seconds: int) -> int:
        return self._start + seconds * SECOND

    def _message(self, seconds: int, one: Recipient, two: Recipient, **more: Any) -> bytes:
        return envelope_xml(
            self._envelope(one, two, **more), at=self._at(seconds), extras=("time_zone",)
        )

    def _envelope(self, *recipients: Recipient, **more: Any) -> Envelope:
        given: dict[str, Any] = {
            "account_id": A1,
            "id": E901,
            "sender": Sender(user_id="", name="Sam Sender", email="sam.sender@example.com"),
            "status": "sent",
            "subject": SUBJECT,
            "recipients": recipients,
            "fields": (CustomField(id="1", name="PO Number", value="PO-7781"),),
            "created_at": self._at(-60),
            "modified_at": self._at(0),
            "status_changed_at": self._at(0),
            "sent_at": self._at(0),
        }
        return Envelope(**(given | more))

    def _recipient(self, number: int, status: str = "created", **moments: Any) -> Recipient:
        return Recipient(
            id=str(number),
            guid=(ONE, TWO)[number - 1],
            name=f"Signer {number}",
            email=f"signer{number}@example.com",
            user_id="",
            routing_order=number,
            status=status,
            **moments,
        )


TOLD_BY_STATE: dict[int, list[tuple[str, str | None]]] = {
    1: [("envelope-sent", None), ("recipient-sent", ONE)],
    2: [("recipient-delivered", ONE)],
    3: [("recipient-completed", ONE), ("recipient-sent", TWO)],
    4: [
        ("recipient-delivered", TWO),
        ("envelope-delivered", None),
        ("recipient-completed", TWO),
        ("envelope-completed", None),
    ],
}
ALL_TOLD = [pair for state in TOLD_BY_STATE.values() for pair in state]


@pytest.fixture
def feed(gateway: Gateway, recorder: Recorder) -> Feed:
    gateway.apply(connect(recorder, OLD="xml", RAW="pass-through", NEW="sim"))
    return Feed(gateway)


def events(recorder: Recorder) -> list[tuple[str, str | None]]:
    """Return what NEW was told, in the order it came."""
    return [_event(one) for one in recorder.deliveries("NEW")]


def _event(one: Received) -> tuple[str, str | None]:
    return one.message["event"], one.message["data"].get("recipientId")


def bodies(recorder: Recorder, listener: str) -> list[bytes]:
    return [one.body for one in recorder.deliveries(listener)]


def test_one_state_tells_that_the_first_has_signed_and_the_second_was_sent_to(
    gateway: Gateway, recorder: Recorder, feed: Feed
) -> None:
    feed.tell(1, 2)
    before = len(events(recorder))
    feed.tell(3)
    assert events(recorder)[before:] == TOLD_BY_STATE[3]
    feed.tell(4)
    assert events(recorder) == ALL_TOLD
    assert len({one.headers["webhook-id"] for one in recorder.deliveries("NEW")}) == len(ALL_TOLD)
    check_the_rest(gateway, recorder)


def test_listeners_of_states_get_each_state_once_as_it_came(recorder: Recorder, feed: Feed) -> None:
    feed.tell(1, 2, 3, 4)
    for listener in ("OLD", "RAW"):
        assert bodies(recorder, listener) == list(feed.states)
        types = {one.headers["content-type"] for one in recorder.deliveries(listener)}
        assert types == {"text/xml; charset=utf-8"}


def test_a_derived_event_is_a_whole_json_message_and_says_that_it_is_derived(
    recorder: Recorder, feed: Feed
) -> None:
    feed.tell(1, 2, 3)
    signed, _ = recorder.deliveries("NEW")[-2:]
    assert signed.headers["postroom-derived"] == "true"
    assert signed.headers["content-type"] == "application/json"
    here = f"/restapi/v2.1/accounts/{A1}/envelopes/{E901}"
    outer = {key: value for key, value in signed.message.items() if key != "data"}
    assert outer == {
        "event": "recipient-completed",
        "apiVersion": "v2.1",
        "uri": here,
        "retryCount": 0,
        "configurationId": 0,
        "generatedDateTime": "2026-03-02T08:59:40.0000000Z",
    }
    inner = signed.message["data"]
    assert (inner["accountId"], inner["envelopeId"], inner["recipientId"]) == (A1, E901, ONE)
    summary = inner["envelopeSummary"]
    assert summary["emailSubject"] == SUBJECT
    assert summary["customFields"]["textCustomFields"][0]["value"] == "PO-7781"
    assert [one["status"] for one in summary["recipients"]["signers"]] == ["completed", "sent"]


@pytest.mark.parametrize("numbers", [(1, 3, 4), (1, 4), (2, 4), (4,)])
def test_a_state_that_is_skipped_loses_and_invents_nothing(
    recorder: Recorder, feed: Feed, numbers: tuple[int, ...]
) -> None:
    feed.tell(*numbers)
    assert Counter(events(recorder)) == Counter(ALL_TOLD)
    assert events(recorder)[-1] == ("envelope-completed", None)


def test_an_older_state_is_parked_as_stale(
    gateway: Gateway, recorder: Recorder, feed: Feed
) -> None:
    feed.tell(1, 3)
    before = len(recorder.received)
    feed.tell(2)
    assert len(recorder.received) == before
    (parked,) = gateway.ask("unreadable")["items"]
    assert parked["envelope_id"] == E901
    assert parked["flaw"].startswith("stale")
    feed.tell(4)
    assert Counter(events(recorder)) == Counter(ALL_TOLD)
    check_the_rest(gateway, recorder)


def test_a_state_sent_again_is_a_repeat(recorder: Recorder, feed: Feed) -> None:
    feed.tell(1, 2, 3, 3, 3)
    assert events(recorder) == [pair for number in (1, 2, 3) for pair in TOLD_BY_STATE[number]]
    assert bodies(recorder, "OLD") == list(feed.states[:3])


def test_a_state_that_could_not_be_kept_is_told_whole_when_it_comes_again(
    gateway: Gateway, recorder: Recorder, feed: Feed
) -> None:
    feed.tell(1)
    with gateway.full_disk():
        assert feed.post(3) == 503
    gateway.kill()
    gateway.start()
    feed.tell(3, 4)
    assert Counter(events(recorder)) == Counter(ALL_TOLD)
    assert bodies(recorder, "OLD") == [feed.states[0], *feed.states[2:]]


# --- (ii) with what XML leaves out fetched ---


def test_what_xml_cannot_tell_is_fetched_and_replaces_nothing_it_tells(
    gateway: Gateway, recorder: Recorder
) -> None:
    document = connect(recorder, NEW="sim", OTHER="sim")
    rest = {"base_url": recorder.url("restapi"), "token": {"text": "rest-token-of-s9"}}
    document["accounts"][0]["enrichment"] = rest
    for listener, wanted in zip(document["listeners"], ("T-7", "T-8"), strict=True):
        listener["events"] = ["envelope-sent"]
        listener["filter"] = {"envelope.transactionId": wanted}
    gateway.apply(document)
    recorder.rest_envelopes[E901] = {
        "transactionId": "T-7",
        "status": "completed",
        "emailSubject": "as it is by now",
        "envelopeUri": f"/envelopes/{E901}",
        "sender": {"userId": "u-1", "userName": "another name"},
        "recipients": {"signers": []},
    }
    assert Feed(gateway).post(1) == 200
    gateway.until_enriched()
    (got,) = recorder.deliveries()
    assert got.listener == "NEW"
    assert got.message["data"]["userId"] == "u-1"
    summary = got.message["data"]["envelopeSummary"]
    assert (summary["transactionId"], summary["status"]) == ("T-7", "sent")
    assert summary["emailSubject"] == SUBJECT
    assert summary["sender"] == {
        "userId": "u-1",
        "userName": "Sam Sender",
        "email": "sam.sender@example.com",
    }
    assert len(summary["recipients"]["signers"]) == 2


def test_without_fetching_what_xml_cannot_tell_is_held_and_says_so(
    gateway: Gateway, recorder: Recorder
) -> None:
    document = connect(recorder, NEW="sim")
    document["listeners"][0]["filter"] = {"envelope.transactionId": "T-7"}
    gateway.apply(document)
    Feed(gateway).tell(1)
    held = gateway.ask("held")["items"]
    assert [one["event"] for one in held] == ["recipient-sent", "envelope-sent"]
    assert all("XML message does not tell transactionId" in one["reason"] for one in held)
    assert recorder.received == []


def test_the_fields_a_json_feed_lacks_are_fetched_for_xml_too(
    gateway: Gateway, recorder: Recorder
) -> None:
    document = connect(recorder, OLD="xml")
    rest = {"base_url": recorder.url("restapi"), "token": {"text": "rest-token-of-s9"}}
    document["accounts"][0]["enrichment"] = rest
    document["listeners"][0]["filter"] = {"customFields.PO Number": "PO-7781"}
    gateway.apply(document)
    recorder.rest_envelopes[E901] = {
        "status": "voided",
        "customFields": {"textCustomFields": [{"name": "PO Number", "value": "PO-7781"}]},
    }
    gateway.tell(envelope(901), "envelope-completed", include=["recipients"])
    gateway.until_enriched()
    (got,) = recorder.deliveries("OLD")
    root = etree.fromstring(got.body)
    assert texts(root, "EnvelopeStatus/Status") == ["Completed"]
    assert texts(root, "EnvelopeStatus/CustomFields/CustomField/Value") == ["PO-7781"]
