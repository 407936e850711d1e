"""The legacy message tells the state of an envelope as Docusign's own does (contract 3.3)."""

from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element
from tests.unit.legacy_cast import (
    ENVELOPE,
    SECOND,
    SUMMER,
    TABS,
    WINTER,
    envelope,
    recipient,
    signed,
)

from postroom.envelopes.envelope import CustomField, Envelope
from postroom.envelopes.legacy_element import NAMESPACE, NIL
from postroom.envelopes.legacy_xml import envelope_xml
from postroom.envelopes.local_time import offset_hours

NS = {"d": NAMESPACE}


def tree(of: Envelope, **more: Any) -> _Element:
    return etree.fromstring(envelope_xml(of, **({"at": WINTER} | more)))


def texts(root: _Element, path: str) -> list[str | None]:
    return [one.text for one in root.iterfind(path, NS)]


def names(root: _Element, path: str) -> list[str]:
    element = root.find(path, NS)
    assert element is not None
    return [etree.QName(one).localname for one in element]


def test_the_envelope_is_told_in_the_order_of_captured_messages() -> None:
    root = tree(envelope(), extras={"time_zone"})
    assert root.tag == f"{{{NAMESPACE}}}DocuSignEnvelopeInformation"
    assert names(root, ".") == ["EnvelopeStatus", "TimeZone", "TimeZoneOffset"]
    assert " ".join(names(root, "d:EnvelopeStatus")) == (
        "RecipientStatuses TimeGenerated EnvelopeID Subject UserName Email Status Created Sent "
        "Delivered Signed Completed ACStatus ACStatusDate ACHolder ACHolderEmail "
        "ACHolderLocation SigningLocation SenderIPAddress EnvelopePDFHash CustomFields "
        "AutoNavigation EnvelopeIdStamping AuthoritativeCopy DocumentStatuses"
    )
    assert texts(root, ".//d:EnvelopeID") == [ENVELOPE]
    assert texts(root, ".//d:Subject") == ['Vertrag „Müller & Söhne" <unterschreiben>']


def test_a_recipient_is_told_in_the_order_of_captured_messages() -> None:
    root = tree(envelope(recipients=(signed(1, tabs=TABS, client_user_id="7"),)))
    assert " ".join(names(root, ".//d:RecipientStatus")) == (
        "Type Email UserName RoutingOrder Sent Delivered Signed DeclineReason Status "
        "RecipientIPAddress ClientUserId CustomFields TabStatuses RecipientAttachment "
        "AccountStatus FormData RecipientId"
    )


def test_statuses_are_capitalised() -> None:
    others = (recipient(1, status="autoresponded"), recipient(2, status="faxpending"))
    root = tree(envelope(status="timedout", recipients=others))
    assert texts(root, "d:EnvelopeStatus/d:Status") == ["TimedOut"]
    assert texts(root, ".//d:RecipientStatus/d:Status") == ["AutoResponded", "FaxPending"]


@pytest.mark.parametrize(
    ("at", "zone", "hours"),
    [
        (WINTER, "Pacific Standard Time", -8),
        (SUMMER, "Pacific Standard Time", -7),
        (SUMMER, "Eastern Standard Time", -4),
        (WINTER, "Central Standard Time", -6),
        (SUMMER, "UTC", 0),
        # In 2026 clocks change on 8 March and 1 November, at two in the morning.
        (1_772_963_999_999_999, "Pacific Standard Time", -8),
        (1_772_964_000_000_000, "Pacific Standard Time", -7),
        (1_793_523_599_999_999, "Pacific Standard Time", -7),
        (1_793_523_600_000_000, "Pacific Standard Time", -8),
    ],
)
def test_a_zone_keeps_summer_time(at: int, zone: Any, hours: int) -> None:
    assert offset_hours(zone, at) == hours


def test_moments_are_local_to_the_zone_unmarked_and_trimmed() -> None:
    root = tree(envelope(), extras=["time_zone"])
    assert texts(root, ".//d:TimeGenerated") == ["2026-01-14T23:10:25.12"]
    assert texts(root, "d:EnvelopeStatus/d:Created") == ["2026-01-14T23:09:25.12"]
    assert texts(root, "d:TimeZone") == ["Pacific Standard Time"]
    assert texts(root, "d:TimeZoneOffset") == ["-8"]
    east = tree(envelope(), time_zone="Eastern Standard Time")
    assert texts(east, ".//d:TimeGenerated") == ["2026-01-15T02:10:25.12"]


def test_one_offset_holds_for_all_moments_so_that_it_leads_back_to_utc() -> None:
    root = tree(envelope(), at=SUMMER, extras=["time_zone"])
    assert texts(root, "d:TimeZoneOffset") == ["-7"]
    assert texts(root, "d:EnvelopeStatus/d:Sent") == ["2026-01-15T00:10:25.12"]


