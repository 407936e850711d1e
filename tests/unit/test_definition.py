"""What an envelope definition says is read as the service reads it; nothing else gets through."""

import base64
import json
from pathlib import Path

import pytest
from tests.unit.envelope_cast import ACCOUNT, ANN, ANN_ID, PDF, definition, document, guids, read

from postroom.envelopes.definition import (
    Limits,
    read_custom_fields,
    read_documents,
    read_recipients,
    read_update,
    remove_custom_fields,
    results_view,
)
from postroom.envelopes.envelope import CustomField, Reminders
from postroom.errors import DocusignError
from postroom.model import AccountField, Json

ARTICLE = (
    Path(__file__).parents[2].parent
    / "shared"
    / "samples"
    / "rest"
    / "article-event-notification.json"
)
REGION = AccountField(id="77", name="Region", kind="list", value="EU", items=("EU", "US"))
PURPOSE = AccountField(id="78", name="Purpose", is_required=True)


def refusal(body: Json, **more: Json) -> DocusignError:
    with pytest.raises(DocusignError) as caught:
        read(body, **more)
    return caught.value


# --- the envelope itself ----------------------------------------------------------------------


def test_a_definition_becomes_a_draft_with_its_people_and_papers() -> None:
    made = read(definition(emailBlurb="Kindly", transactionId="t-1"))
    envelope = made.envelope
    assert (envelope.status, envelope.folder) == ("created", "draft")
    assert (envelope.subject, envelope.blurb) == ("Please sign", "Kindly")
    assert envelope.transaction_id == "t-1"
    assert [(one.id, one.name, one.status) for one in envelope.recipients] == [
        ("1", "Ann Adams", "created")
    ]
    assert [(one.id, one.extension, one.page_count) for one in envelope.documents] == [
        ("1", "pdf", 2)
    ]
    assert made.documents == (("1", base64.b64decode(PDF)),)


def test_keys_are_read_in_any_case_and_booleans_as_words_or_as_such() -> None:
    body = {
        "EMAILSUBJECT": "Hello",
        "Status": "SENT",
        "allowreassign": False,
        "Recipients": {"SIGNERS": [{"Name": "Ann", "EMAIL": "ann@example.com"}]},
        "notification": {"Expirations": {"expireenabled": True, "expireAfter": 5}},
    }
    envelope = read(body).envelope
    assert (envelope.subject, envelope.status) == ("Hello", "sent")
    assert envelope.options == {"allowReassign": "false"}
    assert envelope.recipients[0].email == "ann@example.com"
    assert (envelope.reminders.is_expiring, envelope.reminders.expire_after_days) == (True, 5)


def test_null_is_absence() -> None:
    body = definition(emailBlurb=None, customFields=None, status=None, documents=None)
    envelope = read(body).envelope
    assert (envelope.blurb, envelope.fields, envelope.documents) == ("", (), ())


@pytest.mark.parametrize("status", ["voided", "completed", "nonsense"])
def test_a_new_envelope_is_created_or_sent_and_nothing_else(status: str) -> None:
    assert refusal(definition(status=status)).code == "INVALID_REQUEST_PARAMETER"


def test_reminders_are_the_accounts_own_unless_said_otherwise() -> None:
    own = Reminders(is_reminding=True, delay_days=3, expire_after_days=30)
    said = {"reminders": {"reminderDelay": "1"}, "expirations": {"expireWarn": "2"}}
    with_defaults = {"useAccountDefaults": "true", **said}
    assert read(definition(), reminders=own).envelope.reminders == own
    assert read(definition(notification=with_defaults), reminders=own).envelope.reminders == own
    assert read(definition(notification=said), reminders=own).envelope.reminders == Reminders(
        is_reminding=True, delay_days=1, expire_after_days=30, warn_days=2
    )


