"""What the listener of a Connect configuration gets: its numbers, its extras, its format."""

import base64
import json
from typing import Any

import pytest
from tests.unit.shape_cast import KEYS, NOW, SUMMARY, lease, message

from postroom import signature
from postroom.delivery import reshape, wanted
from postroom.delivery.shape import ShapeError, needs, shape
from postroom.model import Credentials, Enclosure, Lease, Listener, Request

PDF = b"%PDF-1.4 agreement"
HELD: dict[str, Any] = {
    **SUMMARY,
    "voidedReason": "late",
    "envelopeDocuments": [
        {"documentId": "1", "name": "a.pdf", "documentFields": [{"name": "n", "value": "v"}]},
        {"documentId": "2", "name": "b.pdf"},
        {"documentId": "certificate", "documentIdGuid": "g", "name": "Summary"},
    ],
    "purgeState": "unpurged",
}
CONFIGURATION = {"connectId": "22210641"}
FIELDS = (("AccountId", "10000001"), ("AccountName", "Acme"), ("AccountSite", "demo"))


def made(
    include: tuple[str, ...] | None = (),
    *,
    one: Lease | None = None,
    enclosure: Enclosure | None = None,
    **listener: Any,
) -> Request:
    """Return the request to a listener of a configuration for an envelope that lives here."""
    said = {"format": "sim", "include": include, "configuration": CONFIGURATION, **listener}
    to = Listener(id=7, account_id="a", name="connect-1", url="https://x.example.com/", **said)
    return shape(one or lease(message(HELD)), to, KEYS, now=NOW, enclosure=enclosure)


def summary_of(request: Request) -> Any:
    return json.loads(request.body)["data"]["envelopeSummary"]


def test_a_configurations_message_has_its_number_and_the_count_of_retries() -> None:
    sent = json.loads(made().body)
    assert list(sent) == ["event", "retryCount", "configurationId", "data"]
    assert (sent["retryCount"], sent["configurationId"]) == (1, 22210641)
    first = json.loads(made(one=lease(message(), attempt=1)).body)
    assert first["retryCount"] == 0


def test_the_keys_of_a_message_stand_in_the_order_of_the_wire() -> None:
    body = (
        b'{"event":"e","apiVersion":"v2.1","uri":"/u","retryCount":0,"configurationId":0,'
        b'"generatedDateTime":"t","data":{"accountId":"a"}}'
    )
    assert made(one=lease(body)).body == (
        b'{"event":"e","apiVersion":"v2.1","uri":"/u","retryCount":1,"configurationId":22210641,'
        b'"generatedDateTime":"t","data":{"accountId":"a"}}'
    )


def test_an_event_notifications_message_has_the_listeners_number() -> None:
    sent = json.loads(made(configuration={"url": "https://x"}).body)
    assert sent["configurationId"] == 7


def test_a_listener_of_a_file_keeps_the_numbers_of_the_feed() -> None:
    sent = json.loads(made(configuration=None).body)
    assert sent["retryCount"] == 0
    assert "configurationId" not in sent


def test_without_hmac_there_is_no_signature_of_any_kind() -> None:
    headers = {name.lower() for name, _ in made(is_signed=False).headers}
    assert not any("signature" in name or "digest" in name for name in headers)
    assert {"webhook-id", "postroom-attempt"} <= headers
    assert "X-DocuSign-Signature-2" in dict(made(is_signed=True).headers)


def test_credentials_become_basic_authentication_and_show_nowhere_else() -> None:
    said = Credentials(user_name="erp", password="pass:wörd")
    to = Listener(id=7, account_id="a", name="n", url="https://x.example.com/")
    request = shape(lease(message()), to, [], now=NOW, credentials=said)
    kind, _, encoded = dict(request.headers)["Authorization"].partition(" ")
    assert (kind, base64.b64decode(encoded).decode()) == ("Basic", "erp:pass:wörd")
    assert "wörd" not in repr(said)
    assert "Authorization" not in dict(made().headers)