def test_the_zone_is_told_only_when_asked_for() -> None:
    assert names(tree(envelope()), ".") == ["EnvelopeStatus"]


def test_a_reason_not_to_sign_is_nil_unless_there_is_one() -> None:
    declined = recipient(2, status="declined", declined_at=WINTER, declined_reason="Non !")
    root = tree(envelope(recipients=(recipient(1), declined)))
    none, some = root.iterfind(".//d:DeclineReason", NS)
    assert (none.get(NIL), none.text) == ("true", None)
    assert (some.get(NIL), some.text) == (None, "Non !")
    assert texts(root, ".//d:RecipientStatus/d:Declined") == ["2026-01-14T23:10:25.12"]


def test_a_bounced_recipient_says_why() -> None:
    bounced = recipient(1, status="autoresponded", autoresponded_reason="mailbox full")
    root = tree(envelope(recipients=(bounced,)))
    assert texts(root, ".//d:AutoRespondedReason") == ["mailbox full"]
    assert names(root, ".//d:RecipientStatus").index("AutoRespondedReason") == 5


@pytest.mark.parametrize(
    ("given", "check"),
    [
        (None, "AccessCodeResult"),
        ({"phoneAuthentication": {}}, "PhoneAuthResult"),
        ({"idCheckConfigurationName": "ID Check $"}, "IDQuestionsResult"),
    ],
)
def test_a_failed_authentication_is_told_until_it_is_mended(given: Any, check: str) -> None:
    failed = recipient(1, status="sent", is_locked_out=True, failed_at=WINTER, more=given)
    root = tree(envelope(recipients=(failed,)))
    assert names(root, ".//d:RecipientAuthenticationStatus") == [check]
    assert texts(root, f".//d:{check}/d:Status") == ["Failed"]
    assert texts(root, f".//d:{check}/d:EventTimestamp") == ["2026-01-15T07:10:25.120Z"]
    mended = recipient(1, status="sent", failed_at=WINTER)
    path = ".//d:RecipientAuthenticationStatus"
    assert tree(envelope(recipients=(mended,))).find(path, NS) is None


def test_the_sender_accounts_fields_stand_last_and_hidden() -> None:
    account = (("AccountId", "4197223"), ("AccountName", "Acme"), ("AccountSite", "demo"))
    root = tree(envelope(), extras=["sender_account"], sender_account=account)
    told = ["PO Number", "Region", "AccountId", "AccountName", "AccountSite"]
    assert texts(root, ".//d:CustomField/d:Name") == told
    assert texts(root, ".//d:CustomField/d:Show")[1:] == ["true", "false", "false", "false"]
    assert texts(root, ".//d:CustomField/d:Value")[:2] == ["PO-7781", "EMEA"]
    assert texts(root, ".//d:CustomField/d:ListItems") == ["EMEA;APAC"]
    unasked = tree(envelope(), sender_account=account)
    assert texts(unasked, ".//d:CustomField/d:Name") == ["PO Number", "Region", "AccountSite"]


def test_tabs_are_told_by_the_kinds_the_schema_knows() -> None:
    root = tree(envelope(recipients=(signed(1, tabs=TABS),)))
    tabs = root.findall(".//d:TabStatus", NS)
    told = [tuple(one.findtext(f"d:{name}", None, NS) for name in COLUMNS) for one in tabs]
    assert told == [
        ("SignHere", "Signed", "SignHere", "SignHere", "", None),
        ("DateSigned", "Signed", "Date Signed", "DateSigned", "1/15/2026", None),
        ("Custom", "Signed", "PO", "Text", "PO-7781", "Text"),
        ("Custom", "Signed", "Terms", "Checkbox", "X", "Checkbox"),
        ("Custom", "Signed", "Colour", "red", "", "Radio"),
        ("Custom", "Signed", "Colour", "blue", "X", "Radio"),
        ("Custom", "Signed", "Size", "List", "M", "List"),
    ]
    assert texts(tabs[0], "d:XPosition") + texts(tabs[0], "d:YPosition") == ["208", "99.5"]
    assert texts(tabs[6], "d:ListValues") == ["S;M"]


COLUMNS = ("TabType", "Status", "TabLabel", "TabName", "TabValue", "CustomTabType")


def test_a_form_is_filled_in_only_once_it_is_signed() -> None:
    root = tree(envelope(recipients=(signed(1, tabs=TABS),)))
    fields = {one.get("name"): one.findtext("d:value", None, NS) for one in root.iter(FIELD)}
    assert fields["PO"] == "PO-7781"
    attached = b64decode(root.findtext(".//d:Attachment/d:Data", "", NS))
    inside = {one.get("name"): one.findtext("value") for one in etree.fromstring(attached).iter()}
    assert inside["PO"] == "PO-7781"
    unsigned = tree(envelope(recipients=(recipient(1, status="delivered", tabs=TABS),)))
    assert unsigned.find(".//d:FormData", NS) is None
    assert texts(unsigned, ".//d:TabStatus/d:Status") == ["Active"] * 7