def test_settings_attachments_and_the_power_form_are_kept_without_bytes() -> None:
    envelope = read(
        definition(
            emailSettings={"replyEmailAddressOverride": "r@example.com"},
            attachments=[{"attachmentId": 1, "label": "L", "data": "QUJD"}],
            powerForm={"powerFormId": "p-1"},
            brandId="b-1",
        )
    ).envelope
    assert envelope.options == {
        "emailSettings": {"replyEmailAddressOverride": "r@example.com"},
        "brandId": "b-1",
    }
    assert envelope.attachments == [{"attachmentId": "1", "label": "L"}]
    assert envelope.power_form_id == "p-1"


def test_event_notifications_are_handed_on_as_given_the_single_one_first() -> None:
    single = {"url": "https://a.example", "requireAcknowledgment": True}
    more = [{"url": "https://b.example"}, {"URL": "https://c.example"}]
    made = read(definition(eventNotification=single, eventNotifications=more))
    assert made.event_notifications == (single, *more)


def test_the_articles_definition_is_taken_word_for_word() -> None:
    if not ARTICLE.is_file():
        pytest.skip("THE ARTICLE'S JSON WAS NOT READ: shared/samples is not beside the checkout")
    said = json.loads(ARTICLE.read_text())
    made = read(said)
    assert made.envelope.status == "sent"
    assert made.event_notifications == (said["eventNotification"],)
    assert made.warnings == ()


def test_a_key_that_is_nearly_one_is_ignored_and_warned_about() -> None:
    body = definition(emailSubjekt="x", colour="red")
    body["recipients"]["signers"][0]["routingOder"] = "2"
    made = read(body)
    assert len(made.warnings) == 2
    assert "emailSubjekt" in made.warnings[0]
    assert "emailSubject" in made.warnings[0]
    assert "routingOder" in made.warnings[1]


def test_an_update_changes_what_it_says_and_nothing_is_nothing() -> None:
    envelope = read(definition(brandId="b")).envelope
    assert read_update({"status": "sent"}, envelope, at=9) is envelope
    changed = read_update({"emailSubject": "New", "allowMarkup": True}, envelope, at=9)
    assert (changed.subject, changed.modified_at) == ("New", 9)
    assert changed.options == {"brandId": "b", "allowMarkup": "true"}


# --- recipients -------------------------------------------------------------------------------


def test_recipients_of_every_list_keep_their_list_and_what_else_was_said() -> None:
    lists = {
        "signers": [ANN | {"accessCode": 123, "tabs": {"textTabs": [{"tabLabel": "po"}]}}],
        "carbonCopies": [{"name": "Cc", "email": "cc@example.com", "recipientId": 2}],
        "inPersonSigners": [{"signerName": "Ina", "hostEmail": "host@example.com"}],
        "seals": [{"name": "Seal"}],
    }
    people = read(definition(recipients=lists, status="sent")).envelope.recipients
    assert [(one.role, one.id, one.name) for one in people] == [
        ("signers", "1", "Ann Adams"),
        ("carbonCopies", "2", "Cc"),
        ("inPersonSigners", "3", "Ina"),
        ("seals", "4", "Seal"),
    ]
    assert people[0].more == {"accessCode": "123"}
    assert people[0].tabs == {
        "textTabs": [{"tabLabel": "po", "recipientId": "1", "documentId": "1", "tabType": "text"}]
    }