def test_the_void_reason_is_told_only_where_it_is_asked_for() -> None:
    assert "voidedReason" not in summary_of(made(("recipients",)))
    asked = made(("recipients",), extras=("void_reason",))
    assert summary_of(asked)["voidedReason"] == "late"


def test_the_senders_account_stands_after_every_other_field() -> None:
    sent = made(
        ("custom_fields",),
        extras=("sender_account",),
        enclosure=Enclosure(sender_account=FIELDS),
    )
    assert summary_of(sent)["customFields"]["textCustomFields"] == [
        {"name": "PO", "value": "7"},
        *(
            {"name": name, "show": "false", "required": "false", "value": value}
            for name, value in FIELDS
        ),
    ]
    without = made(("custom_fields",), enclosure=Enclosure(sender_account=FIELDS))
    assert summary_of(without)["customFields"] == SUMMARY["customFields"]


@pytest.mark.parametrize("odd", [None, [], "x", {"textCustomFields": None}])
def test_odd_custom_fields_are_no_reason_to_give_up(odd: Any) -> None:
    enclosed = Enclosure(sender_account=FIELDS)
    one = lease(message({"customFields": odd}))
    sent = made(("custom_fields",), one=one, extras=("sender_account",), enclosure=enclosed)
    assert "customFields" in summary_of(sent)


def test_documents_come_with_the_events_that_ask_for_them() -> None:
    enclosed = Enclosure(documents=(("1", PDF), ("9", b"not there")))
    sent = made(documents_for=("envelope-completed",), enclosure=enclosed)
    first, *others = summary_of(sent)["envelopeDocuments"]
    assert base64.b64decode(first["PDFBytes"]) == PDF
    assert "documentFields" not in first
    assert not any("PDFBytes" in other for other in others)
    assert (
        "envelopeSummary"
        not in (json.loads(made(documents_for=("envelope-sent",), enclosure=enclosed).body)["data"])
    )


def test_an_ordinary_listener_gets_documents_that_live_here_too() -> None:
    sent = made(("documents",), configuration=None, enclosure=Enclosure(documents=(("1", PDF),)))
    assert base64.b64decode(summary_of(sent)["envelopeDocuments"][0]["PDFBytes"]) == PDF
    assert summary_of(sent)["voidedReason"] == "late"


def test_the_certificate_comes_alone_where_documents_are_not_asked_for() -> None:
    sent = made(extras=("certificate",), enclosure=Enclosure(certificate=PDF))
    (entry,) = summary_of(sent)["envelopeDocuments"]
    assert (entry["documentId"], entry["documentIdGuid"]) == ("certificate", "g")
    kept = {"status", "emailSubject", "sender", "envelopeDocuments", "purgeState"}
    assert list(summary_of(sent)) == [key for key in HELD if key in kept]
    assert base64.b64decode(entry["PDFBytes"]) == PDF


def test_the_certificate_stands_after_the_documents_where_no_entry_was_carried() -> None:
    sent = made(
        one=lease(message({"envelopeDocuments": [{"documentId": "1"}]})),
        extras=("certificate",),
        documents_for=("envelope-completed",),
        enclosure=Enclosure(documents=(("1", PDF),), certificate=PDF),
    )
    first, last = summary_of(sent)["envelopeDocuments"]
    assert base64.b64decode(first["PDFBytes"]) == PDF
    assert (last["documentId"], last["name"], last["type"], last["order"]) == (
        "certificate",
        "Summary",
        "summary",
        "999",
    )
    assert base64.b64decode(last["PDFBytes"]) == PDF


def test_document_fields_come_by_their_own_switch() -> None:
    sent = made(extras=("document_fields",))
    assert summary_of(sent)["envelopeDocuments"][0]["documentFields"] == [
        {"name": "n", "value": "v"}
    ]


# --- listeners of states ---