FIELD = f"{{{NAMESPACE}}}field"


def test_documents_and_the_certificate_are_carried_when_given() -> None:
    one = envelope()
    root = tree(one, documents=[(one.documents[0], b"%PDF-1")], certificate=b"%PDF-2")
    assert names(root, ".") == ["EnvelopeStatus", "DocumentPDFs"]
    assert texts(root, ".//d:DocumentPDF/d:DocumentType") == ["CONTENT", "SUMMARY"]
    pdfs = [b64encode(pdf).decode() for pdf in (b"%PDF-1", b"%PDF-2")]
    assert texts(root, ".//d:DocumentPDF/d:PDFBytes") == pdfs
    assert texts(root, ".//d:DocumentPDF/d:DocumentID") == ["1"]
    name = f"CertificateOfCompletion_{ENVELOPE}.pdf"
    assert texts(root, ".//d:DocumentPDF/d:Name") == ["agreement.pdf", name]


def test_document_fields_and_the_reason_of_voiding_are_told_when_asked_for() -> None:
    voided = envelope(status="voided", voided_at=WINTER, voided_reason="mistake")
    plain = tree(voided)
    assert plain.find(".//d:VoidReason", NS) is None
    assert plain.find(".//d:DocumentFields", NS) is None
    told = tree(voided, extras=["void_reason", "document_fields"])
    assert texts(told, ".//d:VoidReason") == ["mistake"]
    assert texts(told, ".//d:DocumentField/d:Value") == ["7"]


def test_a_soap_listener_gets_a_call_in_its_own_namespace() -> None:
    root = tree(envelope(), soap_namespace="https://erp.example.com/connect")
    path = "{*}Body/{https://erp.example.com/connect}DocuSignConnectUpdate"
    call = root.find(path)
    assert call is not None
    assert [one.tag for one in call] == [
        "{https://erp.example.com/connect}DocuSignEnvelopeInformation"
    ]
    assert texts(call, ".//d:EnvelopeID") == [ENVELOPE]


@pytest.mark.parametrize("namespace", ["urn:erp", NAMESPACE])
def test_the_message_is_one_line_of_utf_8_without_prefixes(namespace: str) -> None:
    body = envelope_xml(envelope(), at=WINTER, soap_namespace=namespace)
    assert body.startswith(b'<?xml version="1.0" encoding="utf-8"?><soap:Envelope ')
    assert b"<EnvelopeID>" in body
    assert b"\n" not in body
    assert "„Müller".encode() in body


anything = st.text(st.characters(), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | anything | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=8,
)


@given(anything, anything, st.dictionaries(anything, json_values, max_size=4))
def test_hostile_text_is_replaced_and_never_raises(one: str, other: str, more: Any) -> None:
    hostile = signed(1, name=one, declined_reason=other, client_user_id=one, more=more)
    root = tree(
        envelope(
            subject=one,
            recipients=(hostile,),
            fields=(CustomField(id="1", name=other, value=one),),
            options=more,
        ),
        soap_namespace=other,
        extras=["time_zone"],
    )
    subject = root.findtext(".//d:Subject", "", NS)
    kept = [(a, b) for a, b in zip(one, subject, strict=True) if a != b]
    assert all(b == "\N{REPLACEMENT CHARACTER}" for _, b in kept)
    assert {a for a, _ in kept} <= {*map(chr, range(32)), *"\ufffe\uffff", *SURROGATES} - {
        *"\t\n\r"
    }


SURROGATES = [chr(code) for code in range(0xD800, 0xE000)]


@given(
    st.dictionaries(st.sampled_from(list(TABS)), st.lists(json_values, max_size=2) | json_values),
    st.dictionaries(
        st.sampled_from(["tabLabel", "value", "name", "documentId", "xPosition", "selected"]),
        json_values,
    ),
)
def test_tabs_of_any_shape_never_raise(tabs: dict[str, Any], tab: dict[str, Any]) -> None:
    one = signed(1, tabs=tabs | {"textTabs": [tab], "radioGroupTabs": [{"radios": [tab]}]})
    assert len(tree(envelope(recipients=(one,))).findall(".//d:TabStatus", NS)) >= 2


def test_a_moment_of_the_second_has_no_fraction() -> None:
    at = WINTER - WINTER % SECOND
    assert texts(tree(envelope(), at=at), ".//d:TimeGenerated") == ["2026-01-14T23:10:25"]