def test_a_user_of_the_account_is_known_by_its_address_and_others_stay_the_same() -> None:
    body = definition()
    body["recipients"] = {"signers": [ANN, {"name": "Eve", "email": "eve@example.com"}]}
    first, second = read(body).envelope.recipients, read(body).envelope.recipients
    assert first[0].user_id == ANN_ID
    assert first[1].user_id == second[1].user_id != ANN_ID


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ({"email": "not an address"}, "INVALID_EMAIL_ADDRESS_FOR_RECIPIENT"),
        ({"email": ""}, "INVALID_EMAIL_ADDRESS_FOR_RECIPIENT"),
        ({"name": ""}, "INVALID_REQUEST_PARAMETER"),
        ({"recipientId": "a b"}, "INVALID_RECIPIENT_ID"),
        ({"routingOrder": "first"}, "INVALID_REQUEST_BODY"),
        ({"routingOrder": "-1"}, "INVALID_REQUEST_BODY"),
        ({"name": ["Ann"]}, "INVALID_REQUEST_BODY"),
        ({"name": "A" * 101}, "INVALID_REQUEST_PARAMETER"),
        ({"tabs": []}, "INVALID_REQUEST_BODY"),
        ({"tabs": {"textTabs": ["x"]}}, "INVALID_REQUEST_BODY"),
        ({"tabs": {"textTabs": [{"tabLabel": {}}]}}, "INVALID_REQUEST_BODY"),
    ],
)
def test_a_recipient_that_cannot_be_is_refused_by_code(recipient: Json, code: str) -> None:
    body = definition(status="sent", recipients={"signers": [ANN | recipient]})
    assert refusal(body).code == code


def test_two_recipients_of_one_id_are_refused() -> None:
    body = definition(recipients={"signers": [ANN], "carbonCopies": [ANN]})
    assert refusal(body).code == "INVALID_RECIPIENT_ID"


def test_a_correction_keeps_what_it_does_not_say_and_a_new_id_is_a_new_recipient() -> None:
    envelope = read(definition(recipients={"signers": [ANN | {"note": "n"}]})).envelope
    body = {
        "signers": [{"recipientId": "1", "email": "ben@example.com"}],
        "carbonCopies": [{"name": "Cc", "email": "cc@example.com"}],
    }
    made = read_recipients(body, envelope, account=ACCOUNT, new_guid=guids())
    ben, copied = made.recipients
    assert (ben.name, ben.email, ben.note) == ("Ann Adams", "ben@example.com", "n")
    assert ben.guid == envelope.recipients[0].guid
    assert ben.user_id != ANN_ID
    assert (copied.id, copied.role) == ("2", "carbonCopies")


def test_a_recipient_that_cannot_be_corrected_is_a_fault_beside_those_that_can() -> None:
    envelope = read(definition()).envelope
    body = {"signers": [{"recipientId": "1", "email": "x"}, ANN | {"recipientId": "2"}]}
    made = read_recipients(body, envelope, account=ACCOUNT, new_guid=guids())
    assert [one.id for one in made.recipients] == ["2"]
    first, second = results_view(made)["recipientUpdateResults"]
    assert first["errorDetails"]["errorCode"] == "INVALID_EMAIL_ADDRESS_FOR_RECIPIENT"
    assert second == {"recipientId": "2"}


# --- documents --------------------------------------------------------------------------------


def test_html_and_text_are_documents_too() -> None:
    documents = [
        {"documentId": "1", "htmlDefinition": {"source": "<p>ä</p>"}},
        {"name": "note.txt", "documentBase64": base64.b64encode(b"hello").decode()},
    ]
    made = read(definition(documents=documents))
    assert [(one.id, one.extension) for one in made.envelope.documents] == [
        ("1", "html"),
        ("2", "txt"),
    ]
    assert dict(made.documents) == {"1": "<p>ä</p>".encode(), "2": b"hello"}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"documentBase64": "***"}, "INVALID_REQUEST_BODY"),
        ({"documentBase64": ""}, "INVALID_REQUEST_BODY"),
        ({"documentBase64": None}, "INVALID_REQUEST_BODY"),
        ({"documentBase64": "aGVsbG8="}, "PDF_VALIDATION_FAILED"),
        ({"fileExtension": "exe"}, "UNSUPPORTED_FILE_TYPE"),
        ({"documentId": "combined"}, "INVALID_REQUEST_PARAMETER"),
        ({"documentId": "../1"}, "INVALID_REQUEST_PARAMETER"),
        ({"documentId": "2"}, "INVALID_REQUEST_PARAMETER"),
    ],
)
def test_a_document_that_cannot_be_is_refused_by_code(said: Json, code: str) -> None:
    body = definition(documents=[document("2"), document() | said])
    assert refusal(body).code == code


