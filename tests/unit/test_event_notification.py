"""An envelope's own eventNotification as Docusign reads it, and the listener it makes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import DocusignError
from postroom.model import Account, Listener
from postroom.operations.connect.event_notification import (
    KEYS,
    lint_event_notification,
    listener_of,
)

ACCOUNT = Account(id="a1000000-0000-4000-8000-000000000001")
URL = "https://apps.example.com/app2"
MINIMAL = {"url": URL, "envelopeEvents": [{"envelopeEventStatusCode": "Completed"}]}


def made(**more: Any) -> Listener:
    return listener_of({**MINIMAL, **more}, ACCOUNT)[0]


def warned(**more: Any) -> tuple[str, ...]:
    return listener_of({**MINIMAL, **more}, ACCOUNT)[1]


def test_it_is_a_listener_of_its_envelope_named_by_its_content() -> None:
    listener = made()
    assert listener.scope == "envelope"
    prefix, _, digits = listener.name.partition("-")
    assert prefix == "eventNotification"
    assert len(bytes.fromhex(digits)) == 6
    assert (listener.url, listener.account_id) == (URL, ACCOUNT.id)
    assert listener.is_active


def test_unless_said_it_neither_acknowledges_nor_logs_nor_signs() -> None:
    listener = made()
    assert not listener.acknowledgement
    assert not listener.is_logged
    assert not listener.is_signed
    said = made(requireAcknowledgment="true", loggingEnabled=True, includeHMAC="True")
    assert said.acknowledgement
    assert said.is_logged
    assert said.is_signed


def test_equal_content_has_one_name_in_any_spelling_of_keys() -> None:
    again = listener_of(
        {
            "ENVELOPEEVENTS": [{"includeDocuments": False, "EnvelopeEventStatusCode": "Completed"}],
            "URL": URL,
            "loggingEnabled": False,
        },
        ACCOUNT,
    )[0]
    assert again == made()


@pytest.mark.parametrize(
    "more",
    [
        {"url": f"{URL}x"},
        {"requireAcknowledgment": "true"},
        {"envelopeEvents": [{"envelopeEventStatusCode": "Sent"}]},
        {"recipientEvents": ["Completed"]},
        {"eventData": {"version": "restv2.1"}},
        {"includeDocuments": "true"},
    ],
)
def test_other_content_has_another_name(more: dict[str, Any]) -> None:
    assert made(**more).name != made().name


def test_documents_come_with_the_events_that_ask_for_them() -> None:
    codes = [
        {"envelopeEventStatusCode": "Completed", "includeDocuments": "true"},
        {"envelopeEventStatusCode": "Voided", "includeDocuments": "false"},
    ]
    assert made(envelopeEvents=codes).documents_for == ("envelope-completed",)
    both = ("envelope-completed", "envelope-voided")
    assert made(envelopeEvents=codes, includeDocuments="true").documents_for == both
    include = {"includeData": ["documents"]}
    assert made(envelopeEvents=codes, eventData=include).documents_for == both


def test_events_come_as_texts_as_codes_and_by_their_new_names() -> None:
    listener = made(
        events=["envelope-sent"],
        envelopeEvents=["completed"],
        recipientEvents=[{"recipientEventStatusCode": "AutoResponded"}],
    )
    assert listener.events == (
        "envelope-completed",
        "recipient-autoresponded",
        "envelope-sent",
    )


def test_the_extras_are_those_of_its_own_spelling() -> None:
    listener = made(
        includeCertificateOfCompletion="true",
        includeSenderAccountAsCustomField="true",
        includeTimeZone="true",
        includeEnvelopeVoidReason="true",
        includeDocumentFields="true",
    )
    assert listener.extras == (
        "certificate",
        "document_fields",
        "sender_account",
        "time_zone",
        "void_reason",
    )


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("requireAcknowledgement", "requireAcknowledgment"),
        ("requiresAcknowledgement", "requireAcknowledgment"),
        ("enableLog", "loggingEnabled"),
        ("includeTimeZoneInformation", "includeTimeZone"),
        ("signMessageWithX509Certificate", "signMessageWithX509Cert"),
        ("includeCertSoapHeader", "includeCertificateWithSoap"),
        ("envelopeEvent", "envelopeEvents"),
    ],
)
def test_a_misspelt_key_is_ignored_and_warned_of(key: str, meant: str) -> None:
    listener = made(**{key: "true"})
    assert listener == made()
    (warning,) = warned(**{key: "true"})
    assert f"did you mean {meant}?" in warning


def test_the_accounts_spelling_of_the_url_leaves_it_without_one() -> None:
    said = {"urlToPublishTo": URL, "events": ["envelope-sent"]}
    with pytest.raises(DocusignError, match="Give the URL"):
        listener_of(said, ACCOUNT)


def test_without_events_it_says_that_nothing_fires() -> None:
    (warning,) = listener_of({"url": URL}, ACCOUNT)[1]
    assert "nothing fires" in warning


def test_https_is_required_but_for_loopback_where_allowed() -> None:
    with pytest.raises(DocusignError) as caught:
        made(url="http://127.0.0.1:9/")
    assert caught.value.code == "HTTPS_REQUIRED_FOR_CONNECT_LISTENER"
    listener, _ = listener_of(
        {**MINIMAL, "url": "http://127.0.0.1:9/"}, ACCOUNT, allow_http_loopback=True
    )
    assert listener.url == "http://127.0.0.1:9/"


@pytest.mark.parametrize(
    "more",
    [
        {"loggingEnabled": "maybe"},
        {"loggingEnabled": []},
        {"envelopeEvents": [5]},
        {"envelopeEvents": {"envelopeEventStatusCode": "Sent"}},
        {"eventData": []},
        {"deliveryMode": "Push"},
        {"soapNameSpace": "x" * 5001},
    ],
)
def test_what_cannot_be_used_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(DocusignError):
        made(**more)


def test_lint_tells_warnings_and_refusals_alike() -> None:
    assert lint_event_notification({**MINIMAL, "url": "http://127.0.0.1:9/"}) == ()
    assert lint_event_notification(None) == ("The body is not a JSON object; send one.",)
    (warning,) = lint_event_notification({**MINIMAL, "requireAcknowledgement": "true"})
    assert "requireAcknowledgment" in warning


@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.none()
        | st.booleans()
        | st.text(max_size=8)
        | st.lists(st.text(max_size=8) | st.dictionaries(st.text(max_size=8), st.none())),
        max_size=5,
    )
)
def test_nothing_that_is_said_breaks_the_reading(said: dict[str, Any]) -> None:
    assert isinstance(lint_event_notification({**MINIMAL, **said}), tuple)