def test_an_aggregate_message_is_the_envelope_as_it_is_now() -> None:
    now = json.dumps({**HELD, "status": "voided"}).encode()
    request = made(("custom_fields",), format="aggregate", enclosure=Enclosure(envelope_json=now))
    sent = json.loads(request.body)
    assert sent.keys() == {"status", "emailSubject", "sender", "customFields", "purgeState"}
    assert sent["status"] == "voided"
    assert dict(request.headers)["Content-Type"] == "application/json"
    assert (
        dict(request.headers)["X-DocuSign-Signature-1"]
        == (signature.docusign(KEYS[:1], request.body)[0])
    )


def test_an_aggregate_message_carries_what_is_enclosed() -> None:
    sent = made(
        format="aggregate",
        extras=("certificate", "void_reason"),
        documents_for=("envelope-completed",),
        enclosure=Enclosure(
            envelope_json=json.dumps(HELD).encode(), documents=(("2", PDF),), certificate=PDF
        ),
    )
    envelope = json.loads(sent.body)
    assert ["PDFBytes" in one for one in envelope["envelopeDocuments"]] == [False, True, True]
    assert envelope["voidedReason"] == "late"


def test_of_a_feeds_envelope_the_aggregate_is_what_its_message_carries() -> None:
    assert json.loads(made(("custom_fields",), format="aggregate").body).keys() == {
        "status",
        "emailSubject",
        "sender",
        "customFields",
        "purgeState",
    }
    fetched = made(one=lease(message(None), enrichment=b'{"status":"x"}'), format="aggregate")
    assert json.loads(fetched.body) == {"status": "x"}
    with pytest.raises(ShapeError, match="choose deliveryMode SIM"):
        made(one=lease(message(None)), format="aggregate")
    with pytest.raises(ShapeError, match="cannot be re-shaped"):
        made(one=lease(b"[]"), format="aggregate")


def test_xml_is_sent_as_enclosed() -> None:
    request = made(format="xml", enclosure=Enclosure(xml=b"<x/>"))
    assert request.body == b"<x/>"
    assert dict(request.headers)["Content-Type"] == "text/xml"


def test_xml_of_an_xml_feed_is_its_own() -> None:
    received = lease(b"<feed/>", content_type="text/xml; charset=utf-8")
    request = made(one=received, format="xml")
    assert request.body == b"<feed/>"
    assert dict(request.headers)["Content-Type"] == "text/xml; charset=utf-8"


def test_without_the_envelopes_state_there_is_no_xml() -> None:
    with pytest.raises(ShapeError, match="add the includes custom_fields and recipients"):
        made(format="xml")


# --- a feed of XML ---

STATED = b'{"status":"completed","emailSubject":"For Bob","customFields":{},"recipients":{}}'


def test_an_event_derived_from_xml_is_told_as_a_whole_message_of_json() -> None:
    derived = lease(b"<feed/>", content_type="text/xml", enrichment=STATED)
    request = made(None, one=derived)
    assert json.loads(request.body) == {
        "event": "envelope-completed",
        "apiVersion": "v2.1",
        "uri": "/restapi/v2.1/accounts/a/envelopes/e",
        "retryCount": 1,
        "configurationId": 22210641,
        "generatedDateTime": "2026-02-25T06:13:20.0000000Z",
        "data": {"accountId": "a", "envelopeId": "e", "envelopeSummary": json.loads(STATED)},
    }
    headers = dict(request.headers)
    assert (headers["Content-Type"], headers["Postroom-Derived"]) == ("application/json", "true")


def test_a_derived_message_carries_no_more_than_was_asked_for() -> None:
    derived = lease(b"<feed/>", content_type="text/xml", enrichment=STATED)
    said = json.loads(made(("custom_fields",), one=derived).body)["data"]["envelopeSummary"]
    assert said.keys() == {"status", "emailSubject", "customFields"}
    assert "envelopeSummary" not in json.loads(made((), one=derived).body)["data"]


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        (b'{"userId":"u1"}', "u1"),
        (b'{"userId":7}', None),
        (b'{"userName":"S"}', None),
        (b"7", None),
    ],
)
def test_a_derived_message_names_the_sender_where_the_id_was_fetched(
    sender: bytes, told: str | None
) -> None:
    derived = lease(b"<feed/>", content_type="text/xml", enrichment=b'{"sender":%b}' % sender)
    assert json.loads(made(one=derived).body)["data"].get("userId") == told