def test_a_document_beyond_the_limit_is_refused_before_it_is_decoded() -> None:
    error = refusal(definition(), limits=Limits(document_bytes=10))
    assert error.code == "DOCUMENT_TOO_LARGE"


def test_document_fields_and_prefilled_tabs_are_kept() -> None:
    said = {
        "documentFields": [{"name": "n", "value": 1}],
        "tabs": {"prefillTabs": {"textTabs": [{"TabLabel": "a", "value": "b"}]}},
    }
    made = read_documents({"documents": [document() | said]}, new_guid=guids())
    assert made.documents[0].fields == (("n", "1"),)
    assert made.documents[0].tabs == {
        "prefillTabs": {"textTabs": [{"tabLabel": "a", "value": "b"}]}
    }


# --- custom fields ----------------------------------------------------------------------------


def test_the_accounts_fields_are_added_with_their_defaults_and_rules() -> None:
    said = {"textCustomFields": [{"name": "Purpose", "value": "Sale"}, {"name": "PO"}]}
    fields = read(definition(customFields=said), REGION, PURPOSE).envelope.fields
    assert [(one.id, one.name, one.value, one.is_required) for one in fields] == [
        ("78", "Purpose", "Sale", True),
        (fields[1].id, "PO", "", False),
        ("77", "Region", "EU", False),
    ]
    assert fields[2].items == ("EU", "US")


@pytest.mark.parametrize(
    "said",
    [
        {"textCustomFields": [{"name": "N" * 101, "value": ""}]},
        {"textCustomFields": [{"name": "N", "value": "v" * 101}]},
        {"textCustomFields": [{"value": "nameless"}]},
        {"textCustomFields": [{"name": str(n)} for n in range(501)]},
        {"listCustomFields": [{"name": "L", "listItems": ["i" * 101]}]},
        {"listCustomFields": [{"name": "L", "listItems": [f"{n:0100}" for n in range(21)]}]},
    ],
)
def test_custom_fields_beyond_the_documented_limits_are_refused(said: Json) -> None:
    assert refusal(definition(customFields=said)).code == "INVALID_REQUEST_PARAMETER"


def test_fields_are_added_changed_and_removed_by_id_or_name() -> None:
    fields = (CustomField(id="1", name="a", value="x"), CustomField(id="2", name="b"))
    added = read_custom_fields(
        {"textCustomFields": [{"name": "c", "value": 3}]}, fields, is_adding=True
    )
    assert [one.value for one in added.fields] == ["x", "", "3"]
    put = read_custom_fields(
        {"textCustomFields": [{"fieldId": "1", "value": "y"}]}, fields, is_adding=False
    )
    assert put.fields[0] == CustomField(id="1", name="a", value="y")
    assert put.named == (put.fields[0],)
    left = remove_custom_fields({"textCustomFields": [{"name": "a"}]}, fields)
    assert left.fields == fields[1:]
    with pytest.raises(DocusignError, match="list them"):
        read_custom_fields({"textCustomFields": [{"fieldId": "9"}]}, fields, is_adding=False)


# --- bounds -----------------------------------------------------------------------------------


def test_what_is_too_deep_too_full_or_cannot_be_kept_is_refused() -> None:
    deep: Json = {}
    for _ in range(100):
        deep = {"recipients": deep}
    bodies = [
        deep,
        {"x": [0] * 300_000},
        {"emailSubject": "a\x00b"},
        {"a\ud800": ""},
        [],
        "x",
        None,
    ]
    assert {refusal(body).code for body in bodies} == {"INVALID_REQUEST_BODY"}


def test_a_number_too_long_to_be_written_is_refused() -> None:
    assert refusal(definition(brandId=10**5_000)).code == "INVALID_REQUEST_BODY"


def test_an_error_never_repeats_more_than_a_little_of_what_was_sent() -> None:
    error = refusal(definition(recipients={"signers": [{"tabs": {"x" * 9_999: 1, "textTabs": 1}}]}))
    assert len(str(error)) < 300