def test_of_an_xml_feed_the_json_aggregate_is_what_the_xml_tells() -> None:
    derived = lease(b"<feed/>", content_type="text/xml", enrichment=STATED)
    request = made(("recipients",), one=derived, format="aggregate")
    assert json.loads(request.body).keys() == {"status", "emailSubject", "recipients"}
    assert "Postroom-Derived" not in dict(request.headers)


def test_the_state_of_a_feeds_envelope_is_asked_for_only_to_make_xml_of_json() -> None:
    to = Listener(id=7, account_id="a", name="n", url="https://x.example.com/", format="xml")
    assert needs(to, lease(message()).notification) == {"xml"}
    assert needs(to, lease(b"<feed/>", content_type="text/xml").notification) == frozenset()


# --- what is needed ---


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"format": "pass-through", "documents_for": ("envelope-completed",)}, set()),
        ({"format": "sim", "include": ("recipients",)}, set()),
        ({"format": "sim", "include": ("documents",)}, {"documents"}),
        ({"format": "sim", "documents_for": ("envelope-completed",)}, {"documents"}),
        ({"format": "sim", "documents_for": ("envelope-voided",)}, set()),
        ({"format": "sim", "extras": ("certificate", "void_reason")}, {"certificate"}),
        ({"format": "aggregate", "extras": ("sender_account",)}, {"envelope", "sender_account"}),
        ({"format": "xml", "documents_for": ("envelope-completed",)}, {"xml", "documents"}),
    ],
)
def test_only_what_a_message_carries_is_looked_up(said: dict[str, Any], expected: set[str]) -> None:
    to = Listener(id=7, account_id="a", name="n", url="https://x.example.com/", **said)
    assert needs(to, lease(message(), origin="here").notification) == expected


def test_of_a_feeds_envelope_nothing_is_looked_up() -> None:
    to = Listener(
        id=7,
        account_id="a",
        name="n",
        url="https://x.example.com/",
        format="aggregate",
        documents_for=("envelope-completed",),
        extras=("certificate", "sender_account"),
    )
    assert needs(to, lease(message()).notification) == {"sender_account"}


def test_the_certificate_is_of_completed_envelopes_alone() -> None:
    to = Listener(
        id=7, account_id="a", name="n", url="https://x", format="sim", extras=("certificate",)
    )
    assert needs(to, lease(message(), event="envelope-voided", origin="here").notification) == (
        frozenset()
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, None),
        ({"useSoapInterface": "false", "soapNamespace": "urn:x"}, None),
        ({"useSoapInterface": "true", "soapNamespace": "urn:x"}, "urn:x"),
        ({"useSoapInterface": "true", "soapNameSpace": "urn:y"}, "urn:y"),
    ],
)
def test_soap_has_the_namespace_of_either_spelling(said: Any, expected: str | None) -> None:
    to = Listener(id=7, account_id="a", name="n", url="https://x", configuration=said)
    assert wanted.soap_namespace(to) == expected


def test_a_summary_is_whole_with_what_an_include_adds_and_was_fetched() -> None:
    fetched = b'{"status":"voided","customFields":{"a":1},"recipients":{"b":2},"brandId":"x"}'
    carried = message({"status": "sent", "recipients": {}})
    whole = json.loads(reshape.whole_summary(carried, fetched) or b"")
    assert whole == {"status": "sent", "recipients": {}, "customFields": {"a": 1}}
    only_fetched = reshape.whole_summary(message(None), fetched) or b""
    assert json.loads(only_fetched) == json.loads(fetched)
    assert reshape.whole_summary(message(None), None) is None
